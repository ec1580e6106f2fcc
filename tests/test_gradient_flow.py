"""The monitor of gradients: it names what ails a net, once, and is silent on a healthy one."""

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

from maquette.callbacks.gradient_flow import GradientFlow
from maquette.layer_health import dead_relu_shares, is_relu, relative_gradient_norms
from maquette.resumable import copy_of, remembered

RNG = np.random.default_rng(0)
X = RNG.normal(size=(64, 8)).astype(np.float32)
Y = (X.sum(axis=1) > 0).astype(np.int32)


def net(depth: int = 8, activation: str = "relu", initializer="he_normal", bias=0.0) -> keras.Model:
    """A chain of dense layers of 16 units with a logit for each of two classes."""
    keras.utils.set_random_seed(0)
    start = {"kernel_initializer": initializer, "bias_initializer": layers_constant(bias)}
    hidden = [
        layers.Dense(16, activation=activation, name=f"hidden_{i}", **start) for i in range(depth)
    ]
    model = keras.Sequential([keras.Input((8,)), *hidden, layers.Dense(2, name="logits")])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-3), loss)
    return model


def layers_constant(value: float) -> keras.initializers.Constant:
    return keras.initializers.Constant(value)


def warnings_of(model: keras.Model, capsys, tmp_path, epochs: int = 2) -> list[str]:
    flow = GradientFlow(X, Y, folder=tmp_path)
    model.fit(X, Y, epochs=epochs, verbose=0, callbacks=[flow])
    return capsys.readouterr().err.splitlines()


def test_a_healthy_net_raises_nothing(capsys, tmp_path):
    assert warnings_of(net(), capsys, tmp_path, epochs=5) == []


def test_vanishing_gradients_of_deep_sigmoids_are_told_once_with_the_remedy(capsys, tmp_path):
    initializer = keras.initializers.RandomNormal(stddev=0.1)
    lines = warnings_of(net(12, "sigmoid", initializer), capsys, tmp_path)
    assert len(lines) == 1
    assert lines[0].startswith("warning: vanishing gradients before the training in ")
    assert "hidden_0 to hidden_" in lines[0]
    assert "logits" not in lines[0]
    assert "ReLU in place of sigmoid" in lines[0]


def test_exploding_gradients_of_large_weights_are_told_once_with_the_remedy(capsys, tmp_path):
    initializer = keras.initializers.RandomNormal(stddev=2.0)
    lines = warnings_of(net(8, "relu", initializer), capsys, tmp_path)
    assert len(lines) == 1
    assert lines[0].startswith("warning: exploding gradients before the training in 9 layers")
    assert "smaller initial weights" in lines[0]


def test_gradients_that_are_no_numbers_count_as_exploding(capsys, tmp_path):
    model = net(2)
    model.layers[0].kernel.assign(np.full((8, 16), np.inf))
    flow = GradientFlow(X, Y, folder=tmp_path)
    flow.set_model(model)
    flow.measure(1)
    assert "warning: exploding gradients after epoch 1" in capsys.readouterr().err


def test_dead_relus_are_told_by_layer_with_their_share(capsys, tmp_path):
    model = net(2)
    bias = np.where(np.arange(16) < 12, -100.0, 1.0)
    model.layers[0].bias.assign(bias)
    lines = warnings_of(model, capsys, tmp_path)
    assert lines == [
        "warning: 75% of the ReLUs of hidden_0 are dead before the training; a smaller learning "
        "rate, He initialization or leaky ReLU would help"
    ]


def test_silent_relus_of_a_network_that_is_partly_frozen_are_not_told_unless_they_die(capsys):
    model = net(2)
    model.layers[0].trainable = False
    model.layers[0].bias.assign(np.where(np.arange(16) < 12, -100.0, 1.0))
    flow = GradientFlow(X, Y)
    flow.set_model(model)
    flow.measure(0)
    assert capsys.readouterr().err == ""
    model.layers[1].bias.assign(np.full(16, -100.0))
    flow.measure(1)
    assert "100% of the ReLUs of hidden_1 are dead after epoch 1" in capsys.readouterr().err


def test_relus_that_die_while_training_are_told_when_they_do(capsys, tmp_path):
    model = net(2)
    flow = GradientFlow(X, Y, batch_size=64, folder=tmp_path)
    flow.set_model(model)
    flow.measure(0)
    assert capsys.readouterr().err == ""
    model.layers[1].bias.assign(np.full(16, -100.0))
    flow.measure(3)
    told = capsys.readouterr().err
    assert "100% of the ReLUs of hidden_1 are dead after epoch 3" in told
    assert "vanishing gradients after epoch 3 in 2 layers, hidden_0 to hidden_1" in told


def test_norms_are_those_that_can_be_computed_by_hand():
    model = keras.Sequential([keras.Input((1,)), layers.Dense(1, use_bias=False, name="only")])
    model.compile("sgd", "mse")
    model.layers[0].kernel.assign([[2.0]])
    x, y = np.array([[1.0], [3.0]], np.float32), np.zeros((2, 1), np.float32)
    # dL/dw = mean of 2 x (w x - y) = 2 w mean(x²) = 20, and |w| = 2.
    assert relative_gradient_norms(model, x, y) == {"only": pytest.approx(10.0)}


def test_dead_units_of_all_kinds_of_relu_layers_are_counted():
    image = keras.Input((4, 4, 3))
    x = layers.Conv2D(4, 3, activation="relu", name="conv")(image)
    x = layers.Activation("relu", name="activation")(x)
    x = layers.ReLU(6.0, name="relu6")(x)
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(10, "relu", name="inside")])
    x = inner(layers.GlobalMaxPooling2D()(x))
    x = layers.Dense(2, activation="leaky_relu", name="leaky")(x)
    model = keras.Model(image, x)
    model.compile("sgd", "mse")
    conv = model.get_layer("conv")
    conv.kernel.assign(0 * conv.kernel)
    conv.bias.assign([-1.0, 1.0, 1.0, 1.0])
    inside = inner.get_layer("inside")
    inside.kernel.assign(0 * inside.kernel)
    inside.bias.assign(np.arange(10) - 6.5)
    shares = dead_relu_shares(model, np.ones((5, 4, 4, 3), np.float32), np.zeros((5, 2)))
    names = {path.rpartition("/")[2]: share for path, share in shares.items()}
    assert names == {
        "conv": 0.25, "activation": 0.25, "relu6": 0.25, "inside": pytest.approx(0.7)
    }  # fmt: skip


def test_a_unit_that_a_single_example_wakes_is_alive():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(4, "relu", use_bias=False)])
    model.compile("sgd", "mse")
    model.layers[0].kernel.assign(np.eye(4))
    x = np.eye(4, dtype=np.float32)[[0, 1, 2, 2]]
    (share,) = dead_relu_shares(model, x, x, batch_size=1).values()
    assert share == 0.25


def test_a_leaky_relu_is_not_a_relu():
    assert is_relu(layers.ReLU())
    assert not is_relu(layers.ReLU(negative_slope=0.1))
    assert not is_relu(layers.LeakyReLU())
    assert not is_relu(layers.Dense(3))


def noisy() -> keras.Model:
    """A model with all that a measurement could change: statistics, seeds, metrics."""
    keras.utils.set_random_seed(0)
    parts = [layers.Dense(8, "relu"), layers.BatchNormalization(), layers.Dropout(0.5)]
    model = keras.Sequential([keras.Input((8,)), *parts, layers.Dense(2)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, metrics=["accuracy"])
    return model


def test_a_training_with_the_monitor_is_the_same_to_the_bit(tmp_path):
    outcomes = []
    for callbacks in ([], [GradientFlow(X, Y, folder=tmp_path)]):
        model = noisy()
        history = model.fit(X, Y, epochs=3, verbose=0, callbacks=callbacks).history
        outcomes.append((model.get_weights(), history))
    for plain, watched in zip(outcomes[0][0], outcomes[1][0], strict=True):
        np.testing.assert_array_equal(plain, watched)
    assert outcomes[0][1] == outcomes[1][1]


def test_the_picture_has_a_row_for_each_layer_and_a_column_for_each_epoch(tmp_path):
    flow = GradientFlow(X, Y, folder=tmp_path)
    net(3).fit(X, Y, epochs=4, verbose=0, callbacks=[flow])
    assert flow.epochs == [0, 1, 2, 3, 4]
    assert list(flow.gradients) == ["hidden_0", "hidden_1", "hidden_2", "logits"]
    assert list(flow.dead_shares) == ["hidden_0", "hidden_1", "hidden_2"]
    assert {len(values) for values in flow.gradients.values()} == {5}
    with Image.open(tmp_path / "figures" / "gradient_flow.png") as picture:
        assert picture.width > picture.height


@keras.saving.register_keras_serializable("tests")
class OwnLoss(keras.Model):
    """A subclass whose loss passes through a part of it that `call` does not."""

    def __init__(self):
        super().__init__()
        self.first = layers.Dense(4, activation="relu", name="first")
        self.second = layers.Dense(1, name="second")

    def call(self, x):
        return self.first(x)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return keras.ops.mean(keras.ops.square(self.second(y_pred)))


def test_a_model_with_a_loss_of_its_own_is_watched(tmp_path, capsys):
    model = OwnLoss()
    model.compile("sgd")
    model.first.build((None, 8))
    model.second.build((None, 4))
    flow = GradientFlow(X, folder=tmp_path)
    model.fit(X, epochs=1, verbose=0, callbacks=[flow])
    assert len(flow.gradients) == 2
    assert all(value > 0 for value in flow.gradients[next(iter(flow.gradients))])
    assert len(flow.dead_shares) == 1


def test_a_layer_that_is_frozen_at_first_has_no_values_for_then(tmp_path):
    model = net(2)
    model.layers[0].trainable = False
    flow = GradientFlow(X, Y, folder=tmp_path)
    flow.set_model(model)
    flow.measure(0)
    model.layers[0].trainable = True
    flow.measure(1)
    assert list(flow.gradients) == ["hidden_0", "hidden_1", "logits"]
    assert np.isnan(flow.gradients["hidden_0"]).tolist() == [True, False]
    flow.on_train_end()
    assert (tmp_path / "figures" / "gradient_flow.png").is_file()


def test_what_was_told_and_measured_survives_a_resumption(tmp_path, capsys):
    first = GradientFlow(X, Y, folder=tmp_path)
    model = net(12, "sigmoid", keras.initializers.RandomNormal(stddev=0.1))
    model.fit(X, Y, epochs=1, verbose=0, callbacks=[first])
    assert "vanishing" in capsys.readouterr().err
    second = GradientFlow(X, Y, folder=tmp_path)
    vars(second).update(copy_of(remembered(first)))
    model.fit(X, Y, epochs=2, initial_epoch=1, verbose=0, callbacks=[second])
    assert second.epochs == [0, 1, 2]
    assert capsys.readouterr().err == ""
