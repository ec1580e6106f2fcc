"""What each verb prints, and where: results on the output stream, all else on the error stream."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import maquette
from maquette.cli import VERBS
from maquette.gallery import config_class, template_names

QUICK = ("--epochs", 1, "--hidden-units", 16)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of two images and a text."""
    folder = tmp_path / "photos"
    (folder / "deeper").mkdir(parents=True)
    pixels = np.random.default_rng(0).integers(0, 255, (8, 8), dtype=np.uint8)
    Image.fromarray(pixels).save(folder / "first.png")
    Image.fromarray(pixels.T).save(folder / "deeper" / "second.jpg")
    (folder / "notes.txt").write_text("not an image")
    return folder


@contextmanager
def closed_pipe() -> Iterator[None]:
    """Make the output stream one whose reader has gone, as `head -1` does after a line."""
    reader, writer = os.pipe()
    os.close(reader)
    # Leaving the context fails if there is still something to write.
    with os.fdopen(writer, "w") as stream, redirect_stdout(stream):
        yield


def without_seconds(history: list[dict]) -> list[dict]:
    return [{k: v for k, v in row.items() if k != "seconds"} for row in history]


@pytest.mark.parametrize("words", [(), ("--help",), ("-h",)])
def test_the_command_alone_tells_its_verbs(command, words):
    told = command(*words)
    assert told.code == 0
    for name, verb in VERBS.items():
        assert f"  {name} " in told.out
        assert verb.__doc__ in told.out


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(command, verb):
    told = command(verb, "--help")
    assert (told.code, told.err) == (0, "")
    assert told.out.startswith(f"usage: maquette {verb}")


def test_version_is_that_of_the_package(command):
    assert command("--version").out == f"maquette {maquette.__version__}\n"


def test_python_m_maquette_is_the_command_line():
    told = subprocess.run(
        [sys.executable, "-m", "maquette", "list"], capture_output=True, text=True, check=True
    )
    assert "\nmlp " in told.stdout


def test_list_prints_a_line_for_each_template(command):
    lines = command("list").out.splitlines()
    for line, card in zip(lines, maquette.list(), strict=True):
        assert line.split(maxsplit=1) == [card.name, card.summary]


def test_list_prints_json(command):
    cards = json.loads(command("list", "--json").out)
    assert cards == [card.to_dict() for card in maquette.list()]
    assert cards[0].keys() == {"name", "summary", "text"}


def test_show_prints_the_card_and_every_option(command):
    told = command("show", "mlp").out
    assert told.startswith(maquette.show("mlp").text)
    assert "--hidden-units   Units of each hidden layer. (default: (512, 256))" in told
    assert all(f"--{name.replace('_', '-')} " in told for name in config_class("mlp").model_fields)
    assert told.rstrip().endswith("mlp.py")


def test_show_prints_json_with_the_schema_of_the_options(command):
    shown = json.loads(command("show", "mlp", "--json").out)
    assert shown["name"] == "mlp"
    assert shown["options"]["epochs"]["description"] == "Passes over the training data."
    assert shown["options"]["epochs"]["exclusiveMinimum"] == 0


def test_train_without_a_template_tells_which_there_are(command):
    told = command("train", "--help")
    assert told.code == 0
    assert f"there are {', '.join(template_names())}\n" in told.out


def test_help_of_train_has_the_options_of_the_template_and_those_of_all(command):
    told = command("train", "mlp", "--help")
    assert told.code == 0
    assert maquette.show("mlp").summary in told.out
    for option in ("--hidden-units", "--data SOURCE", "--config FILE", "--out DIR", "--seed INT"):
        assert option in told.out


def test_train_ends_with_the_folder_of_the_run(command, tmp_path):
    told = command("train", "mlp", *QUICK, "--out", tmp_path, "--name", "first")
    lines = told.out.splitlines()
    run = maquette.Run(lines[-1])
    assert run.path == tmp_path / "mlp" / "first"
    assert (run.config.epochs, run.config.hidden_units) == (1, (16,))
    assert f"on test: accuracy {run.metrics['test']['metrics']['accuracy']:.4f}" in lines[0]
    assert lines[1] == f"report: {run.path / 'report.html'}"
    assert "train 1/1" in told.err


def test_options_on_the_line_win_over_those_of_the_file(command, tmp_path):
    file = tmp_path / "options.yaml"
    file.write_text("epochs: 1\nbatch-size: 64\nhidden_units: [8]\nseed: 3\n")
    told = command("train", "mlp", "--config", file, "--hidden-units", 4, 5, "--out", tmp_path)
    run = maquette.Run(told.out.splitlines()[-1])
    assert run.config == run.template.Config(epochs=1, batch_size=64, hidden_units=(4, 5))
    assert run.record["seed"] == 3


def test_the_record_of_a_run_repeats_it(command, digits_run, tmp_path):
    record = digits_run.path / "config.yaml"
    told = command("train", "mlp", f"--config={record}", "--out", tmp_path)
    again = maquette.Run(told.out.splitlines()[-1])
    assert again.record == {**digits_run.record, "model_sha256": again.record["model_sha256"]}
    assert again.metrics == digits_run.metrics
    assert without_seconds(again.history) == without_seconds(digits_run.history)


def test_evaluate_prints_the_metrics_and_a_table_of_the_classes(command, digits_run):
    told = command("evaluate", digits_run.path)
    lines = told.out.splitlines()
    accuracy = digits_run.metrics["test"]["metrics"]["accuracy"]
    assert lines[0].startswith(f"on test of digits: accuracy {accuracy:.4f}  balanced_accuracy ")
    assert lines[1:3] == ["Classes", "class  precision  recall      f1  images"]
    assert [line.split()[0] for line in lines[3:]] == [str(digit) for digit in range(10)]


def test_evaluate_prints_json(command, digits_run):
    result = json.loads(command("evaluate", digits_run.path, "--json").out)
    assert result.keys() == {"template", "run", "data", "split", "metrics", "tables"}
    assert (result["template"], result["data"], result["split"]) == ("mlp", "digits", "test")
    assert result["run"] == str(digits_run.path)
    assert result["metrics"] == digits_run.metrics["test"]["metrics"]


def test_evaluate_judges_on_the_split_asked_for(command, digits_run):
    told = command("evaluate", digits_run.path, "--split", "validation", "--json")
    assert json.loads(told.out)["metrics"] == digits_run.metrics["validation"]["metrics"]


def test_predict_prints_a_line_for_each_image_below_a_folder(command, digits_run, photos):
    lines = command("predict", digits_run.path, photos).out.splitlines()
    assert lines[0].split() == ["file", "class", "probability"]
    files = [line.split()[0] for line in lines[1:]]
    assert files == [str(photos / "deeper" / "second.jpg"), str(photos / "first.png")]


def test_predict_prints_json(command, digits_run, photos):
    told = command("predict", digits_run.path, photos / "first.png", "--json")
    [row] = json.loads(told.out)
    assert row.keys() == {"file", "class", "probability", "top"}
    assert next(iter(row["top"])) == row["class"]
    assert row["top"][row["class"]] == row["probability"]


def test_a_count_of_zero_is_printed(command, digits_run, tmp_path):
    for name in ("0", "1"):
        (tmp_path / name).mkdir()
        for image in range(5):
            pixels = np.full((8, 8), 40 * image, np.uint8)
            Image.fromarray(pixels).save(tmp_path / name / f"{image}.png")
    lines = command("evaluate", digits_run.path, "--data", tmp_path).out.splitlines()
    assert [line.split()[-1] for line in lines[3:]] == ["5"] * 2 + ["0"] * 8


NEEDS_NO_HEAVY_LIBRARY = [
    ["--help"],
    ["list", "--json"],
    ["show", "mlp"],
    ["train", "--help"],
    ["train", "mlp", "--help"],
    ["train", "mlp", "--epoch", "3"],
    ["evaluate", "nowhere"],
    ["export", "--help"],
    ["launch", "--help"],
    ["no-such-verb"],
]


@pytest.mark.parametrize("words", NEEDS_NO_HEAVY_LIBRARY, ids=" ".join)
def test_quick_answers_load_no_heavy_library(words):
    script = (
        "import sys, maquette.installation, maquette.cli\n"
        f"try: maquette.cli.main({words})\n"
        "except SystemExit: pass\n"
        "sys.exit(str({'tensorflow', 'keras', 'torch', 'scipy', 'matplotlib'} & set(sys.modules)))"
    )
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stderr
    assert loaded.splitlines()[-1] == "set()"


@pytest.mark.parametrize("words", ["list", "train mlp --help", "evaluate RUN", "show mlp --json"])
def test_a_reader_that_leaves_early_is_no_error(command, digits_run, words):
    with closed_pipe():
        told = command(*words.replace("RUN", str(digits_run.path)).split())
    assert (told.code, told.err) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_an_output_that_cannot_be_written_is_told_in_one_line(command):
    with open("/dev/full", "w") as stream, redirect_stdout(stream):
        told = command("list")
    assert told.code == 1
    assert told.err.startswith("maquette: unexpected OSError: [Errno 28] No space left on device")
    assert told.err.count("\n") == 1
