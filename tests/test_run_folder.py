"""The folder of a run holds all that is needed to use the model, and to make it again."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import zipfile
from importlib.metadata import version
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
import yaml

import maquette
from maquette.errors import UserError
from maquette.evaluation import open_run_data
from maquette.files import sha256
from maquette.run import Run, new_run_path


@pytest.fixture(scope="module")
def images(digits_run: Run) -> np.ndarray:
    """Test images of the run's data."""
    data = open_run_data(digits_run)
    examples = digits_run.template.TASK.examples(digits_run.model, data, "test")
    return examples.x[np.arange(50)]


def test_the_folder_holds_what_a_training_leaves_and_nothing_else(digits_run: Run):
    names = {str(p.relative_to(digits_run.path)) for p in digits_run.path.rglob("*")}
    figures = {"confusion_matrix", "first_layer", "learning_curves", "most_wrong"}
    assert names == {
        "config.yaml", "model.keras", "history.csv", "metrics.json", "report.html", "figures",
        *(f"figures/{name}.png" for name in figures),
    }  # fmt: skip


def test_the_record_says_what_was_asked_for_and_what_it_was_asked_of(digits_run: Run):
    record = yaml.safe_load((digits_run.path / "config.yaml").read_text(encoding="utf-8"))
    assert record == digits_run.record
    assert (record["template"], record["seed"]) == ("mlp", 0)
    assert record["data"]["source"] == "digits"
    assert record["data"]["sizes"] == {"train": 1258, "validation": 270, "test": 269}
    assert record["data"]["description"]["classes"] == [str(digit) for digit in range(10)]
    assert record["maquette"] == maquette.__version__
    assert record["versions"]["python"] == platform.python_version()
    assert record["versions"]["keras"] == version("keras")


def test_the_record_gives_back_the_options(digits_run: Run):
    Config = digits_run.template.Config
    assert Run(digits_run.path).config == Config(epochs=5, hidden_units=(16,))


def test_the_record_gives_back_the_classes(digits_run: Run):
    description = Run(digits_run.path).description
    assert description.native_shape == (8, 8, 1)
    assert description.classes == tuple("0123456789")


def test_a_run_read_again_has_the_trained_model(digits_run: Run, images: np.ndarray):
    trained, read = digits_run.model, Run(digits_run.path).model
    assert read is not trained
    np.testing.assert_array_equal(read.predict_on_batch(images), trained.predict_on_batch(images))


def test_the_model_is_that_of_the_best_epoch(digits_run: Run):
    best = max(row["val_accuracy"] for row in digits_run.history)
    assert digits_run.metrics["validation"]["metrics"]["accuracy"] == pytest.approx(best, abs=1e-5)


def test_keras_alone_can_read_the_model(digits_run: Run, images: np.ndarray):
    alone = keras.models.load_model(digits_run.path / "model.keras")
    expected = digits_run.model.predict_on_batch(images)
    np.testing.assert_array_equal(alone.predict_on_batch(images), expected)


def test_the_model_file_holds_no_state_of_the_optimizer(digits_run: Run, tmp_path: Path):
    with zipfile.ZipFile(digits_run.path / "model.keras") as file:
        file.extract("model.weights.h5", tmp_path)
    sizes = []
    with h5py.File(tmp_path / "model.weights.h5") as weights:
        weights.visititems(lambda _, item: sizes.append(getattr(item, "size", 0)))
    assert sum(sizes) == digits_run.model.count_params()


def test_keras_loads_the_model_file_where_maquette_cannot_be_imported(digits_run: Run):
    script = (
        "import sys; sys.modules['maquette'] = None; import keras; "
        f"print(keras.models.load_model({str(digits_run.path / 'model.keras')!r}).output_shape)"
    )
    child = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert child.stdout == "(None, 10)\n"
    assert "Warning" not in child.stderr


def test_the_record_knows_the_model_file(digits_run: Run):
    assert digits_run.record["model_sha256"] == sha256(digits_run.path / "model.keras")


def test_saving_a_model_again_records_the_new_file(copied_run: Run, images: np.ndarray):
    model = copied_run.model
    before = copied_run.record["model_sha256"]
    model.set_weights([weights * 0 for weights in model.get_weights()])
    copied_run.save_model(model)
    again = Run(copied_run.path)
    assert again.record["model_sha256"] != before
    assert not again.model.predict_on_batch(images).any()


def test_the_history_has_a_row_per_epoch_with_numbers(digits_run: Run):
    assert [row["epoch"] for row in digits_run.history] == [1, 2, 3, 4, 5]
    for row in Run(digits_run.path).history:
        assert row["stage"] == "train"
        assert all(isinstance(value, float) for name, value in row.items() if name != "stage")
        assert {"seconds", "loss", "accuracy", "val_loss", "val_accuracy"} <= row.keys()


def test_a_value_that_an_epoch_lacks_is_absent_from_its_row(copied_run: Run):
    rows = [{"stage": "head", "epoch": 1, "loss": 0.5}, {"stage": "all", "epoch": 1, "lr": 0.25}]
    copied_run.save_history(rows)
    assert (copied_run.path / "history.csv").read_text().splitlines() == [
        "stage,epoch,loss,lr",
        "head,1,0.5,",
        "all,1,,0.25",
    ]
    assert Run(copied_run.path).history == rows


def test_metrics_are_those_of_validation_and_test(digits_run: Run):
    metrics = json.loads((digits_run.path / "metrics.json").read_text())
    assert metrics == digits_run.metrics
    assert list(metrics) == ["validation", "test"]
    assert 0.1 < metrics["test"]["metrics"]["accuracy"] <= 1
    assert [row["class"] for row in metrics["test"]["tables"]["Classes"]] == list("0123456789")


def test_a_run_without_a_name_is_called_by_the_time(tmp_path: Path):
    first = new_run_path(tmp_path, "mlp", None)
    assert first.parent == tmp_path / "mlp"
    assert first.name.replace("-", "").isdigit()
    assert not first.exists()


def test_two_runs_of_the_same_second_have_two_names(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("time.strftime", lambda _: "20260102-030405")
    names = []
    for _ in range(3):
        path = new_run_path(tmp_path, "mlp", None)
        path.mkdir(parents=True)
        names.append(path.name)
    assert names == ["20260102-030405", "20260102-030405-2", "20260102-030405-3"]


@pytest.mark.parametrize("name", ["holiday", "holiday 2", "足", "v1.0"])
def test_a_run_may_have_any_plain_name(tmp_path: Path, name):
    assert new_run_path(tmp_path, "mlp", name) == tmp_path / "mlp" / name


@pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "a/b", "/a", "two\nlines", "x" * 300])
def test_a_name_that_would_land_elsewhere_is_refused(tmp_path: Path, name):
    with pytest.raises(UserError, match="--name must be a plain folder name; received"):
        new_run_path(tmp_path, "mlp", name)


def test_a_run_is_never_written_over(digits_run: Run):
    out = digits_run.path.parent.parent
    with pytest.raises(UserError, match="digits exists; choose another --name"):
        new_run_path(out, "mlp", "digits")
