"""Exporting a run: what is written, how it is described, and that it appears whole."""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf

import maquette
from maquette.datasets import digits
from maquette.exporting import export as exporting
from maquette.exporting import workshop
from maquette.exporting.converter import Converter
from maquette.exporting.formats import FORMATS, VARIANTS
from maquette.exporting.litert import LiteRtFile
from maquette.exporting.saved_model import SavedModel


class Exported(NamedTuple):
    run: maquette.Run
    rows: dict[str, dict]
    folder: Path


@pytest.fixture(scope="module")
def exported(digits_run, tmp_path_factory) -> Exported:
    """A run exported to all formats; only to be read."""
    run = maquette.Run(shutil.copytree(digits_run.path, tmp_path_factory.mktemp("runs") / "run"))
    rows = maquette.export(run)
    return Exported(run, {row["format"]: row for row in rows}, run.path / "export")


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return digits.load().splits["test"].images[:5]


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_all_formats_pass_the_gate_and_are_written(exported):
    assert list(exported.rows) == list(FORMATS)
    assert all(row["failures"] == [] for row in exported.rows.values())
    files = {row["file"] for row in exported.rows.values()}
    assert {p.name for p in exported.folder.iterdir()} == {
        *files,
        "labels.txt",
        "export.json",
        "golden.json",
    }


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_row_tells_size_score_speed_and_hash_of_its_file(exported, variant):
    row, content = exported.rows[variant], (exported.folder / f"model_{variant}.tflite")
    assert row["file"] == content.name
    assert row["bytes"] == content.stat().st_size
    assert row["sha256"] == hashlib.sha256(content.read_bytes()).hexdigest()
    assert 0 < row["accuracy"] <= 1
    assert 0.9 <= row["agreement"] <= 1
    assert row["latency_ms"] > 0


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_row_names_shapes_types_and_ranges_of_inputs_and_outputs(exported, variant):
    image = {"name": "image", "shape": [-1, 8, 8, 1], "type": "uint8", "range": (0, 255)}
    answer = {"name": "probabilities", "shape": [-1, 10], "type": "float32", "range": (0, 1)}
    expected = {"classify": {"inputs": [image], "outputs": [answer]}}
    assert exported.rows[variant]["endpoints"] == expected


def test_the_accuracy_of_the_float_file_is_that_of_the_run(exported):
    of_run = exported.run.metrics["validation"]["metrics"]["accuracy"]
    assert exported.rows["float32"]["accuracy"] == pytest.approx(of_run, abs=1e-6)


def test_quantised_files_are_smaller(exported):
    assert exported.rows["int8"]["bytes"] < exported.rows["float32"]["bytes"]


def test_export_json_holds_the_table_and_the_labels(exported):
    written = json.loads((exported.folder / "export.json").read_text(encoding="utf-8"))
    assert (written["template"], written["run"]) == ("mlp", exported.run.path.name)
    assert written["labels"] == list("0123456789")
    assert written["files"] == json.loads(json.dumps(list(exported.rows.values())))


def test_labels_are_one_a_line_in_the_order_of_the_outputs(exported):
    expected = "".join(f"{digit}\n" for digit in range(10))
    assert (exported.folder / "labels.txt").read_text() == expected
    assert (exported.folder / "saved_model" / "assets" / "labels.txt").read_text() == expected


def test_the_saved_model_has_a_named_signature_with_named_tensors(exported):
    signatures = tf.saved_model.load(str(exported.folder / "saved_model")).signatures
    assert set(signatures) == {"classify", "serving_default"}
    for signature in signatures.values():
        _, inputs = signature.structured_input_signature
        assert inputs["image"].shape.as_list() == [None, 8, 8, 1]
        assert inputs["image"].dtype == tf.uint8
        assert set(signature.structured_outputs) == {"probabilities"}


def test_a_server_loads_the_saved_model_by_its_tag_from_a_numbered_folder(
    exported, images, tmp_path
):
    version = tmp_path / "models" / "digits" / "1"  # as TensorFlow Serving wants it
    shutil.copytree(exported.folder / "saved_model", version)
    np.save(tmp_path / "images.npy", images)
    script = """
import sys
sys.modules["maquette"] = None
import numpy as np, tensorflow as tf
model = tf.saved_model.load("models/digits/1", tags=["serve"])
images = tf.constant(np.load("images.npy"))
answers = [model.signatures[name](image=images) for name in ("serving_default", "classify")]
np.savez("answers.npz", *[answer["probabilities"].numpy() for answer in answers])
"""
    words = [sys.executable, "-c", script]
    subprocess.run(words, cwd=tmp_path, capture_output=True, check=True)
    endpoint = exported.run.template.endpoints(exported.run.model)["classify"]
    expected = np.asarray(endpoint.predict_on_batch({"image": images})["probabilities"])
    for answer in np.load(tmp_path / "answers.npz").values():
        np.testing.assert_allclose(answer, expected, atol=1e-6)


def test_a_format_that_is_asked_for_twice_is_written_once(copied_run):
    assert [row["format"] for row in maquette.export(copied_run, ["float32"] * 2)] == ["float32"]


@pytest.mark.parametrize("count", [1, 5])
def test_exported_files_answer_what_keras_answers_to_batches_of_any_size(exported, images, count):
    endpoint = exported.run.template.endpoints(exported.run.model)["classify"]
    inputs = {"image": images[:count]}
    expected = np.asarray(endpoint.predict_on_batch(inputs)["probabilities"])
    files = (
        SavedModel(exported.folder / "saved_model"),
        LiteRtFile(exported.folder / "model_float32.tflite"),
    )
    for file in files:
        received = file.run("classify", inputs)["probabilities"]
        np.testing.assert_allclose(received, expected, atol=1e-5)


def test_the_report_shows_the_table_once_the_run_is_exported(exported, digits_run):
    assert "Not exported yet" in (digits_run.path / "report.html").read_text()
    page = (exported.run.path / "report.html").read_text()
    assert "Not exported yet" not in page
    assert all(row["file"] in page for row in exported.rows.values())


def test_exporting_again_gives_the_same_bytes_and_only_what_was_asked_for(copied_run):
    maquette.export(copied_run, ["float32", "int8"])
    first = contents(copied_run.path / "export")
    (copied_run.path / "export" / "notes.txt").write_text("of the user")
    rows = maquette.export(copied_run, ["int8"])
    second = contents(copied_run.path / "export")
    assert [row["format"] for row in rows] == ["int8"]
    assert set(second) == {"model_int8.tflite", "labels.txt", "export.json", "golden.json"}
    assert second["model_int8.tflite"] == first["model_int8.tflite"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"formats": ["int7"]}, "no format 'int7'; perhaps you meant 'int8'"),
        ({"formats": []}, "no format asked for; there are saved_model, float32"),
        ({"max_drop": 1.5}, "--max-drop must be between 0 and 1; received 1.5"),
    ],
)
def test_a_request_that_cannot_be_met_is_refused(digits_run, options, message):
    with pytest.raises(maquette.UserError, match=message):
        maquette.export(digits_run, **options)
    assert not (digits_run.path / "export").exists()


def test_an_export_that_is_broken_off_leaves_the_earlier_one_and_nothing_else(
    copied_run, monkeypatch
):
    maquette.export(copied_run, ["saved_model"])
    before = contents(copied_run.path)

    def broken_off(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(exporting, "saved_model_row", broken_off)
    with pytest.raises(KeyboardInterrupt):
        maquette.export(copied_run, ["saved_model"])
    assert contents(copied_run.path) == before


class Reversed(LiteRtFile):
    """A file that gives each class the probability of another."""

    def run(self, endpoint, inputs):
        return {name: array[:, ::-1] for name, array in super().run(endpoint, inputs).items()}


def test_the_command_line_prints_the_table_as_json(copied_run, command):
    done = command("export", copied_run.path, "--formats", "saved_model", "--json")
    assert (done.code, done.err) == (0, "")
    (row,) = json.loads(done.out)
    assert (row["format"], row["failures"]) == ("saved_model", [])


def test_the_command_line_names_the_check_that_failed(copied_run, command, monkeypatch):
    monkeypatch.setattr(workshop, "LiteRtFile", Reversed)
    done = command("export", copied_run.path, "--formats", "saved_model", "float32", "--json")
    assert done.code == 1
    assert done.err.startswith("maquette: not exported, float32: classify differs from Keras by")
    passed, failed = json.loads(done.out)
    assert (passed["format"], passed["failures"]) == ("saved_model", [])
    assert (failed["format"], len(failed["failures"])) == ("float32", 3)
    written = {path.name for path in (copied_run.path / "export").iterdir()}
    assert written == {"saved_model", "labels.txt", "export.json", "golden.json"}
    assert "differs from Keras" in (copied_run.path / "report.html").read_text()


def test_a_crash_of_the_converter_costs_that_file_alone(copied_run, monkeypatch):
    monkeypatch.setattr(Converter, "make", lambda *_: "the converter crashed (signal 11)")
    with pytest.raises(maquette.GateError, match="float16: the converter crashed") as caught:
        maquette.export(copied_run, ["saved_model", "float16"])
    made, crashed = caught.value.rows
    assert (crashed["bytes"], crashed["sha256"], crashed["agreement"]) == (None, None, 0)
    assert made["failures"] == []
    assert (copied_run.path / "export" / "saved_model").is_dir()
