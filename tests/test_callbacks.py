"""Callbacks: each works in any `fit`."""

import io
import re
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from rich.console import Console

import maquette.callbacks.progress
import maquette.progress
from maquette.callbacks.cosine_schedule import CosineSchedule
from maquette.callbacks.progress import EpochProgress

STEPS, PEAK = 4, 0.5


def fit(*callbacks, epochs=3, initial_epoch=0, model=None) -> keras.Model:
    if model is None:
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        model.compile(keras.optimizers.SGD(PEAK), "mse")
    x = np.zeros((2 * STEPS, 1), np.float32)
    schedule = {"epochs": epochs, "initial_epoch": initial_epoch}
    model.fit(x, x, batch_size=2, callbacks=list(callbacks), verbose=0, **schedule)
    return model


class Rates(keras.callbacks.Callback):
    """The learning rate of every step."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def on_train_batch_begin(self, batch, logs=None):
        self.seen.append(float(self.model.optimizer.learning_rate))


def rates(schedule: CosineSchedule, **options) -> list[float]:
    record = Rates()
    fit(schedule, record, **options)
    return record.seen


def test_the_rate_falls_from_its_peak_along_half_a_cosine():
    progress = np.arange(3 * STEPS) / (3 * STEPS)
    expected = PEAK * (1 + np.cos(np.pi * progress)) / 2
    np.testing.assert_allclose(rates(CosineSchedule(), epochs=3), expected, rtol=1e-6)


@pytest.mark.parametrize("warmup_epochs", [1, 0.5])
def test_the_rate_rises_linearly_while_warming_up_and_falls_after(warmup_epochs):
    rising = round(STEPS * warmup_epochs)
    falling = 3 * STEPS - rising
    expected = [
        *((np.arange(rising) + 0.5) / rising),
        *((1 + np.cos(np.pi * np.arange(falling) / falling)) / 2),
    ]
    seen = rates(CosineSchedule(warmup_epochs), epochs=3)
    np.testing.assert_allclose(seen, PEAK * np.array(expected), rtol=1e-6)


def test_a_training_resumed_at_a_later_epoch_has_the_rates_of_one_that_ran_through():
    whole = rates(CosineSchedule(warmup_epochs=1), epochs=4)
    for initial_epoch in (1, 3):
        rest = rates(CosineSchedule(warmup_epochs=1), epochs=4, initial_epoch=initial_epoch)
        assert rest == whole[initial_epoch * STEPS :]


def test_another_fit_of_the_same_model_starts_from_the_peak_again():
    first, second = Rates(), Rates()
    model = fit(CosineSchedule(), first)
    fit(CosineSchedule(), second, model=model)
    assert second.seen == first.seen


def test_without_a_schedule_the_next_fit_has_the_peak_in_all_steps():
    seen = Rates()
    model = fit(CosineSchedule())
    fit(seen, model=model)
    assert set(seen.seen) == {PEAK}


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_many_steps_in_one_execution_have_the_rates_of_single_ones(optimizer):
    weights = []
    for steps_per_execution in (1, 3, STEPS):
        model = keras.Sequential(
            [keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="ones")]
        )
        model.compile(optimizer, "mse", steps_per_execution=steps_per_execution)
        x = np.arange(2 * STEPS, dtype=np.float32)[:, None] / STEPS
        model.fit(x, -x, 2, epochs=3, verbose=0, shuffle=False, callbacks=[CosineSchedule(0.5)])
        weights.append(model.get_weights())
    for others in weights[1:]:
        for one, other in zip(weights[0], others, strict=True):
            np.testing.assert_array_equal(one, other)


def test_setting_the_rate_of_a_scheduled_optimizer_changes_all_that_follow_in_proportion():
    class Halve(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                optimizer = self.model.optimizer
                optimizer.learning_rate = float(optimizer.learning_rate) / 2

    plain, halved = Rates(), Rates()
    fit(CosineSchedule(), plain, epochs=2)
    fit(CosineSchedule(), Halve(), halved, epochs=2)
    share = np.repeat([1, 0.5], STEPS)
    np.testing.assert_allclose(halved.seen, share * plain.seen, rtol=1e-6)


def test_a_model_saved_while_its_rate_is_scheduled_loads_with_the_rate_of_then(tmp_path):
    path = tmp_path / "model.keras"
    fit(CosineSchedule(), keras.callbacks.ModelCheckpoint(path), epochs=1)
    rate = float(keras.models.load_model(path).optimizer.learning_rate)
    assert 0 < rate < PEAK / 2


def test_progress_is_one_line_per_epoch_where_there_is_no_terminal(capsys):
    fit(EpochProgress("head"), epochs=3)
    printed = capsys.readouterr()
    assert printed.out == ""
    lines = printed.err.splitlines()
    pattern = r"head {}/3  loss 0\.0000  \(\d+ s, \d+ s left\)"
    assert len(lines) == 3
    assert all(re.fullmatch(pattern.format(n + 1), line) for n, line in enumerate(lines))


def test_progress_on_a_terminal_is_a_bar_that_leaves_one_line_per_epoch(monkeypatch):
    screen = io.StringIO()
    terminal = Console(file=screen, force_terminal=True, soft_wrap=True, highlight=False)
    monkeypatch.setattr(maquette.progress, "console", terminal)
    fit(EpochProgress("head"), epochs=2)
    written = screen.getvalue()
    assert f"{STEPS}/{STEPS}" in written
    assert re.findall(r"(head \d/2)  loss", written) == ["head 1/2", "head 2/2"]


def test_a_long_line_of_figures_is_not_broken(capsys):
    report = EpochProgress("train")
    report.set_params({"epochs": 1, "steps": 1})
    report.on_train_begin()
    report.on_epoch_begin(0)
    report.on_epoch_end(0, {f"metric_number_{n}": 0.5 for n in range(20)})
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_the_time_left_of_a_resumed_training_counts_only_what_was_run_now(monkeypatch, capsys):
    clock = SimpleNamespace(perf_counter=iter([0.0, 10.0, 20.0]).__next__)
    monkeypatch.setattr(maquette.callbacks.progress, "time", clock)
    report = EpochProgress("train")
    report.set_params({"epochs": 5, "steps": 1})
    report.on_train_begin()
    for epoch in (2, 3):
        report.on_epoch_begin(epoch)
        report.on_epoch_end(epoch, {"loss": 1.0})
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition("(")[2] for line in lines] == ["10 s, 20 s left)", "20 s, 10 s left)"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.0, "0.0000"), (0.98765, "0.9877"), (1e-5, "1.00e-05"), (123456.0, "1.23e+05")],
)
def test_figures_are_short_whatever_their_size(capsys, value, shown):
    report = EpochProgress("train")
    report.set_params({"epochs": 1, "steps": 1})
    report.on_train_begin()
    report.on_epoch_begin(0)
    report.on_epoch_end(0, {"loss": value})
    assert f"loss {shown}  (" in capsys.readouterr().err
