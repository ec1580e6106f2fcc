"""`maquette benchmark`: every exported file measured on the test data."""

import json
import shutil
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import maquette
from maquette.evaluation import open_run_data
from maquette.exporting.litert import LiteRtFile
from maquette.exporting.measure_file import timed
from maquette.files import sha256
from maquette.peak_memory import peak_memory
from maquette.reporting.benchmark_plots import benchmark_rows, summary

FORMATS = ("saved_model", "float32", "int8")


@pytest.fixture(scope="module")
def exported(digits_run, tmp_path_factory) -> maquette.Run:
    """An exported run; only to be read."""
    run = maquette.Run(shutil.copytree(digits_run.path, tmp_path_factory.mktemp("runs") / "run"))
    maquette.export(run, FORMATS)
    return run


@pytest.fixture(scope="module")
def measured(exported, tmp_path_factory):
    run = maquette.Run(shutil.copytree(exported.path, tmp_path_factory.mktemp("measured") / "run"))
    return SimpleNamespace(run=run, result=maquette.benchmark(run))


@pytest.fixture
def copied_export(exported, tmp_path) -> maquette.Run:
    return maquette.Run(shutil.copytree(exported.path, tmp_path / "run"))


def test_every_file_is_scored_on_all_of_the_test_data(measured):
    run, result = measured.run, measured.result
    test = open_run_data(run).splits["test"]
    assert (result["split"], result["examples"]) == ("test", len(test))
    assert result["metric"] == "accuracy"
    of_run = run.metrics["test"]["metrics"]["accuracy"]
    assert result["original"] == pytest.approx(of_run, abs=1e-6)
    rows = {row["format"]: row for row in result["files"]}
    assert tuple(rows) == FORMATS
    assert rows["float32"]["score"] == rows["saved_model"]["score"] == result["original"]
    int8 = LiteRtFile(run.path / "export" / "model_int8.tflite")
    images = np.stack([test.read(index, (8, 8, 1)) for index in range(len(test))])
    predicted = int8.run("classify", {"image": images})["probabilities"].argmax(-1)
    assert rows["int8"]["score"] == pytest.approx(np.mean(predicted == test.labels), abs=1e-6)


def test_a_row_tells_size_agreement_times_and_memory(measured):
    for row in measured.result["files"]:
        assert row["failure"] is None
        assert row["bytes"] > 1000
        assert 0.9 <= row["agreement"] <= 1
        assert 0 < row["latency_ms"] <= row["latency_p95_ms"]
        assert 0 < row["latency_all_ms"] <= row["latency_all_p95_ms"]
        if sys.platform == "linux":
            assert 100_000 < row["memory_bytes"] < 500_000_000


def test_table_and_picture_are_written_beside_the_files_and_shown_in_the_report(measured):
    folder = measured.run.path / "export"
    assert json.loads((folder / "benchmark.json").read_text()) == measured.result
    assert Image.open(folder / "benchmark.png").width > 1000
    page = (measured.run.path / "report.html").read_text()
    assert summary(measured.result) in page
    assert "P95, 1 thread (ms)" in page
    assert 'alt="Benchmark"' in page
    assert not list(measured.run.path.glob(".maquette-*"))


def test_the_command_prints_the_table(copied_export, command, measured, monkeypatch):
    monkeypatch.setattr("maquette.exporting.benchmark.benchmark", lambda run: measured.result)
    told = command("benchmark", copied_export.path)
    assert (told.code, told.err) == (0, "")
    first, head, *rows, last = told.out.splitlines()
    assert first == summary(measured.result)
    assert head.split()[:2] == ["file", "accuracy"]
    assert len(rows) == len(FORMATS)
    assert last.endswith("benchmark.png")
    as_json = command("benchmark", copied_export.path, "--json").out
    assert json.loads(as_json) == measured.result


def test_what_a_system_does_not_tell_is_left_out_of_the_table(measured):
    rows = [{**row, "memory_bytes": None, "score": None} for row in measured.result["files"]]
    result = {**measured.result, "metric": None, "original": None, "files": rows}
    (columns,) = {tuple(row) for row in benchmark_rows(result)}
    assert "peak memory (MB)" not in columns
    assert "score" not in columns


def test_a_run_that_is_not_exported_is_told_the_command(copied_run, command):
    told = command("benchmark", copied_run.path)
    assert told.code == 2
    assert told.err == (
        f"maquette: {copied_run.path} is not exported yet: maquette export {copied_run.path}\n"
    )


def changed(folder):
    with (folder / "model_int8.tflite").open("ab") as file:
        file.write(b"x")


def changed_inside(folder):
    (folder / "saved_model" / "saved_model.pb").write_bytes(b"x")


def gone(folder):
    (folder / "model_int8.tflite").unlink()


def damaged(folder):
    (folder / "export.json").write_text("{")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (changed, "model_int8.tflite has changed since its export; export again: maquette export"),
        (changed_inside, "saved_model has changed since its export"),
        (gone, "model_int8.tflite is gone; export again"),
        (damaged, "export.json is damaged; export again"),
    ],
)
def test_an_export_that_is_not_what_was_written_is_refused(copied_export, damage, message):
    damage(copied_export.path / "export")
    with pytest.raises(maquette.UserError, match=message):
        maquette.benchmark(copied_export)
    assert not (copied_export.path / "export" / "benchmark.json").exists()


def test_a_file_that_does_not_run_costs_its_own_row_alone(copied_export, command):
    folder = copied_export.path / "export"
    spoilt = folder / "model_float32.tflite"
    spoilt.write_bytes(b"no model at all")
    record = json.loads((folder / "export.json").read_text())
    rows = [row for row in record["files"] if row["format"] != "saved_model"]
    rows[0]["sha256"] = sha256(spoilt)
    (folder / "export.json").write_text(json.dumps({**record, "files": rows}))
    told = command("benchmark", copied_export.path, "--json")
    assert told.code == 1
    assert "maquette: does not run, model_float32.tflite: " in told.err
    broken, whole = json.loads(told.out)["files"]
    assert broken["failure"]
    assert broken["latency_ms"] is None
    assert whole["failure"] is None
    assert (folder / "benchmark.png").is_file()


@pytest.mark.skipif(sys.platform != "linux", reason="counts anew on Linux alone")
def test_peak_memory_counts_what_was_there_for_a_moment_only():
    before = peak_memory(fresh=True)
    block = np.ones(50_000_000, np.uint8)
    del block
    assert 45_000_000 < peak_memory() - before < 100_000_000


def test_runs_that_warm_up_do_not_count():
    class Slow:
        calls = 0

        def run(self, endpoint, inputs):
            self.calls += 1

    file = Slow()
    times = timed(file, "classify", {})
    assert len(times) == file.calls - 5 == 500
