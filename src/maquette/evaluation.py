"""Judging a run on its data or on other data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from maquette.errors import UserError
from maquette.progress import say
from maquette.python_data.as_source import as_source
from maquette.run import Run
from maquette.second_training import FIRST_VALIDATION
from maquette.sources import with_columns_of

if TYPE_CHECKING:
    from maquette.tasks.task import Evaluation


def evaluate(
    run: str | Path | Run,
    data: Any = None,
    split: str | None = None,
    *,
    target: str | None = None,
    text_column: str | None = None,
    image_column: str | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Score a run.

    Example:
        >>> maquette.evaluate("saved_models/cnn/digits")["metrics"]["accuracy"]

    Args:
        run: A run, or the path of its folder.
        data: A data source, or data in memory, as in `train`. Defaults to what the run was trained
            on. Other data that is not divided into splits is used as a whole.
        split: `"train"`, `"validation"` or `"test"`. Defaults to the test split; where there is
            none, to validation, and says so.
        target: Column of what is to be predicted. The columns default to those that the run was
            trained on.
        text_column: Column of the texts.
        image_column: Column of the images.
        **options: Options of the template that change how a run is judged; by default those it
            was trained with.

    Returns:
        A dictionary with `template`, `run`, `data`, `split`, `metrics` and `tables`.

    Raises:
        UserError: the run, the data or the split cannot be used.
    """
    run = run if isinstance(run, Run) else Run(run)
    if options:
        run = run.judged_with(options)
    source = run.record["data"]["source"] if data is None else data
    columns = (target, text_column, image_column)
    source = as_source(source, run.path.parent.parent, *columns)
    opened = open_run_data(run, source)
    chosen = choose_split(opened, split)
    is_own = opened.source == run.record["data"]["source"]
    if is_own and chosen == "validation" and FIRST_VALIDATION in run.metrics:
        say("note: the second training of this run learned from its validation examples, too")
    result = run.task.evaluate(run, opened, chosen)
    return {
        "template": run.record["template"],
        "run": str(run.path),
        "data": opened.source,
        "split": chosen,
        "metrics": result.metrics,
        "tables": result.tables,
    }


def judge(run: Run, data: Any, validated: Evaluation | None = None) -> None:
    """Write the metrics and figures of a trained run.

    Args:
        run: A run whose model is trained.
        data: Its data.
        validated: Where a second training learned from the validation examples: how well the first
            one's model did on them. It is kept by the name `FIRST_VALIDATION`.
    """
    if validated is None:
        results, chosen = {}, choose_split(data, None)
        splits = [name for name in ("validation", "test") if name in data.splits] or [chosen]
    else:
        results = {FIRST_VALIDATION: validated}
        splits = ["test"] if "test" in data.splits else []
        if not splits:
            say("note: no test split; what is told is the first training's result on validation")
    results |= {name: run.task.evaluate(run, data, name) for name in splits}
    metrics = {n: {"metrics": r.metrics, "tables": r.tables} for n, r in results.items()}
    run.save_metrics(metrics)
    figures = results["test" if "test" in results else next(iter(results))].figures
    run.save_figures({**figures, **run.template.figures(run.model, data)})


def open_run_data(run: Run, source: str | None = None) -> Any:
    """Open a run's own data, or another source as the run sees it: with its classes in its order.

    Raises:
        UserError: the data is gone, or does not fit the run.
    """
    task, recorded = run.task, run.record["data"]
    source = with_columns_of(source or recorded["source"], recorded["source"])
    opened = task.open(source, run.config)
    adapted = task.adapt(opened, run.description)
    if opened.source != recorded["source"]:
        return adapted.as_test_if_undivided()
    if opened.fingerprint != recorded["fingerprint"]:
        say(f"note: {opened.source} has changed since this run was trained")
    return adapted


def choose_split(data: Any, split: str | None) -> str:
    """Return the split to judge on: the one asked for, or test, validation or train if it is all.

    Raises:
        UserError: the split asked for does not exist.
    """
    if split is None:
        chosen = next(name for name in ("test", "validation", "train") if name in data.splits)
        if chosen != "test":
            say(f"note: this data has no test split; evaluating on {chosen}")
        return chosen
    if split not in data.splits:
        raise UserError(f"{data.source} has no {split} split; it has {', '.join(data.splits)}")
    return split
