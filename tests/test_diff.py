"""What changed in a template since a project was made from it, and what its owner changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from projects import NEXT, VERSION, Template, edit

import maquette


def test_nothing_differs_at_first(command: Callable, any_project: Path):
    told = command("diff", "--project", any_project)
    expected = f"nothing differs between maquette {VERSION} and maquette {VERSION}\n"
    assert (told.code, told.out) == (0, expected)
    assert maquette.diff(any_project, mine=True).files == ()


def test_changes_of_the_template_are_shown_and_those_of_the_user_are_not(
    command: Callable, own_template: Template, any_project: Path
):
    edit(any_project / "my_app" / "model.py", 'Activation("relu")', 'Activation("gelu")')
    own_template.change(("momentum=0.9", "momentum=0.95"))
    told = command("diff", "--project", any_project)
    assert told.code == 0
    assert f"--- my_app/model.py (maquette {VERSION})\n" in told.out
    assert f"+++ my_app/model.py (maquette {NEXT})\n" in told.out
    assert "+    x = keras.layers.BatchNormalization(momentum=0.95)(x)\n" in told.out
    assert "gelu" not in told.out


def test_changes_of_the_user_are_shown_if_asked_for(
    command: Callable, own_template: Template, any_project: Path
):
    edit(any_project / "my_app" / "model.py", 'Activation("relu")', 'Activation("gelu")')
    (any_project / "serve.Dockerfile").unlink()
    own_template.change(("momentum=0.9", "momentum=0.95"))
    told = command("diff", "--project", any_project, "--mine")
    assert '+    x = keras.layers.Activation("gelu")(x)\n' in told.out
    assert "momentum=0.95" not in told.out
    found = {file.path: file.change for file in maquette.diff(any_project, mine=True).files}
    assert found == {"my_app/model.py": "changed", "serve.Dockerfile": "removed"}


def test_diff_prints_json(command: Callable, own_template: Template, any_project: Path):
    own_template.change(("momentum=0.9", "momentum=0.95"))
    told = json.loads(command("diff", "--project", any_project, "--json").out)
    assert (told["from"], told["to"]) == (f"maquette {VERSION}", f"maquette {NEXT}")
    [model] = [file for file in told["files"] if file["path"] == "my_app/model.py"]
    assert model["change"] == "changed"
    assert "momentum=0.95" in model["diff"]
