"""Bringing what changed in a template into a project that was made from it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

import maquette
from maquette.errors import GateError, UserError
from maquette.progress import say
from maquette.updating.applying import finish, is_pending, prepare, tidy
from maquette.updating.changes import Change, changes
from maquette.updating.merging import is_unresolved
from maquette.updating.project import Project, find_project
from maquette.updating.upstream import Upstream

CONFIG, PYPROJECT = "config.yaml", "pyproject.toml"


@dataclass(frozen=True)
class Update:
    """What an update did, or would do.

    Attributes:
        project: Folder of the project.
        before: Version of maquette that wrote its files before.
        after: That of this one.
        changes: What happened to each file, by path.
        notes: What else is to be known, e.g. options that are gone.
        backup: Folder with every file that was overwritten or removed, as it was.
    """

    project: Path
    before: str
    after: str
    changes: tuple[Change, ...]
    notes: tuple[str, ...] = ()
    backup: Path | None = None

    @property
    def conflicts(self) -> dict[str, int]:
        """How many places of each file are left for the user to decide."""
        return {change.path: change.conflicts for change in self.changes if change.conflicts}

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values, for JSON."""
        return {
            "project": str(self.project.absolute()),
            "from": self.before,
            "to": self.after,
            "files": [
                {"path": each.path, "change": each.kind, "conflicts": each.conflicts}
                for each in self.changes
            ],
            "notes": list(self.notes),
            "backup": None if self.backup is None else str(self.backup.absolute()),
        }


def update(project: str | Path = ".", *, dry_run: bool = False) -> Update:
    """Merge what changed in the template since a project was made, or last updated, into it.

    What the user has changed stays: both changes are in the result. Where both changed the same
    lines, the file holds both versions, marked as git does. Files that the user has deleted stay
    deleted. It is done wholly or not at all.

    Example:
        >>> maquette.update("my-app").conflicts
        {}

    Args:
        project: Folder of the project, or one inside.
        dry_run: Whether to change nothing, and only tell what would happen.

    Returns:
        What was done; its `backup` holds every file that was overwritten, as it was.

    Raises:
        UserError: it is no project, conflicts of an earlier update are unresolved, its template is
            not there, or it cannot be written to.
    """
    folder = find_project(Path(project))
    if not dry_run:
        tidy(folder)
        if is_pending(folder):
            say(f"finished an update that was interrupted; files as they were: {finish(folder)}")
    elif is_pending(folder):
        raise UserError("an update was interrupted; finish it by `maquette update`")
    opened = Project.open(folder)
    _require_resolved(opened)
    upstream = Upstream.of(opened.provenance.answers)
    before, after = opened.provenance.maquette, maquette.__version__
    labels = ("yours", f"maquette {before}", f"maquette {after}")
    every = changes(opened, upstream.files, labels)
    notes = (*upstream.refused, *_new_options(opened.base, upstream.files))
    if any(change.path == PYPROJECT and change.content is not None for change in every):
        notes += (f"{PYPROJECT} changes: install the project again afterwards",)
    backup = None
    if not dry_run and (opened.base != upstream.files or before != after):
        if every and (count := _uncommitted(folder)):
            say(f"note: changes that are not committed: {count} files; what is overwritten is kept")
        prepare(folder, every, upstream)
        backup = finish(folder)
    return Update(folder, before, after, tuple(every), notes, backup)


def require_no_conflicts(update: Update) -> None:
    """Raise an error where an update left something to decide.

    Raises:
        GateError: it did.
    """
    if update.conflicts:
        count, files = sum(update.conflicts.values()), ", ".join(update.conflicts)
        raise GateError(
            f"{count} conflict{'s' if count > 1 else ''} in {files}: edit what stands between "
            f"<<<<<<< and >>>>>>>; your versions are in {update.backup}"
        )


def _require_resolved(project: Project) -> None:
    unresolved = [p for p in project.base if is_unresolved(project.current(p) or b"")]
    if unresolved:
        raise UserError(
            f"{', '.join(unresolved)} holds conflicts of an earlier update: edit what stands "
            "between <<<<<<< and >>>>>>>, then update again"
        )


def _new_options(base: Mapping[str, bytes], files: Mapping[str, bytes]) -> list[str]:
    """Return a line for each option that is new in `config.yaml`, or gone from it."""
    old, new = (_values(each.get(CONFIG, b"")) for each in (base, files))
    added = [f"new option {name}, at its default {new[name]!r}" for name in new if name not in old]
    return [*added, *(f"the option {name} is gone" for name in old if name not in new)]


def _values(text: bytes) -> dict[str, Any]:
    values = yaml.safe_load(text)
    return values if isinstance(values, dict) else {}


def _uncommitted(project: Path) -> int:
    """Return how many files of a project have changes that git has not recorded."""
    if shutil.which("git") is None:
        return 0
    command = ["git", "status", "--porcelain", "--", "."]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    return len(done.stdout.splitlines()) if done.returncode == 0 else 0
