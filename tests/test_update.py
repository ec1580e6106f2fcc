"""Updating a project: what changed in its template comes, and what its owner changed stays."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from projects import (
    DROPOUT,
    FASTER,
    NEXT,
    NOISE,
    VERSION,
    Template,
    edit,
    make_project,
    model,
    snapshot,
)

import maquette
from maquette.updating import upstream


def kinds(update) -> dict[str, str]:
    return {change.path: change.kind for change in update.changes}


def conflicting(own_template: Template, project: Path) -> None:
    """Change the same line of the model on both sides."""
    edit(model(project), "momentum=0.9", "momentum=0.8")
    own_template.change(("momentum=0.9", "momentum=0.95"))


def test_both_changes_are_in_the_result(own_template: Template, any_project: Path):
    edit(model(any_project), 'Activation("relu")', 'Activation("gelu")')
    own_template.change(FASTER)
    done = maquette.update(any_project)
    text = model(any_project).read_text()
    assert 'Activation("gelu")' in text
    assert FASTER[1] in text
    assert FASTER[0] not in text
    assert kinds(done)["my_app/model.py"] == "merged"
    assert (done.before, done.after, done.conflicts) == (VERSION, NEXT, {})


def test_a_new_option_is_in_the_model_and_with_its_default_in_the_configuration(
    own_template: Template, any_project: Path
):
    edit(any_project / "config.yaml", "epochs: 80", "epochs: 3")
    own_template.change((DROPOUT, DROPOUT + NOISE))
    done = maquette.update(any_project)
    config = (any_project / "config.yaml").read_text()
    assert "# Strength of the noise that is added to the pixels.\nnoise: 0.1\n" in config
    assert "epochs: 3" in config
    assert NOISE in model(any_project).read_text()
    assert "new option noise, at its default 0.1" in done.notes


def test_an_option_that_is_gone_is_said(own_template: Template, tmp_path: Path):
    project = make_project(tmp_path / "my-app", git=False, dropout=0.3, weight_decay=0.5)
    weight_decay = "weight_decay: NonNegativeFloat = 1e-4"
    bounded = "weight_decay: Annotated[float, Field(ge=0, le=0.1)] = 1e-4"
    own_template.change((DROPOUT, ""), (weight_decay, bounded))
    done = maquette.update(project)
    assert "dropout, which was set to 0.3, is no option any more" in done.notes
    assert any(note.startswith("weight_decay is back at its default: ") for note in done.notes)
    assert "\ndropout:" not in (project / "config.yaml").read_text()


def test_a_conflict_is_marked_and_the_version_of_the_user_is_kept(
    command: Callable, own_template: Template, any_project: Path
):
    conflicting(own_template, any_project)
    mine = model(any_project).read_bytes()
    told = command("update", "--project", any_project)
    assert told.code == 1
    assert "1 conflict in my_app/model.py: edit what stands between <<<<<<< and >>>>>>>" in told.err
    text = model(any_project).read_text()
    assert "<<<<<<< yours\n" in text
    assert f">>>>>>> maquette {NEXT}\n" in text
    assert "momentum=0.8" in text
    assert "momentum=0.95" in text
    [backup] = (any_project / ".maquette" / "backups").glob("*-*")
    assert (backup / "my_app" / "model.py").read_bytes() == mine


def test_what_is_unresolved_is_not_merged_again(
    command: Callable, own_template: Template, any_project: Path
):
    conflicting(own_template, any_project)
    command("update", "--project", any_project)
    before = snapshot(any_project)
    told = command("update", "--project", any_project)
    assert (told.code, told.err.count("\n")) == (2, 1)
    assert "my_app/model.py holds conflicts of an earlier update" in told.err
    assert snapshot(any_project) == before


def test_what_is_resolved_stays_resolved(own_template: Template, any_project: Path):
    conflicting(own_template, any_project)
    maquette.update(any_project)
    text = model(any_project).read_text()
    start, end = text.index("<<<<<<<"), text.index(f">>>>>>> maquette {NEXT}\n")
    kept = text[start:end].partition("\n")[2].partition("=======")[0]
    model(any_project).write_text(text[:start] + kept + text[end:].partition("\n")[2])
    assert maquette.update(any_project).changes == ()
    assert "momentum=0.8" in model(any_project).read_text()
    own_template.change(FASTER)
    assert kinds(maquette.update(any_project))["my_app/model.py"] == "merged"


def test_a_backup_takes_all_back(own_template: Template, any_project: Path):
    edit(model(any_project), 'Activation("relu")', 'Activation("gelu")')
    before = snapshot(any_project)
    own_template.change(FASTER)
    done = maquette.update(any_project)
    assert snapshot(any_project) != before
    shutil.copytree(done.backup, any_project, dirs_exist_ok=True)
    after = snapshot(any_project)
    assert {name: after.get(name) for name in before} == before
    assert FASTER[1] not in model(any_project).read_text()
    assert kinds(maquette.update(any_project))["my_app/model.py"] == "merged"


def test_files_keep_their_permissions(own_template: Template, linked_project: Path):
    model(linked_project).chmod(0o640)
    own_template.change(FASTER)
    maquette.update(linked_project)
    assert model(linked_project).stat().st_mode & 0o777 == 0o640


def test_a_file_that_the_user_has_deleted_stays_deleted(own_template: Template, any_project: Path):
    model(any_project).unlink()
    (any_project / "serve.Dockerfile").unlink()
    own_template.change(FASTER)
    done = maquette.update(any_project)
    assert kinds(done)["my_app/model.py"] == "left out"
    assert "serve.Dockerfile" not in kinds(done)
    assert not model(any_project).exists()
    assert not (any_project / "serve.Dockerfile").exists()


@pytest.fixture
def other_files(own_template: Template, monkeypatch: pytest.MonkeyPatch) -> Callable:
    """Let the next version of maquette write other files, too, or not write some."""

    def change(added: dict[str, bytes], removed: tuple[str, ...] = ()) -> None:
        render = upstream.render

        def rendered(answers) -> dict[str, bytes]:
            return {k: v for k, v in {**render(answers), **added}.items() if k not in removed}

        monkeypatch.setattr(upstream, "render", rendered)
        own_template.change()

    return change


def test_a_new_file_is_added(linked_project: Path, other_files: Callable):
    other_files({"deep/new.txt": b"new\n"})
    assert kinds(maquette.update(linked_project))["deep/new.txt"] == "added"
    assert (linked_project / "deep" / "new.txt").read_bytes() == b"new\n"


def test_a_file_of_the_user_where_a_new_one_comes_is_a_conflict(linked_project: Path, other_files):
    (linked_project / "new.txt").write_text("mine\n")
    other_files({"new.txt": b"new\n"})
    assert kinds(maquette.update(linked_project))["new.txt"] == "conflict"
    assert "mine\n" in (linked_project / "new.txt").read_text()


def test_a_file_that_is_gone_is_removed_where_the_user_has_not_changed_it(
    linked_project: Path, other_files
):
    edit(linked_project / "Dockerfile", "WORKDIR", "# mine\nWORKDIR")
    other_files({}, ("Dockerfile", "serve.Dockerfile", ".github/workflows/ci.yml"))
    done = maquette.update(linked_project)
    assert kinds(done)["Dockerfile"] == "kept"
    assert kinds(done)["serve.Dockerfile"] == "removed"
    assert (linked_project / "Dockerfile").is_file()
    assert not (linked_project / "serve.Dockerfile").exists()
    assert not (linked_project / ".github").exists()
    assert (done.backup / "serve.Dockerfile").is_file()


def test_a_dry_run_changes_nothing(command: Callable, own_template: Template, any_project: Path):
    conflicting(own_template, any_project)
    before = snapshot(any_project)
    told = command("update", "--project", any_project, "--dry-run")
    assert told.code == 0
    assert "conflict  my_app/model.py" in told.out
    assert snapshot(any_project) == before


def test_update_prints_json(command: Callable, own_template: Template, linked_project: Path):
    conflicting(own_template, linked_project)
    told = command("update", "--project", linked_project, "--json")
    result = json.loads(told.out)
    assert told.code == 1
    assert (result["from"], result["to"]) == (VERSION, NEXT)
    changed = {file["path"]: (file["change"], file["conflicts"]) for file in result["files"]}
    assert changed["my_app/model.py"] == ("conflict", 1)
    assert Path(result["backup"]).is_dir()


def test_update_works_inside_the_project_and_tells_how_to_go_back(
    command: Callable, own_template: Template, linked_project: Path, monkeypatch: pytest.MonkeyPatch
):
    own_template.change(FASTER)
    monkeypatch.chdir(linked_project / "tests")
    told = command("update")
    assert told.code == 0
    assert "updated   my_app/model.py (changed in the template, not by you)\n" in told.out
    assert f"from maquette {VERSION} to {NEXT}; to go back: cp -r " in told.out
    assert command("update").out == f"nothing to do: the files are those of maquette {NEXT}\n"
