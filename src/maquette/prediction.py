"""Predicting from files with a trained run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from maquette.errors import UserError
from maquette.run import Run


def predict(run: str | Path | Run, files: Sequence[str | Path]) -> list[dict[str, Any]]:
    """Predict from each file.

    Example:
        >>> maquette.predict("saved_models/transfer/ants", ["photo.jpg"])[0]["class"]

    Args:
        run: A run, or the path of its folder.
        files: Paths of files. A folder stands for all files below it that the task can read.
            Word vectors take words.

    Returns:
        One dictionary per file, in order; for an image classifier with `file`, `class`,
        `probability` and `top`, the three most probable classes.

    Raises:
        UserError: the run or a file cannot be used.
    """
    if not files:
        raise UserError("missing FILE, one or more files to predict from, or folders of them")
    run = run if isinstance(run, Run) else Run(run)
    paths = run.task.files([Path(file) for file in files])
    if not paths:
        raise UserError(f"nothing to predict from in {', '.join(map(str, files))}")
    return run.task.predict(run, paths)
