"""Projects that were made do what their README says, where maquette is not if they need none."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import maquette
from maquette.gallery import template_names, template_path

BLOCKED = "import runpy, sys; sys.modules['maquette'] = None; sys.argv = sys.argv[1:]; "
FEW = ("--epochs", "2", "--hidden-units", "8")


def one_of_each_task() -> list[str]:
    """Return the first template of each task."""
    found: dict[str, str] = {}
    for name in template_names():
        nodes = ast.parse(template_path(name).read_text(encoding="utf-8")).body
        task = next(n.value for n in nodes if isinstance(n, ast.Assign) and names(n) == ["TASK"])
        found.setdefault(task.func.id, name)
    return list(found.values())


def names(node: ast.Assign) -> list[str]:
    return [target.id for target in node.targets if isinstance(target, ast.Name)]


def run_module(project: Path, *words: object, apart: bool = True) -> subprocess.CompletedProcess:
    """Run a module in a project's folder; apart, where maquette cannot be imported."""
    module, *rest = map(str, words)
    head = BLOCKED if apart else BLOCKED.replace("sys.modules['maquette'] = None; ", "")
    script = f"{head}runpy.run_module({module!r}, run_name='__main__', alter_sys=True)"
    environment = {**os.environ, "PYTHONPATH": str(project), "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-c", script, module, *rest]
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)


@pytest.fixture(scope="module")
def standalone(tmp_path_factory) -> Path:
    """A standalone project of the quickest template."""
    folder = tmp_path_factory.mktemp("projects") / "my-app"
    return maquette.new("mlp", folder, standalone=True, git=False)


@pytest.mark.parametrize("template", one_of_each_task())
def test_the_tests_of_a_standalone_project_pass_without_maquette(template, tmp_path):
    project = maquette.new(template, tmp_path / "my-app", standalone=True, git=False)
    done = run_module(project, "pytest", "-p", "no:cacheprovider", "-p", "no:xdist", "tests")
    assert done.returncode == 0, done.stdout[-3000:]


def test_a_linked_project_is_a_template_that_every_verb_knows(tmp_path):
    project = maquette.new("mlp", tmp_path / "my-app", git=False)
    told = project / "my_app-0.1.0.dist-info"  # As pip would leave it beside the package.
    told.mkdir()
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: my-app\nVersion: 0.1.0\n")
    entry = "[maquette.templates]\nmy_app = my_app.model\n"
    (told / "entry_points.txt").write_text(entry)
    done = run_module(project, "my_app", "train", "--name", "first", *FEW, apart=False)
    assert done.returncode == 0, done.stderr[-2000:]
    record = yaml.safe_load((project / "saved_models/my_app/first/config.yaml").read_text())
    assert (record["template"], record["config"]["epochs"]) == ("my_app", 2)
    done = run_module(project, "my_app", "evaluate", "saved_models/my_app/first", apart=False)
    assert done.returncode == 0, done.stderr[-2000:]


def test_a_project_of_a_run_judges_it_as_maquette_does(digits_run, tmp_path):
    project = maquette.new_from_run(
        digits_run.path, tmp_path / "my-app", standalone=True, git=False
    )
    done = run_module(project, "my_app", "evaluate", "saved_models/digits")
    assert done.returncode == 0, done.stderr[-2000:]
    expected = digits_run.metrics["test"]["metrics"]
    received = json.loads(done.stdout)
    assert received["accuracy"] == pytest.approx(expected["accuracy"], abs=1e-6)
    assert yaml.safe_load((project / "config.yaml").read_text())["hidden_units"] == [16]


def test_a_run_that_did_not_finish_makes_no_project(copied_run, command, tmp_path):
    (copied_run.path / "metrics.json").unlink()
    told = command("new", "--from", copied_run.path, tmp_path / "my-app")
    assert told.code == 2
    assert "did not finish" in told.err


def test_a_standalone_training_that_was_stopped_ends_as_one_that_was_not(standalone):
    (standalone / "stopped.py").write_text(
        "import sys\n"
        "from my_app.__main__ import main\n"
        "from my_app.training import Checkpoints\n"
        "begin = Checkpoints.on_epoch_begin\n"
        "def stop(self, epoch, logs=None):\n"
        "    if epoch == 1:\n"
        "        raise KeyboardInterrupt\n"
        "Checkpoints.on_epoch_begin = stop\n"
        "main()\n"
    )
    first = run_module(standalone, "stopped", "train", "--name", "stopped", *FEW)
    assert first.returncode == 130
    run = standalone / "saved_models" / "stopped"
    assert len(json.loads((run / "history.json").read_text())) == 1
    again = run_module(standalone, "my_app", "train", "--resume", "saved_models/stopped")
    assert again.returncode == 0, again.stderr[-2000:]
    whole = run_module(standalone, "my_app", "train", "--name", "whole", *FEW)
    assert whole.returncode == 0, whole.stderr[-2000:]
    rows = json.loads((run / "history.json").read_text())
    assert [row["epoch"] for row in rows] == [0, 1]
    assert rows == json.loads((run.parent / "whole" / "history.json").read_text())
    assert (run / "model.keras").is_file()


def test_a_standalone_search_writes_the_best_options(standalone):
    done = run_module(standalone, "my_app", "tune", "--trials", "2", "--epochs", "1")
    assert done.returncode == 0, done.stderr[-2000:]
    best = yaml.safe_load((standalone / "best.yaml").read_text())
    assert best["epochs"] == 1
    assert len(list((standalone / "saved_models").glob("tune-*"))) == 2


def test_a_model_may_have_an_option_of_the_name_of_a_verb_s_own(tmp_path):
    project = maquette.new("siamese", tmp_path / "my-app", standalone=True, git=False)
    (project / "config.yaml").write_text("trials: 7\n")
    (project / "ask.py").write_text(
        "from my_app.__main__ import parser\n"
        "from my_app.model import Config\n"
        "from my_app.options import read_options\n"
        "given = vars(parser().parse_args(['train', '--ways', '5']))\n"
        "config = Config(**read_options(given['config'], {'ways': given['ways']}))\n"
        "assert (config.trials, config.ways) == (7, 5)\n"
        "assert parser().parse_args(['tune', '--trials', '3']).trials == 3\n"
    )
    assert (done := run_module(project, "ask")).returncode == 0, done.stderr[-2000:]


WRONG = {
    "train --data nowhere": "no data 'nowhere'; give digits",
    "train --epochs 0": "epochs should be greater than 0; received '0'",
    "train --config gone.yaml": "cannot read gone.yaml",
    "evaluate nothing": "nothing is no folder of a run",
}


@pytest.mark.parametrize("words", WRONG)
def test_a_wrong_request_to_a_standalone_project_gets_one_line(words, standalone):
    done = run_module(standalone, "my_app", *words.split())
    assert done.returncode == 2
    assert WRONG[words] in done.stderr.splitlines()[-1]
