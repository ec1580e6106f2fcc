"""What an update would do to each file of a project."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from maquette.errors import UserError
from maquette.updating.merging import merge
from maquette.updating.project import Project

MEANINGS = {
    "added": "new in the template",
    "updated": "changed in the template, not by you",
    "merged": "changed by both",
    "conflict": "both changed the same lines; look for <<<<<<<",
    "removed": "gone from the template, not changed by you",
    "kept": "gone from the template, but you have changed it",
    "left out": "changed in the template, but you have deleted it",
}


@dataclass(frozen=True)
class Change:
    """What happens to one file.

    Attributes:
        path: Its path in the project.
        kind: One of `MEANINGS`.
        content: What it will hold; `None` where nothing is written.
        conflicts: How many places both sides changed differently.
    """

    path: str
    kind: str
    content: bytes | None = None
    conflicts: int = 0


def changes(
    project: Project, files: Mapping[str, bytes], labels: tuple[str, str, str]
) -> list[Change]:
    """Return what is to be done so that a project has all that changed upstream, by path.

    Args:
        project: The project.
        files: The files as they would be written today.
        labels: What to call the user's version, the one written then, and today's.

    Raises:
        UserError: a file cannot be read, or git is needed and not there.
    """
    paths = sorted(project.base.keys() | files.keys())
    every = (
        _change(path, project.current(path), project.base.get(path), files.get(path), labels)
        for path in paths
        if project.base.get(path) != files.get(path)
    )
    return [change for change in every if change is not None]


def _change(
    path: str,
    mine: bytes | None,
    base: bytes | None,
    new: bytes | None,
    labels: tuple[str, str, str],
) -> Change | None:
    if mine == new:
        return None
    if mine is None:
        return Change(path, "added", new) if base is None else Change(path, "left out")
    if new is None:
        return Change(path, "removed" if mine == base else "kept")
    if mine == base:
        return Change(path, "updated", new)
    try:
        merged = merge(mine, base or b"", new, labels)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    if merged.content == mine:
        return None
    kind = "conflict" if merged.conflicts else "merged"
    return Change(path, kind, merged.content, merged.conflicts)
