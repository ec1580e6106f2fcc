"""What an export refuses: files that a converter made, but that no phone should get."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

import maquette
from maquette.exporting import formats
from maquette.exporting.convert import convert
from maquette.exporting.converter import Converter
from maquette.exporting.saved_model import write_saved_model

FLEX = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]


@pytest.fixture
def failures(copied_run, monkeypatch):
    """Export a run whose converter makes a given file, and return why it was refused."""

    def failures(content: bytes) -> list[str]:
        def make(self, request, path):
            path.write_bytes(content)
            return ""

        monkeypatch.setattr(Converter, "make", make)
        with pytest.raises(maquette.GateError, match="not exported, float32: ") as caught:
            maquette.export(copied_run, ["float32"])
        assert not (copied_run.path / "export" / "model_float32.tflite").exists()
        return caught.value.rows[0]["failures"]

    return failures


@pytest.fixture
def tflite(tmp_path):
    """Convert a function of images to a TFLite file."""

    def tflite(function, signature="classify", **options) -> bytes:
        spec = tf.TensorSpec((None, 8, 8, 1), tf.uint8, name="image")
        module = tf.Module()
        module.function = tf.function(function, input_signature=[spec])
        folder = str(tmp_path / "module")
        tf.saved_model.save(module, folder, signatures={signature: module.function})
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=[signature])
        converter.allow_custom_ops = options.get("allow_custom_ops", False)
        if "supported_ops" in options:
            converter.target_spec.supported_ops = options["supported_ops"]
        return converter.convert()

    return tflite


def uniform(image):
    return {"probabilities": tf.fill((tf.shape(image)[0], 10), 0.1)}


def inverse(image):
    rows = tf.linalg.inv(tf.cast(image[..., 0], tf.float32))[:, 0]
    return {"probabilities": tf.concat([rows, rows[:, :2]], axis=1)}


@pytest.mark.parametrize(
    ("options", "name"),
    [({"allow_custom_ops": True}, "MatrixInverse"), ({"supported_ops": FLEX}, "FlexMatrixInverse")],
)
def test_an_operator_that_no_phone_has(failures, tflite, options, name):
    expected = f"does not load: it uses operators no phone has: {name}"
    assert failures(tflite(inverse, **options)) == [expected]


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[: len(content) // 2],
        lambda content: content[:100] + bytes(200) + content[300:],
    ],
)
def test_a_damaged_file(failures, tflite, damage):
    (failure,) = failures(damage(tflite(uniform)))
    assert failure.startswith("does not load: ")
    assert "\n" not in failure


def test_a_file_that_answers_for_one_image_of_each_batch_only(failures, tflite):
    # The 270 images of validation come in 9 batches.
    content = tflite(lambda image: {"probabilities": uniform(image)["probabilities"][:1]})
    expected = "classify returns probabilities (9, 10), not probabilities (270, 10)"
    assert failures(content) == [expected]


def test_a_file_without_the_endpoint(failures, tflite):
    (failure,) = failures(tflite(uniform, signature="decode"))
    assert failure.startswith("classify does not run: ")


def test_a_file_whose_outputs_have_other_names(failures, tflite):
    content = tflite(lambda image: {"logits": uniform(image)["probabilities"]})
    expected = "classify returns logits (270, 10), not probabilities (270, 10)"
    assert failures(content) == [expected]


def test_a_file_that_returns_what_is_no_number(failures, tflite):
    def not_a_number(image):
        return {"probabilities": tf.sqrt(uniform(image)["probabilities"] - 1)}

    assert "differs from Keras by inf" in failures(tflite(not_a_number))[0]


def test_a_file_with_other_weights(failures, digits_run, tmp_path):
    model = maquette.Run(digits_run.path).model
    noise = np.random.default_rng(0)
    model.set_weights([w + noise.normal(0, 1e-2, w.shape) for w in model.get_weights()])
    endpoint = digits_run.template.endpoints(model)["classify"]
    write_saved_model({"classify": endpoint}, tmp_path / "other")
    request = {"saved_model": str(tmp_path / "other"), "signatures": ["classify"]}
    content = convert({**request, "precision": "float32"})
    assert "differs from Keras by" in failures(content)[0]


@pytest.mark.parametrize("verb", [["export"], ["export", "--quantize", "best"]])
def test_a_lambda_layer(copied_run, command, monkeypatch, verb):
    def hidden(model):
        x = keras.layers.Lambda(lambda x: x, name="hidden")(model.input)
        return {"classify": keras.Model({"image": model.input}, {"probabilities": x})}

    template = dataclasses.replace(copied_run.template, endpoints=hidden)
    monkeypatch.setattr(maquette.Run, "template", template)
    done = command(verb[0], copied_run.path, *verb[1:])
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "maquette: layer 'hidden' of the endpoint 'classify' is a Lambda, which hides any code; "
        "write it as a class derived from keras.layers.Layer\n"
    )
    assert not (copied_run.path / "export").exists()


def test_a_truncated_run_leaves_nothing(copied_run, command):
    weights = copied_run.path / "model.keras"
    weights.write_bytes(weights.read_bytes()[:-100])
    before = sorted(path.name for path in copied_run.path.iterdir())
    done = command("export", copied_run.path)
    assert done.code == 2
    assert "model.keras is not the file that the training wrote" in done.err
    assert sorted(path.name for path in copied_run.path.iterdir()) == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--budget", "1%"], "--budget goes with --quantize best"),
        (["--quantize", "best", "--budget", "one"], "--budget must be a share such as 1% or 0.01"),
        (["--quantize", "best", "--budget", "101%"], "--budget must be a share such as 1% or 0.01"),
        (["--quantize", "bets"], "bets"),
        (["--formats", "int8", "--int8-io", "int8"], "int8-io"),
        (["--formats", "int7"], "int7"),
    ],
)
def test_a_request_that_makes_no_sense(copied_run, command, words, message):
    done = command("export", copied_run.path, *words)
    assert (done.code, done.out) == (2, "")
    assert done.err.count("\n") == 1
    assert message in done.err
    assert not (copied_run.path / "export").exists()


def test_int4_without_its_library(copied_run, command, monkeypatch):
    monkeypatch.setattr(formats, "find_spec", lambda name: None)
    done = command("export", copied_run.path, "--formats", "int4")
    assert done.code == 2
    assert "int4 is made by ai-edge-quantizer: pip install 'maquette[quantize]'" in done.err
    assert "int4" not in formats.possible_formats()
