"""What changed upstream since a project was made, and what its owner changed."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import maquette
from maquette.updating.project import Project, find_project
from maquette.updating.upstream import Upstream


@dataclass(frozen=True)
class FileDiff:
    """How two versions of a file differ.

    Attributes:
        path: Its path in the project.
        change: `"added"`, `"removed"` or `"changed"`.
        diff: The lines that differ, as a unified diff.
    """

    path: str
    change: str
    diff: str


@dataclass(frozen=True)
class Diff:
    """How two versions of a project differ.

    Attributes:
        before: What the earlier version is called.
        after: What the later version is called.
        files: The files that differ, by path.
        notes: What else is to be known, e.g. options that are gone.
    """

    before: str
    after: str
    files: tuple[FileDiff, ...]
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values, for JSON."""
        return {
            "from": self.before,
            "to": self.after,
            "files": [asdict(file) for file in self.files],
            "notes": list(self.notes),
        }


def diff(project: str | Path = ".", *, mine: bool = False) -> Diff:
    """Tell what changed in the template since a project was made or last updated.

    Example:
        >>> [file.path for file in maquette.diff("my-app").files]

    Args:
        project: Folder of the project, or one inside.
        mine: Whether to tell what its owner has changed instead.

    Raises:
        UserError: it is no project, or its template is not there.
    """
    opened = Project.open(find_project(Path(project)))
    before = f"maquette {opened.provenance.maquette}"
    if mine:
        files = {path: opened.current(path) for path in opened.base}
        present = {path: content for path, content in files.items() if content is not None}
        return Diff(before, "yours", _file_diffs(opened.base, present, (before, "yours")))
    upstream, after = Upstream.of(opened.provenance.answers), f"maquette {maquette.__version__}"
    found = _file_diffs(opened.base, upstream.files, (before, after))
    return Diff(before, after, found, upstream.refused)


def _file_diffs(
    old: Mapping[str, bytes], new: Mapping[str, bytes], names: tuple[str, str]
) -> tuple[FileDiff, ...]:
    paths = sorted(old.keys() | new.keys())
    return tuple(
        FileDiff(path, _change(path, old, new), _unified(path, old, new, names))
        for path in paths
        if old.get(path) != new.get(path)
    )


def _change(path: str, old: Mapping[str, bytes], new: Mapping[str, bytes]) -> str:
    if path not in old:
        return "added"
    return "changed" if path in new else "removed"


def _unified(
    path: str, old: Mapping[str, bytes], new: Mapping[str, bytes], names: tuple[str, str]
) -> str:
    before, after = (_lines(each.get(path, b"")) for each in (old, new))
    heads = [f"{path} ({name})" for name in names]
    lines = list(difflib.unified_diff(before, after, *heads))
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


def _lines(content: bytes) -> list[str]:
    return content.decode(errors="replace").splitlines(keepends=True)
