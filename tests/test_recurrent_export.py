"""Recurrent layers traced for phones compute what Keras computes, and convert."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from keras.src import backend

from maquette.exporting.convert import convert
from maquette.exporting.litert import custom_operators
from maquette.exporting.recurrent import STEPS_PER_TURN, phone_recurrence, recurrence
from maquette.exporting.saved_model import write_saved_model

BATCH, TIME, FEATURES, UNITS = 5, 7, 3, 4


def layers() -> dict[str, keras.layers.Layer]:
    lstm, gru, simple = keras.layers.LSTM, keras.layers.GRU, keras.layers.SimpleRNN
    cells = [keras.layers.GRUCell(3), keras.layers.LSTMCell(UNITS)]
    return {
        "lstm": lstm(UNITS, return_sequences=True, return_state=True),
        "lstm, last output": lstm(UNITS),
        "gru": gru(UNITS, return_sequences=True, return_state=True),
        "gru, reset before": gru(UNITS, return_sequences=True, reset_after=False),
        "simple": simple(UNITS, return_sequences=True, return_state=True),
        "backwards": gru(UNITS, return_sequences=True, go_backwards=True),
        "bidirectional": keras.layers.Bidirectional(lstm(UNITS, return_sequences=True)),
        "bidirectional, last output": keras.layers.Bidirectional(gru(UNITS)),
        "nested states": keras.layers.RNN(cells, return_sequences=True, return_state=True),
        "unrolled": lstm(UNITS, return_sequences=True, unroll=True),
        "zeros where masked": keras.layers.RNN(
            keras.layers.GRUCell(UNITS), return_sequences=True, zero_output_for_mask=True
        ),
    }


def inputs(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return random sequences, and a mask of another length for each; the last has no step."""
    x = np.random.default_rng(seed).normal(size=(BATCH, TIME, FEATURES)).astype("float32")
    return x, np.arange(TIME) < np.array([7, 5, 2, 1, 0])[:, None]


def assert_same(received, expected) -> None:
    for a, b in zip(keras.tree.flatten(received), keras.tree.flatten(expected), strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), atol=1e-6)


@pytest.mark.parametrize("name", layers())
def test_layer_answers_as_keras_does_with_and_without_a_mask(name):
    keras.utils.set_random_seed(1)
    layer, (x, mask) = layers()[name], inputs()
    for options in ({}, {"mask": tf.constant(mask)}):
        expected = layer(x, **options)
        with phone_recurrence():
            assert_same(layer(x, **options), expected)


@pytest.mark.parametrize("fixed", [True, False])
def test_sequences_of_any_length_are_read_to_their_end(fixed):
    keras.utils.set_random_seed(1)
    layer = keras.layers.Bidirectional(keras.layers.GRU(UNITS, return_sequences=True))
    layer.build((None, None, FEATURES))
    read = tf.function(lambda x, mask: layer(x, mask=mask), autograph=False)
    x = np.random.default_rng(0).normal(size=(2, 9, FEATURES)).astype("float32")
    for length in range(1, 10):
        time = length if fixed else None
        specs = tf.TensorSpec((None, time, FEATURES)), tf.TensorSpec((None, time), tf.bool)
        there = tf.constant(np.arange(length) < np.array([[length], [length - 1]]))
        part = tf.constant(x[:, :length])
        with phone_recurrence():
            assert_same(read.get_concrete_function(*specs)(part, there), layer(part, mask=there))


def test_a_turn_of_the_loop_takes_several_steps():
    layer = keras.layers.SimpleRNN(UNITS)
    layer.build((None, None, FEATURES))
    with phone_recurrence():
        traced = tf.function(lambda x: layer(x), autograph=False).get_concrete_function(
            tf.TensorSpec((None, None, FEATURES))
        )
    functions = traced.graph.as_graph_def().library.function
    (steps,) = (n for f in functions if (n := sum(node.op == "Tanh" for node in f.node_def)))
    assert steps == STEPS_PER_TURN > 1


def test_images_over_time_are_read_as_keras_does():
    layer = keras.layers.ConvLSTM2D(2, 3, return_sequences=True)
    x = np.random.default_rng(0).normal(size=(2, 4, 5, 5, 1)).astype("float32")
    mask = tf.constant([[True] * 4, [True, True, False, False]])
    expected = layer(x, mask=mask)
    with phone_recurrence():
        assert_same(layer(x, mask=mask), expected)


def test_time_major_and_constants_are_read_as_keras_does():
    x, mask = (np.swapaxes(array, 0, 1) for array in inputs())

    def step(inputs, states):
        state, constant = states
        return inputs * constant + state, [state + inputs]

    arguments = {
        "initial_states": [tf.ones((BATCH, FEATURES))],
        "constants": [tf.fill((BATCH, FEATURES), 3.0)],
        "mask": tf.constant(mask),
        "time_major": True,
        "input_length": TIME,
    }
    expected = backend.rnn(step, tf.constant(x), **arguments)
    assert_same(recurrence(step, tf.constant(x), **arguments), expected)


@pytest.mark.parametrize("axis", [None, 1, -1, (0, 2)])
def test_flip_reverses_as_numpy_does(axis):
    x = np.arange(24).reshape(2, 3, 4)
    with phone_recurrence():
        np.testing.assert_array_equal(np.asarray(keras.ops.flip(x, axis)), np.flip(x, axis))


def test_keras_has_its_own_recurrence_again_afterwards():
    before = backend.rnn, backend.lstm, backend.gru, backend.numpy.flip
    with phone_recurrence():
        during = backend.rnn, backend.lstm, backend.gru, backend.numpy.flip
    assert not set(before) & set(during)
    with pytest.raises(ValueError, match="stop"), phone_recurrence():
        raise ValueError("stop")
    assert (backend.rnn, backend.lstm, backend.gru, backend.numpy.flip) == before


def test_no_loop_is_written_for_a_single_step():
    layer = keras.layers.LSTM(UNITS)
    layer.build((None, 1, FEATURES))
    for length, operators in ((1, set()), (2, {"While"}), (None, {"While"})):
        function = tf.function(lambda x: layer(x), autograph=False)
        with phone_recurrence():
            graph = function.get_concrete_function(tf.TensorSpec((None, length, FEATURES))).graph
        assert {op.type.removeprefix("Stateless") for op in graph.get_operations()} & {
            "While", "TensorListReserve",
        } == operators, length  # fmt: skip


@pytest.fixture(scope="module")
def masked_model() -> keras.Model:
    keras.utils.set_random_seed(2)
    ids = keras.Input((None,), dtype="int32", name="ids")
    x = keras.layers.Embedding(
        20,
        FEATURES,
        mask_zero=True,
        embeddings_initializer=keras.initializers.RandomNormal(stddev=1),
    )(ids)
    x = keras.layers.Bidirectional(keras.layers.LSTM(UNITS, return_sequences=True))(x)
    x = keras.layers.GRU(UNITS)(x)
    return keras.Model({"ids": ids}, {"state": keras.layers.Dense(2)(x)})


@pytest.mark.parametrize("variant", ["float32", "int8"])
def test_masked_layers_convert_for_any_batch_and_time(masked_model, variant, tmp_path):
    ids = np.random.default_rng(0).integers(1, 20, (40, TIME)).astype("int32")
    ids[np.arange(TIME) >= np.arange(40)[:, None] % TIME + 1] = 0
    with phone_recurrence():
        write_saved_model({"read": masked_model}, tmp_path / "model")
    (tmp_path / "calibration").mkdir()
    np.savez(tmp_path / "calibration" / "read.npz", ids=ids)
    request = {
        "saved_model": str(tmp_path / "model"),
        "signatures": ["read"],
        "calibration": str(tmp_path / "calibration"),
        "precision": variant,
    }
    file = tmp_path / "model.tflite"
    file.write_bytes(convert(request))
    assert custom_operators(file) == []
    runner = Interpreter(str(file)).get_signature_runner("read")
    for batch in (ids, ids[:1], np.pad(ids, ((0, 0), (0, 4)))):
        expected = np.asarray(masked_model({"ids": batch}, training=False)["state"])
        tolerance = {"float32": 1e-6, "int8": 0.02}[variant]
        np.testing.assert_allclose(runner(ids=batch)["state"], expected, atol=tolerance)
