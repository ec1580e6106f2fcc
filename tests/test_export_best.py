"""Choosing the best of all files, and the extra formats on the command line."""

import json

import pytest

import maquette
from maquette.exporting import gate
from maquette.exporting.choosing import best, front, share
from maquette.exporting.formats import possible_formats
from maquette.exporting.rows import refusal, repair


def row(name, size, milliseconds, failures=(), accuracy=0.9):
    return {
        "format": name,
        "bytes": size,
        "sha256": name,
        "latency_ms": milliseconds,
        "failures": list(failures),
        "accuracy": accuracy,
        "tried": [],
        "rung": "as it is",
    }


def test_the_smallest_file_that_passed_is_the_best():
    rows = [row("int4", 10, 1, ["wrong"]), row("int8", 20, 3), row("float32", 80, 1)]
    assert best(rows)["format"] == "int8"
    assert best(rows[:1]) is None


def test_of_files_about_as_small_the_fastest_is_the_best():
    rows = [row("int8", 100, 3), row("dynamic", 110, 2), row("float16", 111, 1)]
    assert best(rows)["format"] == "dynamic"


def test_a_format_that_came_out_as_another_is_not_chosen_for_it():
    rows = [row("dynamic", 10, 2), row("int4", 10, 1)]
    rows[1]["sha256"] = "dynamic"
    assert best(rows)["format"] == "dynamic"


def test_the_front_holds_what_no_other_beats_in_both():
    rows = [
        row("a", 10, 1, accuracy=0.8),
        row("b", 20, 1, accuracy=0.7),
        row("c", 30, 1, accuracy=0.9),
        row("d", 30, 1, accuracy=0.85),
    ]
    assert [each["format"] for each in front(rows, "accuracy", "bytes")] == ["a", "c"]


@pytest.mark.parametrize(("text", "value"), [("1%", 0.01), ("0.5 %", 0.005), (0.02, 0.02)])
def test_a_budget_is_a_share(text, value):
    assert share(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "one", "-1%", "101%", "1.5", "nan"])
def test_what_is_no_share_is_refused(text):
    with pytest.raises(maquette.UserError, match="--budget must be a share"):
        share(text)


def test_a_repair_is_told_in_one_line():
    tried = [{"rung": "as it is", "failures": ["classify scores 0.3"]}]
    repaired = row("int8", 1, 1) | {"tried": tried, "rung": "dynamic range"}
    assert repair(repaired) == "int8: classify scores 0.3; so it was made with dynamic range"
    assert repair(row("int8", 1, 1)) is None
    tried.append({"rung": "float16", "failures": ["classify scores 0.4"]})
    failed = row("int8", None, None, ["classify scores 0.3"]) | {"tried": tried, "rung": None}
    assert repair(failed) is None
    assert refusal(failed) == "int8: classify scores 0.3 (nor with float16)"


def test_a_file_that_was_repaired_is_told_on_the_command_line(copied_run, command, monkeypatch):
    monkeypatch.setitem(gate.LEAST_AGREEMENT, "int8", 1.1)
    done = command("export", copied_run.path, "--formats", "int8", "float32", "--json")
    assert done.code == 0
    (line,) = done.err.splitlines()
    assert line.startswith("int8: classify agrees with Keras on ")
    assert line.endswith("; so it was made with 16-bit activations")
    int8, float32 = json.loads(done.out)
    assert (int8["rung"], int8["file"]) == ("16-bit activations", "model_int8.tflite")
    assert [tried["rung"] for tried in int8["tried"]] == ["as it is"]
    assert (float32["rung"], float32["tried"]) == ("as it is", [])
    assert "What was tried before" in (copied_run.path / "report.html").read_text()


def test_the_best_is_written_with_all_that_it_was_chosen_from(copied_run, command):
    words = ("--quantize", "best", "--budget", "2%", "--static", "--json")
    done = command("export", copied_run.path, *words)
    assert done.code == 0
    folder = copied_run.path / "export"
    written = json.loads((folder / "export.json").read_text())
    assert written["files"] == json.loads(done.out)
    assert [each["format"] for each in written["candidates"]] == possible_formats()
    chosen = best(written["candidates"])
    assert written["chosen"] == chosen["format"]
    names = [chosen["format"], f"{chosen['format']}_static"]
    assert [each["format"] for each in written["files"]] == names
    files = {f"model_{name}.tflite" for name in names}
    assert {p.name for p in folder.iterdir()} == {
        *files,
        "labels.txt",
        "export.json",
        "pareto.png",
        "golden.json",
    }
    page = (copied_run.path / "report.html").read_text()
    assert "Candidates" in page
    assert page.count("data:image/png") >= 1
