"""Judging a run on its data or on other data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from maquette.errors import UserError
from maquette.progress import say
from maquette.run import Run


def evaluate(
    run: str | Path | Run, data: str | None = None, split: str | None = None
) -> dict[str, Any]:
    """Score a run.

    Example:
        >>> maquette.evaluate("saved_models/cnn/digits")["metrics"]["accuracy"]

    Args:
        run: A run, or the path of its folder.
        data: A data source. Defaults to the one the run was trained on. Another source that is
            not divided into splits is used as a whole.
        split: `"train"`, `"validation"` or `"test"`. Defaults to the test split; where there is
            none, to validation, and says so.

    Returns:
        A dictionary with `template`, `run`, `data`, `split`, `metrics` and `tables`.

    Raises:
        UserError: the run, the data or the split cannot be used.
    """
    run = run if isinstance(run, Run) else Run(run)
    task = run.template.TASK
    opened = open_run_data(run, data)
    chosen = choose_split(opened, split)
    examples = task.examples(run.model, opened, chosen)
    result = task.evaluate(run.model, examples, opened, chosen)
    return {
        "template": run.record["template"],
        "run": str(run.path),
        "data": opened.source,
        "split": chosen,
        "metrics": result.metrics,
        "tables": result.tables,
    }


def open_run_data(run: Run, source: str | None = None) -> Any:
    """Open a run's own data, or another source as the run sees it: with its classes in its order.

    Raises:
        UserError: the data is gone, or does not fit the run.
    """
    recorded = run.record["data"]
    opened = run.template.TASK.open(recorded["source"] if source is None else source)
    if opened.source != recorded["source"]:
        return opened.for_classes(run.description.classes).as_test_if_undivided()
    if opened.fingerprint != recorded["fingerprint"]:
        say(f"note: {opened.source} has changed since this run was trained")
    return opened.for_classes(run.description.classes)


def choose_split(data: Any, split: str | None) -> str:
    """Return the split to judge on: the one asked for, or test, or else validation.

    Raises:
        UserError: the split asked for does not exist.
    """
    if split is None:
        if "test" in data.splits:
            return "test"
        say("note: this data has no test split; evaluating on validation")
        return "validation"
    if split not in data.splits:
        raise UserError(f"{data.source} has no {split} split; it has {', '.join(data.splits)}")
    return split
