"""Gradual unfreezing: what is frozen does not change by a bit, and group by group joins."""

import keras
import numpy as np
import pytest
from keras import layers

from maquette.callbacks.gradual_unfreezing import GradualUnfreezing, layer_groups

RNG = np.random.default_rng(0)
X = RNG.normal(size=(32, 4)).astype(np.float32)
Y = RNG.normal(size=(32, 1)).astype(np.float32)


def model_of() -> keras.Model:
    """A nested network with batch normalization, a frozen layer, and weight decay."""
    keras.utils.set_random_seed(0)
    parts = [layers.Dense(4, name="bottom"), layers.BatchNormalization(name="norm")]
    base = keras.Sequential([keras.Input((4,)), *parts, layers.Dense(4, "tanh", name="middle")])
    frozen = layers.Dense(4, name="frozen", trainable=False)
    model = keras.Sequential([keras.Input((4,)), frozen, base, layers.Dense(1, name="top")])
    model.compile(keras.optimizers.AdamW(0.01, weight_decay=0.1), "mse")
    return model


class Watch(keras.callbacks.Callback):
    """The layers that have changed in each epoch, and the optimizer's step count."""

    def __init__(self):
        super().__init__()
        self.changed, self.iterations = [], []

    def _weights(self):
        return {variable.path: np.array(variable) for variable in self.model.weights}

    def on_epoch_begin(self, epoch, logs=None):
        self._before = self._weights()

    def on_epoch_end(self, epoch, logs=None):
        pairs = ((path, self._before[path], now) for path, now in self._weights().items())
        self.changed.append({p.split("/")[-2] for p, a, b in pairs if not np.array_equal(a, b)})
        self.iterations.append(int(self.model.optimizer.iterations))


def fit(model: keras.Model, *callbacks, epochs: int = 4, **options) -> None:
    model.fit(X, Y, batch_size=8, epochs=epochs, verbose=0, callbacks=list(callbacks), **options)


@pytest.fixture(scope="module")
def unfrozen():
    model, watch = model_of(), Watch()
    fit(model, watch, GradualUnfreezing(groups=4, every=1), epochs=5)
    return model, watch


def test_what_is_frozen_does_not_change_by_a_bit_and_every_epoch_a_group_joins(unfrozen):
    assert unfrozen[1].changed == [
        {"top"},
        {"top", "middle"},
        {"top", "middle", "norm"},
        {"top", "middle", "norm", "bottom"},
        {"top", "middle", "norm", "bottom"},
    ]


def test_the_optimizer_goes_on_when_a_group_joins(unfrozen):
    assert unfrozen[1].iterations == [4, 8, 12, 16, 20]


def test_at_the_end_learns_what_learned_before(unfrozen):
    model, _ = unfrozen
    assert not model.get_layer("frozen").trainable
    assert len(model.trainable_variables) == 8
    watch = Watch()
    fit(model, watch, epochs=1)
    assert watch.changed == [{"top", "middle", "norm", "bottom"}]


def test_groups_may_be_named_and_join_every_few_epochs():
    watch = Watch()
    groups = [["bottom", "norm"], ["middle", "top"]]
    fit(model_of(), watch, GradualUnfreezing(groups, every=2), epochs=3)
    assert watch.changed == [{"middle", "top"}] * 2 + [{"middle", "top", "bottom", "norm"}]


def test_with_all_groups_from_the_start_it_is_the_usual_training_to_the_bit():
    plain, same = model_of(), model_of()
    fit(plain, epochs=2, shuffle=False)
    fit(same, GradualUnfreezing(groups=1), epochs=2, shuffle=False)
    for a, b in zip(plain.get_weights(), same.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_training_resumed_at_a_later_epoch_learns_in_the_same_groups():
    watch = Watch()
    fit(model_of(), watch, GradualUnfreezing(groups=4), epochs=3, initial_epoch=2)
    assert watch.changed == [{"top", "middle", "norm"}]


def test_a_training_in_two_parts_ends_as_in_one():
    whole, parts = model_of(), model_of()
    fit(whole, GradualUnfreezing(groups=3), epochs=3, shuffle=False)
    for first in range(3):
        callback = GradualUnfreezing(groups=3)
        fit(parts, callback, epochs=first + 1, initial_epoch=first, shuffle=False)
    for a, b in zip(whole.get_weights(), parts.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_layers_are_divided_evenly_from_input_to_output():
    names = [[layer.name for layer in group] for group in layer_groups(model_of(), 3)]
    assert names == [["bottom", "norm"], ["middle"], ["top"]]


@pytest.mark.parametrize(
    ("groups", "told"),
    [(5, "4 layers with weights cannot make 5"), ([["botom"]], r"no trainable layers \['botom'\]")],
)
def test_groups_that_cannot_be_made_are_told(groups, told):
    with pytest.raises(ValueError, match=told):
        layer_groups(model_of(), groups)


def test_another_backend_is_refused_in_one_line_before_anything_is_trained(
    tmp_path, monkeypatch, command
):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    words = ["--epochs", 1, "--out", tmp_path, "--callbacks", "gradual_unfreezing"]
    outcome = command("train", "mlp", *words)
    assert outcome.code == 2
    assert "gradual_unfreezing takes KERAS_BACKEND=tensorflow; received jax" in outcome.err
    assert not list(tmp_path.rglob("config.yaml"))
