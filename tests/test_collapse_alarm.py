"""The alarm: it warns of samples that look alike and of a discriminator that wins, and of no other.

The data are digits of 8x8; a generator is any function that returns images.
"""

from types import SimpleNamespace

import keras
import numpy as np
import pytest

from maquette.callbacks.collapse_alarm import CollapseAlarm, bin_centres, bin_shares
from maquette.sources import open_source

TRAIN = open_source("digits", {"images"}).splits["train"]
KNOWN, OTHERS = TRAIN.images[::2], TRAIN.images[1::2] / 255
LABELS = TRAIN.labels[1::2]


def alarm_of(samples: np.ndarray, **options) -> CollapseAlarm:
    return CollapseAlarm(lambda: samples, KNOWN, **{"grace": 0, **options})


def repeated(images: np.ndarray) -> np.ndarray:
    return np.resize(images, OTHERS.shape)


def test_images_like_the_data_have_diversity_one():
    assert alarm_of(OTHERS).diversity() == pytest.approx(1, abs=0.15)


def test_images_like_the_data_raise_no_alarm(capsys):
    alarm = alarm_of(OTHERS)
    for epoch in range(3):
        alarm.on_epoch_end(epoch, {"discriminator_loss": 0.7})
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("name", "samples"),
    [
        ("one image", repeated(OTHERS[:1])),
        ("one image and a little noise", repeated(OTHERS[:1]) + 0.01 * OTHERS),
        ("five images", repeated(OTHERS[:5])),
        ("one class", OTHERS[LABELS == 3]),
        ("two classes", OTHERS[LABELS < 2]),
        ("black", np.zeros_like(OTHERS)),
        ("no numbers", np.full_like(OTHERS, np.nan)),
    ],
)
def test_samples_that_look_alike_raise_the_alarm(capsys, name, samples):
    alarm_of(samples).on_epoch_end(0, logs := {})
    assert logs["diversity"] < 0.3, name
    warning = capsys.readouterr().err
    assert len(warning.splitlines()) == 1
    assert f"the samples look alike: their diversity is {logs['diversity']:.2f}" in warning


def test_fewer_classes_mean_less_diversity():
    values = [alarm_of(OTHERS[count > LABELS]).diversity() for count in (1, 3, 5, 7, 10)]
    assert values == sorted(values)
    assert values[1] < 0.55


def test_an_alarm_is_given_once_until_it_has_recovered(capsys):
    state = SimpleNamespace(samples=repeated(OTHERS[:1]))
    alarm = CollapseAlarm(lambda: state.samples, KNOWN, grace=0)
    said = []
    for epoch, samples in enumerate((OTHERS[:1], OTHERS[:1], OTHERS, OTHERS[:1], OTHERS[:1])):
        state.samples = samples
        alarm.on_epoch_end(epoch, {})
        said.append(len(capsys.readouterr().err.splitlines()))
    assert said == [1, 0, 0, 1, 0]


def test_a_discriminator_that_wins_raises_the_alarm_once(capsys):
    alarm, said = alarm_of(OTHERS), []
    for epoch, loss in enumerate((0.5, 0.001, 0.0, 0.5, 0.001)):
        alarm.on_epoch_end(epoch, {"discriminator_loss": loss})
        said.append(capsys.readouterr().err)
    assert [len(lines.splitlines()) for lines in said] == [0, 1, 0, 0, 1]
    assert "the discriminator wins: with its loss at 0.0010" in said[1]


def test_the_first_epochs_are_logged_without_an_alarm(capsys):
    alarm = alarm_of(repeated(OTHERS[:1]), grace=2)
    for epoch in range(2):
        alarm.on_epoch_end(epoch, logs := {"discriminator_loss": 0.0})
        assert "diversity" in logs
    assert capsys.readouterr().err == ""
    alarm.on_epoch_end(2, {"discriminator_loss": 0.0})
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_diversity_is_in_the_history_of_any_fit():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.zeros((4, 1), np.float32)
    history = model.fit(x, x, epochs=2, verbose=0, callbacks=[alarm_of(OTHERS)]).history
    assert history["diversity"] == [alarm_of(OTHERS).diversity()] * 2


def test_images_in_bytes_and_in_floats_and_in_any_order_of_classes_tell_the_same():
    sorted_images = KNOWN[np.argsort(TRAIN.labels[::2], kind="stable")]
    expected = alarm_of(OTHERS).diversity()
    as_floats = CollapseAlarm(lambda: OTHERS, KNOWN / 255)
    assert as_floats.diversity() == pytest.approx(expected, abs=1e-6)
    assert CollapseAlarm(lambda: OTHERS, sorted_images).diversity() == pytest.approx(1, abs=0.15)


def test_each_image_is_counted_in_the_bin_that_is_nearest():
    centres = np.array([0.0, 0.5, 1.0]).reshape(3, 1, 1, 1)
    images = np.array([0, 30, 120, 255], np.uint8).reshape(4, 1, 1, 1)
    np.testing.assert_array_equal(bin_shares(images, centres), [0.5, 0.25, 0.25])


def test_few_images_make_few_bins():
    assert len(bin_centres(KNOWN[:4])) == 1
    assert len(bin_centres(KNOWN[:40])) == 8
