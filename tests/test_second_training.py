"""The second training: train and validation together, for as long as the first was best."""

import csv
from contextlib import suppress
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from image_trees import add_images
from resume import different, train_killed

import maquette
from maquette.callbacks.cosine_schedule import CosineSchedule
from maquette.contract import Stage
from maquette.datasets import image_folder
from maquette.gallery import load_template
from maquette.images.sized_images import SizedImages
from maquette.orders import OfLength, Shuffled
from maquette.pipeline import Examples
from maquette.second_training import (
    FIRST_VALIDATION,
    First,
    Joined,
    joined,
    require_possible,
)
from maquette.states import StateFolder
from maquette.templates import mlp

SMALL = {"data": "digits", "hidden_units": (8,), "batch_size": 64}


class Watch(keras.callbacks.Callback):
    """Spoil the weights in an epoch and all that follow it, and keep what can be seen."""

    def __init__(self, spoilt_from: int = 99):
        super().__init__()
        self.spoilt_from = spoilt_from
        self.begun_with, self.weights, self.rates, self.losses = [], [], [], []

    def on_train_begin(self, logs=None):
        self.begun_with = self.model.get_weights()

    def on_epoch_begin(self, epoch, logs=None):
        if epoch >= self.spoilt_from:
            self.model.set_weights([np.zeros_like(w) for w in self.model.get_weights()])

    def on_train_batch_begin(self, batch, logs=None):
        self.rates.append(float(self.model.optimizer.learning_rate))

    def on_epoch_end(self, epoch, logs=None):
        self.weights.append(self.model.get_weights())


@pytest.fixture
def train(tmp_path, monkeypatch):
    """Train a small network in two stages, which the test watches; return the run and those."""

    def train(kind, *spoilt_from, **options):
        seen = []

        def stages(model, config, data):
            for number, spoilt in enumerate(spoilt_from, 1):
                seen.append(Watch(spoilt))
                watched = [CosineSchedule(), seen[-1]]
                yield Stage(f"stage{number}", model, 3, 64, callbacks=watched)

        monkeypatch.setattr(mlp, "stages", stages, raising=False)
        options = {"out": tmp_path, "name": "run", "second_training": kind, **SMALL, **options}
        return maquette.train("mlp", **options), seen

    return train


def rows_of(run, stage):
    return [row for row in run.history if row["stage"] == stage]


def assert_equal(first, second):
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


def test_retraining_repeats_all_stages_up_to_their_best_epochs(train):
    run, (first, second, first_again, second_again) = train("retrain", 2, 1)
    epochs = {row["stage"]: row["epoch"] for row in run.history}
    assert epochs == {"stage1": 3, "stage2": 3, "stage1_all_data": 2, "stage2_all_data": 1}
    assert_equal(first.begun_with, first_again.begun_with)
    assert_equal(second_again.begun_with, first_again.weights[1])
    assert_equal(run.model.get_weights(), second_again.weights[0])
    assert not np.array_equal(second.weights[0][0], second_again.weights[0][0])
    # The learning rate falls as before, and stops on the way.
    assert first_again.rates == first.rates[: len(first_again.rates)]
    assert len(first_again.rates) == len(first.rates) * 2 / 3


def test_a_stage_after_the_best_epoch_is_left_out(train):
    run, watched = train("retrain", 1, 0)
    assert [row["stage"] for row in run.history[6:]] == ["stage1_all_data"]
    assert_equal(run.model.get_weights(), watched[2].weights[0])


def test_continuing_goes_on_from_the_chosen_weights_with_a_rate_from_half_to_none(train):
    run, (_, second, *_, again) = train("continue", 1, 2)
    rows = rows_of(run, "stage2_all_data")
    assert [row["epoch"] for row in rows] == [3, 4]
    assert run.history[-2:] == rows
    assert not rows_of(run, "stage1_all_data")
    assert_equal(again.begun_with, second.weights[1])
    assert len(again.rates) == len(second.rates) * 2 / 3
    assert again.rates[0] == pytest.approx(second.rates[0] / 2)
    assert 0 < again.rates[-1] < 0.01 * again.rates[0]
    assert sorted(again.rates, reverse=True) == again.rates


def test_what_chose_the_epoch_is_told_and_the_final_model_judged_on_test_alone(train, capsys):
    run, _ = train("retrain", 1)
    assert list(run.metrics) == [FIRST_VALIDATION, "test"]
    best = run.history[0]["val_accuracy"]
    first = run.metrics[FIRST_VALIDATION]["metrics"]["accuracy"]
    assert first == pytest.approx(best, abs=1e-6)
    test = maquette.evaluate(run)
    assert test["metrics"] == run.metrics["test"]["metrics"]
    assert "learned from" not in capsys.readouterr().err
    maquette.evaluate(run, split="validation")
    assert "learned from its validation examples" in capsys.readouterr().err
    assert "val_accuracy" not in rows_of(run, "stage1_all_data")[0]
    assert maquette.Run(run.path).record["fitting"]["second_training"] == "retrain"
    assert FIRST_VALIDATION in (run.path / "report.html").read_text()


def test_validation_examples_are_trained_on(tmp_path, monkeypatch):
    seen = []
    shuffled = Examples.shuffled

    def watched(self, *position):
        seen.append(self)
        return shuffled(self, *position)

    monkeypatch.setattr(Examples, "shuffled", watched)
    run = maquette.train("mlp", out=tmp_path, second_training="retrain", epochs=1, **SMALL)
    first, second = seen[0], seen[-1]
    opened = run.template.TASK.open("digits", run.config)
    parts = [run.template.TASK.examples(run.model, opened, s) for s in ("train", "validation")]
    assert_equal(second.y, np.concatenate([part.y for part in parts]))
    assert second.x.shape[0] == len(second.y) > len(first.y)
    assert second.steps(64) == first.steps(64)


def test_epochs_of_another_length_cover_all_examples():
    order = OfLength(Shuffled(), 3)
    assert order.steps(10, 2) == 3
    of_steps = [order.indices(np.int64(step), 10, 2, 0).numpy() for step in range(5)]
    assert sorted(np.concatenate(of_steps)) == list(range(10))


def test_inputs_on_disk_and_in_memory_are_joined(tmp_path):
    for label in ("one", "two"):
        add_images(tmp_path / label, 5)
    images = image_folder.load(str(tmp_path)).splits["train"]
    files = SizedImages(images, (8, 8, 3))
    n = files.shape[0]
    array = np.random.default_rng(0).integers(0, 255, (5, 8, 8, 3)).astype(files.dtype)
    both = joined([Examples(files, np.arange(n)), Examples(array, np.arange(5))])
    assert isinstance(both.x, Joined)
    assert both.x.shape == (n + 5, 8, 8, 3)
    indices = np.array([n + 4, 0, n, n - 1])
    expected = [array[4], files[np.array([0])][0], array[0], files[np.array([n - 1])][0]]
    assert_equal(both.x[indices], expected)
    assert both.y.tolist() == [*range(n), *range(5)]
    (x, y), *_ = both.in_order(n + 5).as_numpy_iterator()
    assert_equal(x[n:], array)
    assert len(y) == n + 5


def test_the_best_epochs_are_told_by_the_monitored_value():
    values = {"a": [3.0, 1.0, 1.0], "b": [2.0, 1.0], "c": [5.0]}
    rows = [
        {"stage": stage, "epoch": epoch, "val_loss": value}
        for stage, of_stage in values.items()
        for epoch, value in enumerate(of_stage, 1)
    ]
    assert First(rows, []).best_epochs("val_loss", "min") == {"a": 2, "b": 2}
    assert First(rows, []).best_epochs("val_loss", "max") == {"a": 1, "b": 1, "c": 1}


def test_killed_trainings_end_as_if_never_killed(tmp_path):
    outcome = train_killed("mlp", tmp_path, 3, second_training="continue")
    assert outcome.differences == []


class KilledError(BaseException):
    """What ends a training at once."""


def test_stopping_in_both_trainings_and_between_them_changes_nothing(tmp_path, monkeypatch):
    options = {**SMALL, "epochs": 2, "batch_size": 630, "learning_rate": 0.01, "save_minutes": 0}
    options["second_training"] = "retrain"
    whole = maquette.train("mlp", out=tmp_path, name="whole", **options)
    saved, stopped, save = [], [], StateFolder.save

    def stop_after_every_third(self, state):
        save(self, state)
        saved.append("second" if state["first"] else "first")
        if len(saved) % 3 == 0:
            stopped.append(saved[-1])
            raise KilledError

    monkeypatch.setattr(StateFolder, "save", stop_after_every_third)
    run = tmp_path / "mlp" / "run"
    with pytest.raises(KilledError):
        maquette.train("mlp", out=tmp_path, name="run", **options)
    while not maquette.Run(run).is_finished:
        with suppress(KilledError):
            maquette.resume(run, save_minutes=0)
    assert set(stopped) == {"first", "second"}
    assert different(whole, maquette.Run(run)) == []


def test_ctrl_c_in_the_second_training_keeps_the_model_of_the_first(train, capsys, monkeypatch):
    whole, _ = train("retrain", 2, name="whole")

    def interrupt(self, epoch, logs=None):
        if "all_data" in self.stage and epoch == 1:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("maquette.callbacks.epoch_log.EpochLog.on_epoch_begin", interrupt)
        run, (first, *_) = train("retrain", 2, save_minutes=0)
    assert "maquette train --resume" in capsys.readouterr().err
    assert_equal(run.model.get_weights(), first.weights[1])
    assert list(run.metrics) == ["validation", "test"]
    assert different(whole, maquette.resume(run.path)) == []


def test_a_full_disk_does_not_end_the_training(tmp_path, monkeypatch):
    def full(self, state):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(StateFolder, "save", full)
    run = maquette.train("mlp", out=tmp_path, second_training="continue", epochs=1, **SMALL)
    assert [row["stage"] for row in run.history] == ["train", "train_all_data"]
    assert list(run.metrics) == [FIRST_VALIDATION, "test"]


def test_without_test_images_the_first_result_is_kept_and_marked(tmp_path, command):
    for split, count in (("train", 10), ("val", 4)):
        for label in ("cats", "dogs"):
            add_images(tmp_path / "pets" / split / label, count, split)
    words = ["--data", tmp_path / "pets", "--out", tmp_path, "--name", "run", "--epochs", 1]
    words += ["--image-size", 8, "--filters", 4, "--second-training", "continue"]
    outcome = command("train", "cnn", *words)
    assert outcome.code == 0, outcome.err
    assert "no test split" in outcome.err
    assert f"on {FIRST_VALIDATION}: accuracy" in outcome.out
    run = maquette.Run(tmp_path / "cnn" / "run")
    assert list(run.metrics) == [FIRST_VALIDATION]
    assert (run.path / "figures" / "confusion_matrix.png").is_file()
    with (run.path / "history.csv").open(newline="") as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["1", "2"]


def test_what_cannot_be_done_is_refused_in_one_line(tmp_path, command):
    words = ["--out", tmp_path, "--second-training"]
    outcome = command("train", "dcgan", "--data", "digits", *words, "retrain")
    assert outcome.code == 2
    assert "takes a best epoch, and nothing tells that of dcgan" in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1
    assert command("train", "mlp", *words, "retrian").code == 2
    with pytest.raises(maquette.UserError, match="retrain or continue; received 'twice'"):
        maquette.train("mlp", out=tmp_path, second_training="twice", **SMALL)
    assert not any(tmp_path.iterdir())
    template, data = load_template("mlp"), SimpleNamespace(source="mine", splits={"train": [1]})
    with pytest.raises(maquette.UserError, match="takes validation examples, and mine has none"):
        require_possible("retrain", template, template.TASK, data)
