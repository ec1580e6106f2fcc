"""Averaged weights: they equal an average by hand, are validated, and stay at the end."""

import keras
import numpy as np
import pytest
from keras import layers

from maquette.callbacks.weight_averaging import WeightAveraging
from maquette.resumable import copy_of, remembered

EPOCHS, STEPS = 4, 3
RNG = np.random.default_rng(0)
X = RNG.normal(size=(8 * STEPS, 4)).astype(np.float32)
Y = X @ RNG.normal(size=(4, 1)).astype(np.float32)


def model_of(normalized: bool = False) -> keras.Model:
    keras.utils.set_random_seed(0)
    middle = [layers.BatchNormalization()] if normalized else []
    parts = [layers.Dense(3, activation="tanh"), *middle, layers.Dense(1)]
    model = keras.Sequential([keras.Input((4,)), *parts])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    return model


def fit(model: keras.Model, *callbacks, **options) -> dict[str, list[float]]:
    options = {"epochs": EPOCHS, "batch_size": 8, "shuffle": False, "verbose": 0, **options}
    return model.fit(X, Y, callbacks=list(callbacks), **options).history


class Weights(keras.callbacks.Callback):
    """The weights after each step."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(self.model.get_weights())


def mean(weights: list[list[np.ndarray]], shares=None) -> list[np.ndarray]:
    return [np.average(np.stack(values), axis=0, weights=shares) for values in zip(*weights)]  # noqa: B905


def assert_same(first: list[np.ndarray], second: list[np.ndarray]) -> None:
    for a, b in zip(first, second, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("start", "epochs"), [(0.0, [1, 2, 3, 4]), (0.5, [3, 4]), (0.75, [4])])
def test_the_equal_average_is_that_of_the_ends_of_the_last_epochs(start, epochs):
    model, weights = model_of(), Weights()
    fit(model, weights, WeightAveraging(start=start))
    assert_same(model.get_weights(), mean([weights.seen[STEPS * epoch - 1] for epoch in epochs]))


def test_the_exponential_average_is_of_all_steps_without_a_bias_to_the_first():
    model, weights, momentum = model_of(), Weights(), 0.8
    fit(model, weights, WeightAveraging(start=0.0, momentum=momentum))
    shares = momentum ** np.arange(STEPS * EPOCHS)[::-1]
    assert_same(model.get_weights(), mean(weights.seen, shares))


def test_the_training_itself_is_not_changed():
    plain, averaged = Weights(), Weights()
    fit(model_of(), plain)
    fit(model_of(), averaged, WeightAveraging(start=0.25), validation_data=(X, Y))
    for first, second in zip(plain.seen, averaged.seen, strict=True):
        for a, b in zip(first, second, strict=True):
            np.testing.assert_array_equal(a, b)


def test_the_average_is_what_is_validated_and_what_the_best_epoch_is_kept_of():
    model, weights = model_of(), Weights()
    best = keras.callbacks.EarlyStopping("val_loss", patience=EPOCHS, restore_best_weights=True)
    history = fit(model, best, weights, WeightAveraging(start=0.25), validation_data=(X, Y))
    ends = weights.seen[STEPS - 1 :: STEPS]
    judge = model_of()
    averages = [ends[0], *(mean(ends[1 : n + 1]) for n in range(1, EPOCHS))]
    losses = []
    for average in averages:
        judge.set_weights(average)
        losses.append(judge.evaluate(X, Y, verbose=0))
    np.testing.assert_allclose(history["val_loss"], losses, rtol=1e-4)
    assert_same(model.get_weights(), averages[int(np.argmin(losses))])


def test_statistics_of_batch_normalization_are_found_anew_for_the_average():
    model = model_of(normalized=True)
    fit(model, WeightAveraging(start=0.0, inputs=X))
    hidden = np.asarray(model.layers[0](X))
    norm = model.layers[1]
    np.testing.assert_allclose(norm.moving_mean, hidden.mean(0), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(norm.moving_variance, hidden.var(0), rtol=1e-4)
    assert norm.momentum == 0.99


def test_statistics_are_averaged_where_there_are_no_inputs():
    model, weights = model_of(normalized=True), Weights()
    fit(model, weights, WeightAveraging(start=0.0))
    assert_same(model.get_weights(), mean(weights.seen[STEPS - 1 :: STEPS]))


def test_weights_that_no_optimizer_changes_stay_as_they_are():
    model = model_of()
    model.layers[0].trainable = False
    model.compile(keras.optimizers.SGD(0.1), "mse")
    before = model.layers[0].get_weights()
    average = WeightAveraging(start=0.0)
    fit(model, average)
    assert len(average._average) == 2
    assert_same(model.layers[0].get_weights(), before)


def test_an_optimizer_that_averages_is_refused():
    model = model_of()
    model.compile(keras.optimizers.SGD(0.1, use_ema=True), "mse")
    with pytest.raises(ValueError, match="averages already"):
        fit(model, WeightAveraging())


@pytest.mark.parametrize("momentum", [None, 0.9])
def test_a_training_resumed_between_epochs_ends_as_one_that_ran_through(momentum):
    def average() -> WeightAveraging:
        return WeightAveraging(start=0.25, momentum=momentum)

    whole = model_of()
    fit(whole, average(), validation_data=(X, Y))

    model, first = model_of(), average()

    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch == 2

    fit(model, first, Stop(), validation_data=(X, Y))

    class Resumed(WeightAveraging):
        def on_train_begin(self, logs=None):
            super().on_train_begin(logs)
            vars(self).update(copy_of(remembered(first)))

    resumed = Resumed(start=0.25, momentum=momentum)
    fit(model, resumed, initial_epoch=3, validation_data=(X, Y))
    for a, b in zip(whole.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
