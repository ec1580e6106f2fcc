"""Updates that are interrupted, or cannot be done: nothing is lost, and one line tells why."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from projects import DROPOUT, FASTER, NOISE, Template, edit, make_project, model, snapshot

import maquette
from maquette.errors import UserError
from maquette.updating import applying, merging


@pytest.mark.parametrize("at", ["_put", "_record"])
def test_an_update_that_was_interrupted_is_finished_by_the_next(
    own_template: Template,
    linked_project: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    at: str,
):
    edit(model(linked_project), 'Activation("relu")', 'Activation("gelu")')
    own_template.change(FASTER, (DROPOUT, DROPOUT + NOISE))
    twin = shutil.copytree(linked_project, tmp_path / "twin")
    maquette.update(twin)

    def interrupt(*arguments) -> None:
        raise KeyboardInterrupt

    whole = getattr(applying, at)
    monkeypatch.setattr(applying, at, interrupt)
    with pytest.raises(KeyboardInterrupt):
        maquette.update(linked_project)
    monkeypatch.setattr(applying, at, whole)
    (linked_project / "my_app" / ".maquette-killed.py").touch()
    assert maquette.update(linked_project).changes == ()
    shutil.rmtree(linked_project / ".maquette" / "backups")
    shutil.rmtree(twin / ".maquette" / "backups")
    assert snapshot(linked_project) == snapshot(twin)


def test_an_update_that_cannot_be_prepared_changes_nothing(
    own_template: Template, linked_project: Path, monkeypatch: pytest.MonkeyPatch
):
    def full(*arguments) -> None:
        raise OSError(28, "No space left on device")

    own_template.change(FASTER)
    before = snapshot(linked_project)
    monkeypatch.setattr(applying, "_write", full)
    with pytest.raises(UserError, match="No space left on device; all is as it was"):
        maquette.update(linked_project)
    assert snapshot(linked_project) == before


def test_without_git_nothing_is_merged_and_all_else_is_updated(
    own_template: Template, linked_project: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(shutil, "which", lambda program: None)
    own_template.change(FASTER)
    maquette.update(linked_project)
    edit(model(linked_project), 'Activation("relu")', 'Activation("gelu")')
    own_template.change(("momentum=0.9", "momentum=0.95"))
    before = snapshot(linked_project)
    with pytest.raises(
        UserError, match=r"my_app/model\.py: git is not installed, and merging needs"
    ):
        maquette.update(linked_project)
    assert snapshot(linked_project) == before


def test_changes_that_git_has_not_recorded_are_told(
    command: Callable, own_template: Template, tmp_path: Path
):
    project = make_project(tmp_path / "my-app")
    edit(model(project), 'Activation("relu")', 'Activation("gelu")')
    own_template.change(FASTER)
    told = command("update", "--project", project)
    assert told.code == 0
    assert "changes that are not committed: 1 files; what is overwritten is kept" in told.err
    git = ["git", "status", "--porcelain", "--untracked-files=all"]
    status = subprocess.run(git, cwd=project, capture_output=True, text=True).stdout
    assert "backups" not in status


def test_windows_line_ends_stay_and_are_no_conflict(own_template: Template, linked_project: Path):
    edit(model(linked_project), 'Activation("relu")', 'Activation("gelu")')
    base = linked_project / ".maquette" / "base" / "my_app" / "model.py.txt"
    for file in (model(linked_project), base):
        file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    own_template.change(FASTER)
    assert maquette.update(linked_project).conflicts == {}
    content = model(linked_project).read_bytes()
    assert content.count(b"\r\n") == content.count(b"\n") > 100
    assert FASTER[1].encode() in content


def test_a_text_that_is_none_is_not_merged(own_template: Template, linked_project: Path):
    model(linked_project).write_bytes(b"\0\1\2")
    own_template.change(FASTER)
    with pytest.raises(UserError, match=r"my_app/model\.py: git cannot merge: .*binary"):
        maquette.update(linked_project)


@pytest.mark.parametrize("verb", ["update", "diff"])
def test_a_folder_that_is_no_project_is_refused(command: Callable, tmp_path: Path, verb: str):
    told = command(verb, "--project", tmp_path)
    assert (told.code, told.err.count("\n")) == (2, 1)
    assert "belongs to no project of `maquette new`" in told.err


def test_a_project_of_a_newer_maquette_is_refused(
    linked_project: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(maquette, "__version__", "0.4.0")
    with pytest.raises(UserError, match=r'pip install "maquette>=0\.5\.0"'):
        maquette.update(linked_project)


def test_a_project_whose_template_is_gone_is_refused(own_template: Template, linked_project: Path):
    own_template.file.unlink()
    with pytest.raises(UserError, match="no template 'new_net'"):
        maquette.update(linked_project)


@pytest.mark.parametrize("path", ["../outside.txt", "/outside.txt", "a/../../outside.txt"])
def test_a_record_that_names_files_outside_is_refused(linked_project: Path, path: str):
    record = linked_project / ".maquette" / "provenance.yaml"
    record.write_text(record.read_text().replace("  Dockerfile:", f"  {path}:"))
    with pytest.raises(UserError, match=r"provenance\.yaml is not as `maquette new` wrote it"):
        maquette.update(linked_project)


def test_a_changed_base_is_refused(linked_project: Path):
    edit(linked_project / ".maquette" / "base" / "config.yaml.txt", "epochs: 80", "epochs: 8")
    with pytest.raises(UserError, match=r"config\.yaml\.txt is not as `maquette new` wrote it"):
        maquette.update(linked_project)


def test_a_link_that_leads_outside_is_refused(
    own_template: Template, linked_project: Path, tmp_path: Path
):
    outside = tmp_path / "outside.py"
    model(linked_project).rename(outside)
    model(linked_project).symlink_to(outside)
    own_template.change(FASTER)
    with pytest.raises(UserError, match=r"model\.py is no file of this project any more"):
        maquette.update(linked_project)


def test_marks_alone_are_no_conflict():
    assert not merging.is_unresolved(b"Title\n=======\n<<<<<<< no end\n")
    assert merging.is_unresolved(b"<<<<<<< yours\na\n=======\nb\n>>>>>>> new\n")
