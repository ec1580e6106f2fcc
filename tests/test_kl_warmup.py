"""The weight of the KL term over a training."""

import keras
import numpy as np
import pytest

from maquette.callbacks.kl_warmup import KLWarmup

STEPS = 5


class Weighted(keras.Model):
    """The least model that has a KL weight."""

    def __init__(self):
        super().__init__(name="weighted")
        self.scale = self.add_weight(shape=(), initializer="ones")
        self.kl_weight = self.add_weight(shape=(), initializer="ones", trainable=False)

    def call(self, x):
        return x * self.scale


class Recorder(keras.callbacks.Callback):
    """Note the weight of each step."""

    def __init__(self):
        super().__init__()
        self.steps = []

    def on_train_batch_begin(self, batch, logs=None):
        self.steps.append(float(self.model.kl_weight))


def recorded(warmup: KLWarmup, epochs: int, first_epoch: int = 0) -> Recorder:
    model, recorder, x = Weighted(), Recorder(), np.ones((STEPS, 1), np.float32)
    model.compile("sgd", "mse")
    model.fit(
        x, x, batch_size=1, epochs=epochs, initial_epoch=first_epoch, verbose=0,
        callbacks=[warmup, recorder],
    )  # fmt: skip
    return recorder


def test_weight_rises_along_a_line_from_zero_and_stays_at_beta():
    steps = recorded(KLWarmup(epochs=2, beta=3.0), epochs=4).steps
    line = 3.0 * np.arange(4 * STEPS) / (2 * STEPS)
    np.testing.assert_allclose(steps, np.minimum(line, 3.0), rtol=1e-6)


def test_weight_depends_on_the_epoch_alone_so_a_resumed_training_has_the_same():
    whole = recorded(KLWarmup(epochs=3), epochs=5).steps
    for first in (1, 2, 4):
        resumed = recorded(KLWarmup(epochs=3), epochs=5, first_epoch=first).steps
        np.testing.assert_array_equal(resumed, whole[first * STEPS :])


def test_weight_may_rise_in_a_part_of_an_epoch_or_not_at_all():
    np.testing.assert_allclose(
        recorded(KLWarmup(epochs=0.5, beta=2.0), epochs=2).steps[:5], [0, 0.8, 1.6, 2, 2], rtol=1e-6
    )
    assert set(recorded(KLWarmup(epochs=0, beta=0.5), epochs=2).steps) == {0.5}


def test_a_model_without_a_weight_is_refused():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)], name="plain")
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match=r"no variable 'kl_weight'.*plain"):
        model.fit(np.ones((2, 1)), np.ones((2, 1)), callbacks=[KLWarmup(2)], verbose=0)
