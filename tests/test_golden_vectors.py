"""Golden vectors and `verify`: an export proves anywhere that it answers what Keras answered."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

import maquette
from maquette.errors import GateError, UserError
from maquette.exporting import metadata
from maquette.exporting.golden import Example, Golden, largest_differences
from maquette.exporting.metadata import Metadata, with_metadata
from maquette.tasks.tensors import Tensor, class_scores

FILES = ["model_float32.tflite", "model_int8.tflite"]


@pytest.fixture(scope="module")
def exported(digits_run, tmp_path_factory):
    """The folder of an export; only to be read."""
    run = maquette.Run(shutil.copytree(digits_run.path, tmp_path_factory.mktemp("runs") / "run"))
    labelling = {"author": "Ann Example", "license": "MIT", "version": "7"}
    formats = ["saved_model", "float32", "int8"]
    maquette.export(run, formats, caller=["python"], **labelling)
    return run.path / "export"


@pytest.fixture
def folder(exported, tmp_path):
    """A copy of an export that a test may change, without the SavedModel."""
    leave_out = shutil.ignore_patterns("saved_model")
    copied = shutil.copytree(exported, tmp_path / "export", ignore=leave_out)
    golden = json.loads((copied / "golden.json").read_text())
    del golden["files"]["saved_model"]
    (copied / "golden.json").write_text(json.dumps(golden))
    return copied


def changed(folder, change):
    content = json.loads((folder / "golden.json").read_text())
    change(content)
    (folder / "golden.json").write_text(json.dumps(content))


def test_every_file_of_an_export_is_verified_from_its_run_or_its_folder(exported):
    for path in (exported, exported.parent):
        rows = maquette.verify(path)
        assert [row["file"] for row in rows] == ["saved_model", *FILES]
        assert [row["failure"] for row in rows] == [""] * 3
        assert all(0 <= row["difference"] <= row["allowed"] < 0.3 for row in rows)
    assert rows[1]["allowed"] < 1e-3 < rows[2]["allowed"]


def test_a_single_file_is_verified_without_tensorflow_and_without_the_run(folder):
    script = f"""
import sys
sys.modules["tensorflow"] = sys.modules["keras"] = None
import maquette
(row,) = maquette.verify({str(folder / FILES[1])!r})
print(row["examples"], row["failure"] == "")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.split() == ["8", "True"], done.stderr


def test_golden_inputs_are_real_and_the_outputs_are_those_of_keras(exported, digits_run):
    examples = Golden.read(exported / "golden.json").examples["classify"]
    assert len({example.inputs["image"].tobytes() for example in examples}) == 8
    endpoint = digits_run.template.endpoints(digits_run.model)["classify"]
    for example in examples:
        assert example.inputs["image"].shape == (1, 8, 8, 1)
        expected = endpoint.predict_on_batch(example.inputs)["probabilities"]
        np.testing.assert_allclose(example.outputs["probabilities"], expected, atol=1e-6)


def test_golden_vectors_survive_the_file_for_every_type(tmp_path):
    inputs = {"text": np.array(['say "hi" {"inputs": {'], object), "ids": np.array([[1, 2]], "i4")}
    outputs = {"p": np.array([[0.1, -np.pi]], "f4"), "n": np.array([3], "i4")}
    golden = Golden({"ask": [Example(inputs, outputs)] * 2}, {"a.tflite": {"ask": {"p": 0.1}}})
    (tmp_path / "golden.json").write_text(golden.to_text(), encoding="utf-8")
    read = Golden.read(tmp_path / "golden.json")
    assert read.tolerances == golden.tolerances
    for example in read.examples["ask"]:
        for sides in ((example.inputs, inputs), (example.outputs, outputs)):
            for name, array in sides[1].items():
                assert sides[0][name].dtype == array.dtype
                np.testing.assert_array_equal(sides[0][name], array)


class Model:
    """A file that answers the same to everything."""

    def __init__(self, **outputs):
        self.outputs = {name: np.array(value) for name, value in outputs.items()}

    def run(self, endpoint, inputs):
        return self.outputs


def test_differences_are_absolute_of_fractions_and_shares_of_ids():
    example = Example({}, {"p": np.array([[1.0, 2.0]], "f4"), "n": np.array([[1, 2, 3, 4]], "i4")})
    away = largest_differences(Model(p=[[1.5, 2.0]], n=[[1, 2, 4, 3]]), "ask", [example])
    assert away == {"p": 0.5, "n": 0.5}
    for wrong in ([[np.nan, 2.0]], [[1.0]]):
        model = Model(p=wrong, n=[[1, 2, 3, 4]])
        assert largest_differences(model, "ask", [example])["p"] == np.inf
    assert largest_differences(Model(n=[[1, 2, 3, 4]]), "ask", [example])["p"] == np.inf


def test_another_answer_fails_the_check_and_is_told(folder, command):
    def halve(content):
        content["files"]["model_int8.tflite"]["classify"]["probabilities"] = 1e-9

    changed(folder, halve)
    code, out, err = command("verify", folder)
    assert code == 1
    assert "model_int8.tflite classify: probabilities differs by" in err
    assert err.count("\n") == 1
    assert "model_float32.tflite" in out
    assert command("verify", folder / FILES[0]).code == 0


def test_json_holds_the_rows_even_where_one_fails(folder, command):
    (folder / FILES[1]).unlink()
    code, out, _ = command("verify", folder, "--json")
    assert code == 1
    assert [row["failure"] for row in json.loads(out)] == ["", "is missing"]


def test_a_file_that_was_changed_is_not_verified(folder):
    file = folder / FILES[0]
    file.write_bytes(file.read_bytes() + b"x")
    with pytest.raises(GateError, match="its sha256 is not that of export"):
        maquette.verify(file)
    (folder / "export.json").unlink()
    assert maquette.verify(file)[0]["failure"] == ""


def test_a_file_that_is_no_model_is_told_of(folder):
    (folder / "export.json").unlink()
    (folder / FILES[0]).write_bytes(b"nothing")
    with pytest.raises(GateError, match=r"model_float32.tflite classify: does not load"):
        maquette.verify(folder)


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[: len(text) // 2],
        lambda text: text.replace('"shape": [1, 8, 8, 1]', '"shape": [1, 8, 8, 2]'),
        lambda text: text.replace('"image": "', '"image": "?'),
        lambda text: text.replace("model_int8.tflite", "../model_int8.tflite"),
        lambda text: '{"endpoints": {}, "files": []}',
    ],
    ids=["truncated", "shape", "base64", "path", "files"],
)
def test_damaged_golden_vectors_are_refused_in_one_line(folder, command, damage):
    golden = folder / "golden.json"
    golden.write_text(damage(golden.read_text()))
    code, _, err = command("verify", folder)
    assert code == 2
    assert "golden.json is damaged" in err
    assert err.count("\n") == 1


def test_what_is_no_export_is_refused(folder, tmp_path):
    with pytest.raises(UserError, match="no file or folder 'nowhere'"):
        maquette.verify("nowhere")
    (folder / "nothing").mkdir()
    with pytest.raises(UserError, match=r"no golden.json in .*`maquette export` writes it"):
        maquette.verify(folder / "nothing")
    shutil.copy(folder / FILES[0], folder / "other.tflite")
    before = (folder / "golden.json").read_text()
    changed(folder, lambda content: content["files"].clear())
    with pytest.raises(UserError, match=r"has no exported file; export again"):
        maquette.verify(folder)
    (folder / "golden.json").write_text(before)
    with pytest.raises(UserError, match=r"not of other.tflite"):
        maquette.verify(folder / "other.tflite")


@pytest.mark.parametrize("file", FILES)
def test_metadata_tells_what_a_file_is(exported, file):
    told = metadata.read(exported / file)
    assert (told["author"], told["license"], told["version"]) == ("Ann Example", "MIT", "7")
    assert told["name"] == "mlp"
    assert told["files"] == {"labels.txt": "".join(f"{digit}\n" for digit in range(10))}
    (graph,) = told["subgraphs"]
    (image,), (scores,) = graph["inputs"], graph["outputs"]
    assert (image["name"], image["content"]) == ("image", "grey")
    assert (image["mean"], image["std"], image["range"]) == ([0.0], [1.0], [0.0, 255.0])
    assert (scores["name"], scores["files"]) == ("probabilities", ["labels.txt"])
    assert scores["threshold"] == pytest.approx(0.05)


def test_weights_stay_aligned_and_metadata_is_replaced_not_added(exported, tmp_path):
    from ai_edge_litert import schema_py_generated as schema

    content = (exported / FILES[0]).read_bytes()
    again = with_metadata(with_metadata(content, Metadata("one")), Metadata("two"))
    (tmp_path / "again.tflite").write_bytes(again)
    assert metadata.read(tmp_path / "again.tflite")["name"] == "two"
    model = schema.Model.GetRootAsModel(again, 0)
    names = [model.Metadata(i).Name() for i in range(model.MetadataLength())]
    assert names.count(b"TFLITE_METADATA") == 1
    whole = np.frombuffer(again, np.uint8).ctypes.data
    buffers = [model.Buffers(i) for i in range(model.BuffersLength())]
    filled = [buffer.DataAsNumpy() for buffer in buffers if buffer.DataLength()]
    assert len(filled) > 3
    assert {(array.ctypes.data - whole) % 16 for array in filled} == {0}


def test_the_same_export_has_the_same_bytes(exported):
    content = (exported / FILES[0]).read_bytes()
    told = Metadata("mlp", tensors={"probabilities": class_scores(("a", "b"))})
    assert with_metadata(content, told) == with_metadata(content, told)


def test_a_file_without_metadata_has_none(tmp_path):
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    builder = flatbuffers.Builder(64)
    builder.Finish(schema.ModelT().Pack(builder), b"TFL3")
    (tmp_path / "bare.tflite").write_bytes(bytes(builder.Output()))
    assert metadata.read(tmp_path / "bare.tflite") is None


def test_a_tensor_says_nothing_but_what_is_declared():
    assert Tensor("Numbers.").kind == "numbers"
    assert class_scores(("a", "b", "c", "d")).threshold == 0.125
