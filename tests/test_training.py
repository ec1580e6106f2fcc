"""Training: reproducible, keeps the best epoch, and leaves a finished run or none."""

import csv
from pathlib import Path

import keras
import numpy as np
import pytest

import maquette
from maquette.contract import Stage, single_stage
from maquette.datasets import digits
from maquette.templates import mlp

OPTIONS = {"hidden_units": (16,), "dropout": 0.0, "epochs": 2, "batch_size": 64}


class Snapshots(keras.callbacks.Callback):
    """Keep the weights of the end of each epoch."""

    def __init__(self):
        super().__init__()
        self.weights = []

    def on_epoch_end(self, epoch, logs=None):
        self.weights.append(self.model.get_weights())


class Spoil(keras.callbacks.Callback):
    """Overwrite all weights before an epoch, and let nothing be learned in it."""

    def __init__(self, epoch: int, value: float = 0.0):
        super().__init__()
        self.epoch, self.value = epoch, value

    def on_epoch_begin(self, epoch, logs=None):
        if epoch >= self.epoch:
            self.model.optimizer.learning_rate = 0.0
            self.model.set_weights([np.full_like(w, self.value) for w in self.model.get_weights()])


class Interrupt(keras.callbacks.Callback):
    """Press Ctrl-C in the middle of an epoch."""

    def __init__(self, epoch: int):
        super().__init__()
        self.epoch = epoch

    def on_epoch_begin(self, epoch, logs=None):
        self.now = epoch == self.epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.now and batch == 5:
            raise KeyboardInterrupt


@pytest.fixture
def train(tmp_path, monkeypatch):
    """Train a small network on the digits in `tmp_path`, with stages of the test's own."""

    def train(*stages: dict, **options) -> maquette.Run:
        def own_stages(model, config, data):
            for number, stage in enumerate(stages, 1):
                usual = {"name": f"stage {number}", "epochs": config.epochs, "batch_size": 64}
                yield Stage(model=model, **{**usual, **stage})

        if stages:
            monkeypatch.setattr(mlp, "stages", own_stages, raising=False)
        return maquette.train("mlp", data="digits", out=tmp_path, **{**OPTIONS, **options})

    return train


def assert_equal_weights(first, second):
    for array, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(array, other)


def assert_nothing_left(out: Path):
    assert not (out / "mlp").exists()


def test_a_seed_decides_all_weights_to_the_bit(train):
    weights = [train(seed=seed, dropout=0.3).model.get_weights() for seed in (1, 1, 2)]
    assert_equal_weights(weights[0], weights[1])
    kernels = [model[0] for model in weights]
    assert not np.array_equal(kernels[0], kernels[2])


def test_the_best_epoch_of_a_stage_is_kept(train):
    seen = Snapshots()
    run = train({"epochs": 3, "callbacks": [seen, Spoil(epoch=1)]})
    values = [row["val_accuracy"] for row in run.history]
    assert values[0] > max(values[1:])
    assert_equal_weights(run.model.get_weights(), seen.weights[0])


def test_the_best_epoch_of_all_stages_is_kept(train):
    seen = Snapshots()
    run = train({"callbacks": [seen]}, {"callbacks": [Spoil(epoch=0)]})
    values = [row["val_accuracy"] for row in run.history]
    assert values[1] > max(values[0], *values[2:])
    assert_equal_weights(run.model.get_weights(), seen.weights[1])


def test_a_stage_ends_after_its_patience(train):
    run = train({"epochs": 9, "patience": 2, "callbacks": [Spoil(epoch=1)]}, {"epochs": 1})
    assert [row["stage"] for row in run.history] == ["stage 1"] * 3 + ["stage 2"]


def test_the_metrics_are_those_of_the_weights_that_are_kept(train):
    run = train({"callbacks": [Spoil(epoch=1)]})
    best = run.history[0]["val_accuracy"]
    assert run.metrics["validation"]["metrics"]["accuracy"] == pytest.approx(best, abs=1e-6)


def test_the_history_has_a_row_for_each_epoch_of_all_stages(train):
    run = train({"name": "first"}, {"name": "second", "epochs": 1})
    with (run.path / "history.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["stage"], row["epoch"]) for row in rows] == [
        ("first", "1"),
        ("first", "2"),
        ("second", "1"),
    ]
    values = ["loss", "accuracy", "val_loss", "val_accuracy"]
    assert set(rows[0]) == {"stage", "epoch", "seconds", *values}
    assert all(np.isfinite(float(row[name])) for row in rows for name in values)
    assert all(float(row["seconds"]) > 0 for row in rows)


def test_a_training_that_diverges_says_what_would_help_and_leaves_no_run(train, tmp_path):
    with pytest.raises(maquette.GateError, match="smaller learning rate would help"):
        train(learning_rate=1e30)
    assert_nothing_left(tmp_path)


def test_weights_that_diverge_in_the_last_step_of_an_epoch_are_noticed(train, tmp_path):
    class SpoilLastStep(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == self.params["steps"] - 1:
                self.model.set_weights([w * np.nan for w in self.model.get_weights()])

    with pytest.raises(maquette.GateError, match="epoch 1 of stage 1: val_loss became nan"):
        train({"callbacks": [SpoilLastStep()]})
    assert_nothing_left(tmp_path)


def test_ctrl_c_keeps_the_best_of_the_finished_epochs_and_finishes_the_run(train, capsys):
    seen = Snapshots()
    run = train({"callbacks": [seen, Interrupt(epoch=1)]}, {"name": "never begun"})
    assert "keeping the best of the finished epochs" in capsys.readouterr().err
    assert [row["stage"] for row in run.history] == ["stage 1"]
    reopened = maquette.Run(run.path)
    assert_equal_weights(reopened.model.get_weights(), seen.weights[0])
    assert set(reopened.metrics) == {"validation", "test"}
    assert (run.path / "report.html").is_file()


def test_ctrl_c_in_the_first_epoch_of_a_later_stage_keeps_the_stages_before(train):
    seen = Snapshots()
    run = train({"epochs": 1, "callbacks": [seen]}, {"callbacks": [Interrupt(epoch=0)]})
    assert [row["stage"] for row in run.history] == ["stage 1"]
    assert_equal_weights(run.model.get_weights(), seen.weights[0])


def test_ctrl_c_in_the_first_epoch_leaves_nothing_behind(train, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train({"callbacks": [Interrupt(epoch=0)]})
    assert_nothing_left(tmp_path)


def test_class_weights_reach_the_loss(train):
    even = {label: float(label % 2 == 0) for label in range(10)}
    odd = {label: 1 - weight for label, weight in even.items()}
    stages = [{"epochs": 1, "class_weight": weights} for weights in (None, even, odd)]
    run = train(*stages, learning_rate=1e-30)
    whole, of_even, of_odd = (row["loss"] for row in run.history)
    assert min(of_even, of_odd) > 0.1 * whole
    assert of_even + of_odd == pytest.approx(whole, rel=1e-5)


def test_the_option_class_weights_weighs_the_classes_of_the_data():
    data = digits.load()
    for chosen in (False, True):
        config = mlp.Config(class_weights=chosen)
        (stage,) = single_stage(mlp.build(config, data), config, data)
        assert stage.class_weight == (data.class_weight() if chosen else None)


def test_a_monitored_value_that_the_model_lacks_is_named(train, monkeypatch, tmp_path):
    task = mlp.ImageClassification(data="digits", monitor="val_f1")
    monkeypatch.setattr(mlp, "TASKS", (task,))
    with pytest.warns(match="val_f1"), pytest.raises(maquette.UserError, match="no 'val_f1'"):
        train(epochs=1)
    assert_nothing_left(tmp_path)


def test_many_steps_at_once_are_validated_on_all_examples(train, monkeypatch, capsys):
    monkeypatch.setattr("maquette.execution.StepClock.pays", lambda clock, steps: True)
    run = train(epochs=3)
    assert "steps at once" in capsys.readouterr().err
    right = [270 * row["val_accuracy"] for row in run.history]  # of the validation images
    np.testing.assert_allclose(right, np.round(right), atol=1e-3)
    accuracy = run.metrics["validation"]["metrics"]["accuracy"]
    assert accuracy == pytest.approx(max(right) / 270, abs=1e-6)
