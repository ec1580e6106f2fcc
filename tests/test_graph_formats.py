"""ONNX and OpenVINO: what the converters get wrong is mended, and nobody is told of it."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from small_jobs import TRAINED_ON, convert_here, digits, job_of_model, reader

import maquette
from maquette.exporting import graphs
from maquette.exporting.converter import Converter
from maquette.exporting.graphs import GRAPHS
from maquette.exporting.ladder import Climbed, climb
from maquette.exporting.metadata import Metadata
from maquette.exporting.opening import opened
from maquette.exporting.workshop import Recipe, Workshop
from maquette.tasks.tensors import class_scores

WORDS, EXAMPLES, TIME = 20, 40, 7


@pytest.fixture
def here(monkeypatch):
    """Convert in this process."""
    monkeypatch.setattr(Converter, "make", convert_here)


def climbed(model: keras.Model, inputs: dict, folder: Path, name: str) -> Climbed:
    made = job_of_model({"read": model}, inputs, np.zeros(len(next(iter(inputs.values())))))
    return climb(Workshop(made, folder, max_drop=1), Recipe(name))


def texts(length: int = TIME) -> np.ndarray:
    """Return sequences of words of all lengths, 0 after their ends."""
    ids = np.random.default_rng(0).integers(1, WORDS, (EXAMPLES, length)).astype("int32")
    ids[np.arange(length) >= np.arange(EXAMPLES)[:, None] % length + 1] = 0
    return ids


def reader_of_words() -> keras.Model:
    """Return a model with masks, two directions, two kinds of cells, and exact GELU."""
    keras.utils.set_random_seed(0)
    ids = keras.Input((None,), dtype="int32", name="ids")
    x = keras.layers.Embedding(WORDS, 6, mask_zero=True)(ids)  # (batch, time, 6)
    x = keras.layers.Bidirectional(keras.layers.GRU(5, return_sequences=True))(x)
    x = keras.layers.LSTM(4)(x)  # (batch, 4)
    x = keras.layers.Dense(8, activation=lambda x: keras.ops.gelu(x, approximate=False))(x)
    probabilities = keras.layers.Dense(3, activation="softmax")(x)
    return keras.Model({"ids": ids}, {"probabilities": probabilities})


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("name", GRAPHS)
def test_recurrent_layers_answer_what_keras_does_at_any_length(name, tmp_path):
    model = reader_of_words()
    made = climbed(model, {"ids": texts()}, tmp_path, name)
    assert (made.rung, made.attempt.verdict.failures) == ("as it is", [])
    file = opened(made.attempt.path)
    for ids in (texts(), texts()[:1], texts(TIME + 5), texts(1)):
        expected = np.asarray(model({"ids": ids}, training=False)["probabilities"])
        received = file.run("read", {"ids": ids})["probabilities"]
        np.testing.assert_allclose(received, expected, atol=1e-6)


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("name", GRAPHS)
def test_attention_with_a_causal_mask_answers_what_keras_does(name, tmp_path):
    keras.utils.set_random_seed(0)
    made = climbed(reader(), {"rows": digits()[0][TRAINED_ON:]}, tmp_path, name)
    assert (made.rung, made.attempt.verdict.failures) == ("as it is", [])
    assert made.attempt.verdict.error < 1e-5


@pytest.mark.usefixtures("here")
def test_the_converter_of_openvino_does_not_report_to_its_maker(tmp_path, monkeypatch):
    for module in [name for name in sys.modules if name.startswith("openvino.tools")]:
        monkeypatch.delitem(sys.modules, module)
    keras.utils.set_random_seed(0)
    climbed(reader(), {"rows": digits()[0][:40]}, tmp_path, "openvino")
    from openvino.tools.ovc import telemetry_utils

    assert telemetry_utils.tm.__name__ == "openvino.tools.ovc.telemetry_stub"


@pytest.fixture(scope="module")
def exported(digits_run, tmp_path_factory) -> maquette.Run:
    """A run exported to both; only to be read."""
    run = maquette.Run(shutil.copytree(digits_run.path, tmp_path_factory.mktemp("runs") / "run"))
    maquette.export(run, GRAPHS, author="Ada", license="MIT")
    return run


def test_files_tell_labels_author_and_licence(exported):
    import onnx
    import openvino

    model = onnx.load(exported.path / "export" / "onnx" / "classify.onnx")
    told = {entry.key: entry.value for entry in model.metadata_props}
    assert (told["author"], told["license"]) == ("Ada", "MIT")
    assert told["probabilities_labels"].splitlines() == list("0123456789")
    (image,), (probabilities,) = model.graph.input, model.graph.output
    assert image.type.tensor_type.shape.dim[0].dim_param == "batch"
    assert probabilities.name == "probabilities"
    graph = openvino.Core().read_model(exported.path / "export" / "openvino" / "classify.xml")
    assert graph.get_rt_info(["model_info", "author"]).astype(str) == "Ada"
    assert "7" in graph.get_rt_info(["model_info", "probabilities_labels"]).astype(str)


def test_properties_leave_out_what_nobody_gave():
    tensors = {"probabilities": class_scores(("cat", "dog"))}
    assert Metadata("cnn", tensors=tensors).properties() == {
        "name": "cnn",
        "probabilities_labels": "cat\ndog",
    }


@pytest.mark.parametrize("name", GRAPHS)
def test_a_folder_or_a_file_in_it_is_verified_alone(exported, name):
    folder = exported.path / "export" / name
    for path in (folder, next(folder.iterdir())):
        (row,) = maquette.verify(path)
        assert (row["file"], row["endpoint"], row["failure"]) == (name, "classify", "")


@pytest.mark.parametrize("name", GRAPHS)
def test_files_are_scored_and_timed_by_benchmark(exported, tmp_path, name):
    run = maquette.Run(shutil.copytree(exported.path, tmp_path / "run"))
    record = run.path / "export" / "export.json"
    content = json.loads(record.read_text())
    content["files"] = [row for row in content["files"] if row["format"] == name]
    record.write_text(json.dumps(content))
    (row,) = maquette.benchmark(run)["files"]
    assert (row["file"], row["failure"]) == (name, None)
    assert row["score"] == pytest.approx(run.metrics["test"]["metrics"]["accuracy"], abs=1e-6)
    assert 0 < row["latency_ms"] <= row["latency_p95_ms"]


@pytest.mark.parametrize("name", GRAPHS)
def test_damaged_files_are_no_longer_verified(exported, tmp_path, name):
    folder = shutil.copytree(exported.path / "export", tmp_path / "export")
    next((folder / name).iterdir()).write_bytes(b"not this")
    with pytest.raises(maquette.GateError, match=f"{name} classify: is not the file that was"):
        maquette.verify(folder)
    (folder / "export.json").unlink()
    with pytest.raises(maquette.GateError, match=f"{name} classify: does not load"):
        maquette.verify(folder)


@pytest.fixture
def missing(monkeypatch):
    """Return a function that hides a package."""

    def hide(package: str) -> None:
        find = graphs.find_spec
        monkeypatch.setattr(graphs, "find_spec", lambda n: None if n == package else find(n))

    return hide


@pytest.mark.parametrize(("package", "name"), [("tf2onnx", "onnx"), ("openvino", "openvino")])
def test_a_missing_package_is_named_with_its_extra(exported, missing, command, package, name):
    missing(package)
    done = command("export", exported.path, "--formats", name)
    assert done.code == 2
    assert f"{package} is not installed: pip install 'maquette[{name}]'" in done.err
    assert len(done.err.splitlines()) == 1


def test_verify_names_the_extra_that_runs_a_file(exported, missing):
    missing("onnxruntime")
    with pytest.raises(maquette.GateError) as caught:
        maquette.verify(exported.path / "export" / "onnx")
    assert "onnxruntime is not installed: pip install 'maquette[onnx]'" in str(caught.value)


def test_the_best_is_chosen_among_tflite_files_and_the_others_are_written_beside_it(copied_run):
    rows = maquette.export(copied_run, ["float32", "onnx"], quantize="best")
    assert [row["format"] for row in rows] == ["float32", "onnx"]
    record = json.loads((copied_run.path / "export" / "export.json").read_text())
    assert [row["format"] for row in record["candidates"]] == ["float32"]


def test_there_is_no_best_where_no_tflite_file_is_asked_for(exported):
    with pytest.raises(maquette.UserError, match="chooses among TFLite files"):
        maquette.export(exported, ["onnx"], quantize="best")
