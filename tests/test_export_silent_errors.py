"""What the converter gets wrong without a word: our files are right, or the gate refuses them."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from small_jobs import convert_here, job_of_model

from maquette.exporting import workshop
from maquette.exporting.convert import convert
from maquette.exporting.converter import Converter
from maquette.exporting.freezing import computed_reshapes
from maquette.exporting.ladder import climb
from maquette.exporting.litert import LiteRtFile
from maquette.exporting.saved_model import write_saved_model
from maquette.exporting.tracing import Tracing, phone_tracing, write_convertible
from maquette.exporting.workshop import Recipe, Workshop

BATCH, TIME, FEATURES = 3, 4, 6


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """The workshop of endpoints that all take the same inputs."""
    monkeypatch.setattr(Converter, "make", convert_here)

    def shop(endpoints, inputs, targets=None) -> Workshop:
        return Workshop(job_of_model(endpoints, inputs, targets), tmp_path, 0.01)

    return shop


WIDE = np.concatenate([np.linspace(-1000, 1000, 81), np.linspace(-20, 20, 81)]).astype("float32")


@pytest.mark.parametrize("name", ["softplus", "log_sigmoid", "mish"])
def test_what_overflows_in_the_converter_is_traced_as_keras_computes_it(name):
    function = getattr(keras.activations, name)
    expected = np.asarray(function(tf.constant(WIDE)))
    with phone_tracing():
        received = np.asarray(function(tf.constant(WIDE)))
    np.testing.assert_allclose(received, expected, atol=1e-6, rtol=1e-6)


def test_softplus_and_log_sigmoid_do_not_overflow_on_a_phone(tmp_path):
    x = keras.Input((1,), name="x")
    layers = {name: keras.layers.Activation(name) for name in ("softplus", "log_sigmoid")}
    model = keras.Model({"x": x}, {name: layer(x) for name, layer in layers.items()})
    inputs = {"x": WIDE[:, None]}
    expected = {name: np.asarray(y) for name, y in model.predict_on_batch(inputs).items()}
    write_saved_model({"activate": model}, tmp_path / "naive")
    write_convertible({"activate": model}, Tracing(), tmp_path / "ours")
    naive, ours = (answers(tmp_path / name, "activate", inputs) for name in ("naive", "ours"))
    for name, array in expected.items():
        assert np.isinf(naive[name]).any()  # Else we need not care for it any more.
        np.testing.assert_allclose(ours[name], array, atol=1e-5, rtol=1e-6)


def answers(saved_model, endpoint, inputs) -> dict[str, np.ndarray]:
    """Return what a float file of a SavedModel answers."""
    request = {"saved_model": str(saved_model), "signatures": [endpoint], "precision": "float32"}
    return Interpreter(model_content=convert(request)).get_signature_runner(endpoint)(**inputs)


def attentions() -> dict:
    """Return layers that mask, each as a function of a sequence and of which steps are real."""
    heads, attend = keras.layers.MultiHeadAttention(2, 3), keras.layers.Attention()
    scored = keras.layers.MultiHeadAttention(2, 3)
    grouped = keras.layers.GroupQueryAttention(3, 4, 2)
    additive, softmax = keras.layers.AdditiveAttention(), keras.layers.Softmax()
    return {
        "causal": lambda x, real: heads(x, x, use_causal_mask=True),
        "padding": lambda x, real: heads(x, x, attention_mask=real[:, None]),
        "both": lambda x, real: heads(x, x, attention_mask=real[:, None], use_causal_mask=True),
        "scores": lambda x, real: scored(
            x, x, attention_mask=real[:, None], return_attention_scores=True
        ),
        "grouped": lambda x, real: grouped(x, x, use_causal_mask=True),
        "dot": lambda x, real: attend([x, x], mask=[None, real]),
        "dot, causal": lambda x, real: attend([x, x], use_causal_mask=True),
        "additive": lambda x, real: additive([x, x], mask=[None, real]),
        "softmax": lambda x, real: softmax(x, mask=real[..., None]),
    }


@pytest.mark.parametrize("name", attentions())
def test_masked_attention_is_traced_as_keras_computes_it(name):
    keras.utils.set_random_seed(0)
    layer = attentions()[name]
    x = tf.constant(np.random.default_rng(0).normal(size=(BATCH, TIME, FEATURES)), tf.float32)
    real = tf.constant(np.arange(TIME) < np.array([4, 2, 1])[:, None])
    expected = keras.tree.flatten(layer(x, real))
    with phone_tracing() as met:
        received = keras.tree.flatten(layer(x, real))
    assert met == {"masks"}
    for a, b in zip(received, expected, strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), atol=1e-6)


def test_a_query_that_may_look_at_nothing_gets_what_keras_gives_it():
    x = tf.constant(np.random.default_rng(0).normal(size=(BATCH, TIME)), tf.float32)
    nothing = tf.zeros((BATCH, TIME), bool)
    with phone_tracing():
        weights = keras.layers.Softmax()(x, mask=nothing)
    np.testing.assert_array_equal(np.asarray(weights), 0)


def test_keras_has_its_own_masks_again_afterwards():
    x = tf.constant([[[[0.0, -200.0]]]])
    mask = tf.constant([[[[True, False]]]])
    with phone_tracing():
        assert float(keras.layers.Softmax()(x, mask=mask)[0, 0, 0, 1]) == 0
    layer = keras.layers.Softmax()
    assert type(layer).call.__qualname__ == "Softmax.call"


def test_scores_below_what_we_mask_with_are_masked_as_keras_does(shop):
    x, real = keras.Input((6,), name="x"), keras.Input((6,), dtype="bool", name="real")
    weights = keras.layers.Softmax()(x, mask=real)
    model = keras.Model({"x": x, "real": real}, {"probabilities": weights})
    random = np.random.default_rng(0)
    inputs = {
        "x": random.uniform(-45, -35, (50, 6)).astype("float32"),
        "real": np.arange(6) < random.integers(1, 6, (50, 1)),
    }
    climbed = climb(shop({"attend": model}, inputs), Recipe("float32"))
    assert climbed.rung == "attention masks of Keras"
    assert "differs from Keras" in climbed.tried[0]["failures"][0]


def test_causal_attention_converts_for_sequences_of_any_length(tmp_path):
    x = keras.Input((None, FEATURES), name="x")
    y = keras.layers.MultiHeadAttention(2, 3)(x, x, use_causal_mask=True)
    model = keras.Model({"x": x}, {"y": y})
    write_convertible({"attend": model}, Tracing(), tmp_path / "ours")
    for steps in (2, 5):
        inputs = {"x": np.random.default_rng(0).normal(size=(2, steps, FEATURES)).astype("f4")}
        expected = np.asarray(model.predict_on_batch(inputs)["y"])
        received = answers(tmp_path / "ours", "attend", inputs)["y"]
        np.testing.assert_allclose(received, expected, atol=1e-5)


IDS = 23


def test_ids_that_int8_rounds_down_to_others_come_out_right(shop):
    x = keras.Input((1,), name="x")
    encoded = keras.layers.CategoryEncoding(IDS, output_mode="one_hot")(x)
    kernel = keras.initializers.Constant(np.eye(IDS) * 9)
    y = keras.layers.Dense(IDS, activation="softmax", kernel_initializer=kernel)(encoded)
    ids = np.arange(10 * IDS) % IDS
    inputs = {"x": ids[:, None].astype("float32")}
    made = shop({"encode": keras.Model({"x": x}, {"probabilities": y})}, inputs, ids)
    climbed = climb(made, Recipe("int8"))
    assert made.attempt(Recipe("int8")).verdict.score < 0.9
    assert climbed.rung.startswith("some operators in float: ")
    assert climbed.attempt.verdict.score == 1


@pytest.fixture
def sequences(shop):
    """The workshop of a recurrent model whose output is a reshape that depends on the batch."""
    x = keras.Input((TIME, FEATURES), name="x")
    y = keras.layers.GRU(5, return_sequences=True)(x)
    y = keras.layers.Reshape((-1,), name="flat")(keras.layers.Dense(4, activation="softmax")(y))
    inputs = np.random.default_rng(0).normal(size=(40, TIME, FEATURES)).astype("float32")
    return shop({"read": keras.Model({"x": x}, {"probabilities": y})}, {"x": inputs})


def test_an_output_of_a_computed_shape_gets_a_fixed_one_in_a_static_file(sequences):
    dynamic = sequences.attempt(Recipe("int8")).path.read_bytes()
    attempt = sequences.attempt(Recipe("int8", static=True))  # With a loop, so it is frozen.
    frozen = attempt.path.read_bytes()
    assert attempt.verdict.failures == []
    assert (computed_reshapes(dynamic), computed_reshapes(frozen)) == (["probabilities"], [])
    runner = Interpreter(model_content=frozen).get_signature_runner("read")
    assert runner.get_input_details()["x"]["shape_signature"].tolist() == [1, TIME, FEATURES]
    one = sequences.job.reference.probes["read"].inputs["x"][:1]
    expected = Interpreter(model_content=dynamic).get_signature_runner("read")(x=one)
    np.testing.assert_array_equal(runner(x=one)["probabilities"], expected["probabilities"])


def test_a_static_file_whose_output_has_a_computed_shape_is_refused(sequences, monkeypatch):
    monkeypatch.setattr(workshop, "freeze_shapes", lambda content: content)
    assert sequences.attempt(Recipe("int8", static=True)).verdict.failures == [
        "probabilities has a shape that is computed, which browsers answer with zeros"
    ]


def test_float_files_for_one_example_compute_no_shapes(sequences):
    attempt = sequences.attempt(Recipe("float32", static=True))
    assert attempt.verdict.failures == []
    assert computed_reshapes(attempt.path.read_bytes()) == []


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_sequences_of_any_length_are_as_long_as_the_examples_in_a_static_file(shop, precision):
    x = keras.Input((None, FEATURES), name="x")
    y = keras.layers.Dense(3, activation="softmax")(keras.layers.SimpleRNN(4)(x))
    inputs = {"x": np.random.default_rng(0).normal(size=(40, TIME, FEATURES)).astype("float32")}
    made = shop({"read": keras.Model({"x": x}, {"probabilities": y})}, inputs)
    attempt = made.attempt(Recipe(precision, static=True))
    assert attempt.verdict.failures == []
    (tensor,) = LiteRtFile(attempt.path).tensors("read", {})["inputs"]
    assert tensor["shape"] == [1, TIME, FEATURES]
    failures = made.attempt(Recipe(precision, written_out=True)).verdict.failures
    assert failures == ["the number of steps is not fixed, so they cannot be written out"]
