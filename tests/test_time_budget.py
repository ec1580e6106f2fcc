"""The time budget: it ends `fit` in good order, not before the time is up."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest

import maquette.callbacks.time_budget
from maquette.callbacks.time_budget import TimeBudget

STEPS = 5


@pytest.fixture
def clock(monkeypatch) -> SimpleNamespace:
    """A clock that stands still until it is set."""
    now = SimpleNamespace(seconds=1000.0)
    now.monotonic = lambda: now.seconds
    monkeypatch.setattr(maquette.callbacks.time_budget, "time", now)
    return now


class Ticks(keras.callbacks.Callback):
    """Let each step take some seconds, and count what is run."""

    def __init__(self, clock: SimpleNamespace, seconds: float):
        super().__init__()
        self.clock, self.seconds = clock, seconds
        self.steps, self.epochs, self.ended = 0, 0, False

    def on_train_batch_end(self, batch, logs=None):
        self.clock.seconds += self.seconds
        self.steps += 1

    def on_epoch_end(self, epoch, logs=None):
        self.epochs += 1

    def on_train_end(self, logs=None):
        self.ended = True


def fit(*callbacks, epochs: int = 10) -> None:
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.zeros((STEPS, 1), np.float32)
    model.fit(x, x, batch_size=1, epochs=epochs, verbose=0, callbacks=list(callbacks))


def test_it_ends_after_the_step_in_which_the_time_is_up(clock, capsys):
    ticks, budget = Ticks(clock, 10), TimeBudget(minutes=2)
    fit(ticks, budget)
    assert (ticks.steps, ticks.epochs, ticks.ended) == (12, 3, True)
    assert budget.ran_out
    assert capsys.readouterr().err == "the 2 minutes are over; the training ends here\n"


def test_a_training_that_ends_in_time_is_left_alone(clock, capsys):
    ticks, budget = Ticks(clock, 1), TimeBudget(minutes=1)
    fit(ticks, budget, epochs=2)
    assert (ticks.steps, budget.ran_out) == (2 * STEPS, False)
    assert capsys.readouterr().err == ""


def test_the_time_is_that_of_all_fits_together(clock):
    budget = TimeBudget(minutes=1)
    fit(Ticks(clock, 8), budget, epochs=1)
    ticks = Ticks(clock, 10)
    fit(ticks, budget)
    assert ticks.steps == 2
