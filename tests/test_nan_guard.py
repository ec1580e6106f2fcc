"""The guard: it goes back to the last good state, takes smaller steps, and gives up in the end."""

import keras
import numpy as np
import pytest

from maquette.callbacks.cosine_schedule import CosineSchedule
from maquette.callbacks.nan_guard import NanGuard
from maquette.errors import GateError
from maquette.resumable import copy_of, remembered

STEPS, RATE = 4, 0.5
X = np.random.default_rng(0).normal(size=(4 * STEPS, 2)).astype(np.float32)
Y = X.sum(axis=1, keepdims=True)


def model_of(rate: float = RATE, optimizer=keras.optimizers.Adam) -> keras.Model:
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(optimizer(rate), "mse", metrics=["mae"])
    return model


def fit(model: keras.Model, *callbacks, epochs: int = 3, **options) -> dict[str, list[float]]:
    options = {"batch_size": 4, "shuffle": False, "verbose": 0, "epochs": epochs, **options}
    return model.fit(X, Y, callbacks=list(callbacks), **options).history


def state(model: keras.Model) -> list[np.ndarray]:
    return [np.array(v) for v in (*model.weights, *model.optimizer.variables)]


class Spoil(keras.callbacks.Callback):
    """Make the weights no numbers before chosen steps, and note the rate of each step."""

    def __init__(self, *steps: tuple[int, int]):
        super().__init__()
        self.steps = set(steps)
        self.rates, self.states = [], {}

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch
        self.states[epoch] = state(self.model)

    def on_train_batch_begin(self, batch, logs=None):
        self.rates.append(float(self.model.optimizer.learning_rate))
        if (self.epoch, batch) in self.steps:
            self.steps.remove((self.epoch, batch))
            self.model.layers[0].kernel.assign([[np.nan], [1.0]])


class Watch(keras.callbacks.Callback):
    """The state after each step."""

    def __init__(self):
        super().__init__()
        self.states = []

    def on_train_batch_end(self, batch, logs=None):
        self.states.append(state(self.model))


def test_it_goes_back_to_the_beginning_of_the_epoch_bit_for_bit(capsys):
    spoil, watch = Spoil((1, 2)), Watch()
    fit(model_of(), NanGuard(), spoil, watch)
    for good, now in zip(spoil.states[1], watch.states[STEPS + 2], strict=True):
        np.testing.assert_array_equal(good, now)
    told = capsys.readouterr().err.splitlines()
    assert told == [
        "warning: the loss became nan; back to where the epoch began, with learning rates 0.5 "
        "times as large"
    ]


def test_from_then_on_each_step_is_smaller_and_the_loss_is_a_number():
    spoil = Spoil((1, 0), (1, 2))
    history = fit(model_of(), NanGuard(factor=0.1), spoil)
    steps = [1.0] * (STEPS + 1) + [0.1, 0.1] + [0.01] * (STEPS + 1)
    np.testing.assert_allclose(spoil.rates, RATE * np.array(steps), rtol=1e-5)
    assert np.isfinite([*history["loss"], *history["mae"]]).all()


def test_it_multiplies_what_a_schedule_asks_for():
    plain, guarded = Spoil(), Spoil((0, 1))
    fit(model_of(), CosineSchedule(), plain)
    model = model_of()
    fit(model, CosineSchedule(), NanGuard(), guarded)
    # The rest of the spoilt epoch takes steps from its beginning, as the optimizer counts them.
    smaller = np.array([*plain.rates[:2], *plain.rates[STEPS:]]) / 2
    expected = [*plain.rates[:2], *smaller]
    np.testing.assert_allclose(guarded.rates, expected, rtol=1e-5)
    assert float(model.optimizer.learning_rate) == pytest.approx(RATE)


def test_a_rate_that_is_halved_on_a_plateau_is_not_counted_twice():
    plateau = keras.callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=0, min_delta=1e9)
    spoil = Spoil((0, 0))
    fit(model_of(), plateau, NanGuard(), spoil, epochs=3)
    # The first epoch counts as better than none; the plateau begins with the second.
    expected = [1.0] + [0.5] * (2 * STEPS - 1) + [0.25] * STEPS
    np.testing.assert_allclose(spoil.rates, RATE * np.array(expected), rtol=1e-5)


def test_an_epoch_whose_last_step_diverged_reports_the_steps_before_it():
    class Logs(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == STEPS - 2:
                self.seen = dict(logs)

    logs = Logs()
    history = fit(model_of(), NanGuard(), Spoil((0, STEPS - 1)), logs, epochs=1)
    assert {name: values[0] for name, values in history.items()} == logs.seen


def test_weights_that_became_no_numbers_in_the_last_step_are_not_validated(capsys):
    class SpoilAfter(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == STEPS - 1:
                self.model.layers[0].bias.assign([np.inf])

    history = fit(model_of(), NanGuard(), SpoilAfter(), epochs=1, validation_data=(X, Y))
    assert np.isfinite(history["val_loss"]).all()
    assert "/bias has values that are no numbers" in capsys.readouterr().err


def test_a_training_that_diverges_by_itself_comes_to_a_good_end():
    plain, guarded = (model_of(0.5, keras.optimizers.SGD) for _ in range(2))
    x, y = 3 * X, Y  # the loss rises over several epochs before it is infinite
    options = {"batch_size": 4, "epochs": 20, "verbose": 0}
    assert not np.isfinite(plain.fit(x, y, **options).history["loss"][-1])
    guard = NanGuard(factor=0.1)
    loss = guarded.fit(x, y, callbacks=[guard], **options).history["loss"]
    assert 1 <= guard.went_back <= 5
    assert loss[-1] < 0.01


def test_after_so_many_times_it_ends_with_the_last_good_weights(capsys):
    spoil = Spoil((0, 0), (0, 1), (0, 2))
    model = model_of()
    fit(model, NanGuard(times=2), spoil)
    for good, now in zip(spoil.states[0], state(model), strict=True):
        np.testing.assert_array_equal(good, now)
    assert list(spoil.states) == [0]
    assert "diverged: the loss became nan again after going back 2 times" in capsys.readouterr().err


def test_after_so_many_times_a_strict_guard_fails_the_training():
    with pytest.raises(GateError, match="again after going back 1 times; use a smaller learning"):
        fit(model_of(), NanGuard(times=1, strict=True), Spoil((0, 0), (1, 0)))


def test_a_healthy_training_is_the_same_to_the_bit_with_the_guard():
    plain, guarded = model_of(), model_of()
    assert fit(plain, CosineSchedule()) == fit(guarded, CosineSchedule(), NanGuard())
    for first, second in zip(state(plain), state(guarded), strict=True):
        np.testing.assert_array_equal(first, second)


def test_an_optimizer_whose_rate_cannot_be_changed_is_refused_at_the_start():
    model = model_of(keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9))
    with pytest.raises(TypeError, match="learning rate cannot be changed"):
        fit(model, NanGuard())


def test_a_resumed_training_keeps_its_factor():
    model, first = model_of(), NanGuard()
    fit(model, first, Spoil((0, 1)), epochs=1)

    class Resumed(NanGuard):
        def on_train_begin(self, logs=None):
            super().on_train_begin(logs)
            vars(self).update(copy_of(remembered(first)))

    spoil = Spoil()
    fit(model, Resumed(), spoil, epochs=2, initial_epoch=1)
    np.testing.assert_allclose(spoil.rates, [RATE / 2] * STEPS, rtol=1e-5)
