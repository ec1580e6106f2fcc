"""The film of confusion matrices: true counts after chosen epochs, a film and a strip."""

import keras
import numpy as np
import pytest
from PIL import Image

from maquette.callbacks.confusion_over_training import ConfusionOverTraining
from maquette.reporting import plots

CLASSES = ["ant", "bee", "cat"]
Y = np.arange(40) % 3
X = np.eye(3, dtype=np.float32)[Y]


def fit(folder, epochs: int, **options) -> ConfusionOverTraining:
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.5), loss)
    film = ConfusionOverTraining(X, Y, CLASSES, folder, **options)
    model.fit(X, Y, epochs=epochs, verbose=0, callbacks=[film])
    return film


@pytest.fixture(scope="module")
def filmed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    return folder / "figures", fit(folder, 5, frames=4, moments=2)


def test_each_chosen_epoch_has_a_frame_and_the_film_shows_all(filmed):
    figures, _ = filmed
    frames = sorted(path.name for path in (figures / "confusion_over_training").iterdir())
    assert frames == [f"epoch_0000{n}.png" for n in (0, 1, 2, 5)]
    with Image.open(figures / "confusion_over_training.gif") as film:
        assert film.n_frames == 4


def test_the_strip_has_the_first_and_the_last_picture(filmed):
    figures, _ = filmed
    with Image.open(figures / "confusion_over_training.png") as strip:
        with Image.open(figures / "confusion_over_training" / "epoch_00000.png") as frame:
            assert strip.width == 2 * frame.width + 8
        left = np.asarray(strip.crop((0, 0, frame.width, frame.height)))
    with Image.open(figures / "confusion_over_training" / "epoch_00000.png") as frame:
        np.testing.assert_array_equal(left, np.asarray(frame.convert("RGB")))


def test_what_is_counted_are_the_model_s_own_answers(monkeypatch, tmp_path):
    seen = []
    real = plots.confusion_matrix
    monkeypatch.setattr(
        plots, "confusion_matrix", lambda y, p, c: seen.append((y, p)) or real(y, p, c)
    )
    film = fit(tmp_path, 8)
    labels, predicted = seen[-1]
    np.testing.assert_array_equal(labels, Y)
    np.testing.assert_array_equal(predicted, Y)  # three classes as three numbers are learned
    np.testing.assert_array_equal(predicted, film.predicted())
    assert (seen[0][1] != Y).any()
