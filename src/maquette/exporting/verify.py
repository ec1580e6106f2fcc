"""Verifying exported files anywhere: do they still answer what Keras answered?"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maquette.errors import GateError, UserError
from maquette.exporting.gate import Runnable, first_line
from maquette.exporting.golden import GOLDEN, Example, Golden, largest_differences
from maquette.exporting.graphs import GRAPHS
from maquette.exporting.opening import opened
from maquette.files import sha256_of

FOLDERS = ("saved_model", *GRAPHS)
EXPORT = "export.json"


def verify(path: str | Path) -> list[dict[str, Any]]:
    """Replay the golden vectors of an export against its files.

    Neither the run nor its data is needed, and TensorFlow for the SavedModel alone.

    Example:
        >>> rows = maquette.verify("saved_models/cnn/digits/export")
        >>> rows[0]["file"], rows[0]["difference"], rows[0]["allowed"]

    Args:
        path: Folder of an export, folder of its run, or one exported file, with `golden.json`
            beside it.

    Returns:
        One row per file, endpoint and output: the largest difference from Keras, what is allowed,
        and what is wrong, empty if nothing.

    Raises:
        UserError: there is no export, or its golden vectors are damaged.
        GateError: a file is missing, has changed, does not run, or differs by more than allowed.
            Its `rows` are the table.
    """
    folder, files = _opened(Path(path))
    golden, hashes = Golden.read(folder / GOLDEN), _hashes(folder / EXPORT)
    if not golden.tolerances:
        raise UserError(f"{folder} has no exported file; export again")
    unknown = [name for name in files if name not in golden.tolerances]
    if unknown:
        known = ", ".join(golden.tolerances)
        raise UserError(f"{folder / GOLDEN} tells of {known}; not of {unknown[0]}")
    rows = [
        row
        for name in files or golden.tolerances
        for row in _File(folder / name, hashes.get(name), golden).rows()
    ]
    failed = [
        f"{row['file']} {row['endpoint']}: {row['failure']}" for row in rows if row["failure"]
    ]
    if failed:
        raise GateError("not verified, " + "; ".join(dict.fromkeys(failed)), rows)
    return rows


def _opened(path: Path) -> tuple[Path, list[str]]:
    """Return the folder of an export, and the one file that was asked for, or none."""
    if not path.exists():
        raise UserError(f"no file or folder {str(path)!r}; give an exported file or its folder")
    if path.parent.name in GRAPHS:
        path = path.parent
    if path.is_file() or path.name in FOLDERS:
        return path.parent, [path.name]
    exported = path / "export"
    return (exported if not (path / GOLDEN).exists() and exported.is_dir() else path), []


def _hashes(path: Path) -> dict[str, str]:
    """Return the recorded sha256 of each file; none where there is no `export.json`."""
    if not path.is_file():
        return {}
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["files"]
        return {row["file"]: row["sha256"] for row in rows if row["sha256"]}
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{path} is damaged; export again") from None


@dataclass(frozen=True)
class _File:
    """An exported file, and what it should be.

    Args:
        path: The file or folder.
        expected_sha256: Its recorded hash; `None` where none is known.
        golden: The golden vectors.
    """

    path: Path
    expected_sha256: str | None
    golden: Golden

    def rows(self) -> list[dict[str, Any]]:
        """Return one row for each output of each endpoint."""
        failure = self._changed()
        model: Runnable | None = None
        if not failure:
            try:
                model = opened(self.path)
            except Exception as error:  # Whatever a reader raises tells of the file.
                failure = f"does not load: {first_line(error)}"
        limits = self.golden.tolerances[self.path.name]
        rows = []
        for endpoint, allowed in limits.items():
            examples = self.golden.examples[endpoint]
            rows += _endpoint_rows(model, endpoint, examples, allowed, failure)
        return [{"file": self.path.name, **row} for row in rows]

    def _changed(self) -> str:
        if not self.path.exists():
            return "is missing"
        if self.expected_sha256 and sha256_of(self.path) != self.expected_sha256:
            return f"is not the file that was exported: its sha256 is not that of {EXPORT}"
        return ""


def _endpoint_rows(
    model: Runnable | None,
    endpoint: str,
    examples: list[Example],
    allowed: dict[str, float],
    failure: str,
) -> list[dict[str, Any]]:
    differences: dict[str, float | None] = dict.fromkeys(allowed)
    if model and not failure:
        try:
            differences = {**differences, **largest_differences(model, endpoint, examples)}
        except Exception as error:  # Whatever a runtime raises tells of the file.
            failure = f"does not run: {first_line(error)}"
    rows = []
    for output, limit in allowed.items():
        difference = differences[output]
        wrong = failure
        if not wrong and difference > limit:
            wrong = f"{output} differs by {difference:.2g}, at most {limit:.2g} is allowed"
        row = {"endpoint": endpoint, "output": output, "examples": len(examples)}
        rows.append({**row, "difference": difference, "allowed": limit, "failure": wrong})
    return rows
