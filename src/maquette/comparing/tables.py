"""What runs were trained with and how they did, side by side."""

from __future__ import annotations

from typing import Any

from maquette.errors import UserError
from maquette.run import Run

SHOWN_OF_HASH = 12
PLAIN_FITTING = {
    "callbacks": [],
    "deterministic": False,
    "precision": "float32",
    "second_training": None,
}


def metrics_of(run: Run, split: str) -> dict[str, float]:
    """Return the metrics of one split."""
    return run.metrics[split]["metrics"]


def option_rows(runs: dict[str, Run], every: bool = False) -> list[dict[str, Any]]:
    """Return what the runs were trained with, one row an option, one column a run.

    Args:
        runs: Runs by name.
        every: Whether to give also what is the same in all.
    """
    columns = {name: trained_with(run) for name, run in runs.items()}
    options = dict.fromkeys(option for column in columns.values() for option in column)
    rows = [{"option": o, **{n: c.get(o) for n, c in columns.items()}} for o in options]
    return [row for row in rows if every or _differs(list(row.values())[1:])]


def trained_with(run: Run) -> dict[str, Any]:
    """Return all that decides a training, by name: template, data, seed, options."""
    record, data = run.record, run.record["data"]
    return {
        "template": record["template"],
        "maquette": record["maquette"],
        "data": data["source"],
        "fingerprint": data["fingerprint"][:SHOWN_OF_HASH],
        "seed": record["seed"],
        **PLAIN_FITTING,
        **record.get("fitting", {}),
        **record["config"],
    }


def _differs(values: list[Any]) -> bool:
    return any(value != values[0] for value in values)


def result_rows(runs: dict[str, Run], split: str) -> list[dict[str, Any]]:
    """Return the metrics, one row each, and what the training took."""
    columns = {name: metrics_of(run, split) | _training(run) for name, run in runs.items()}
    names = dict.fromkeys(name for column in columns.values() for name in column)
    last = ("epochs", "training seconds")
    ordered = [*(name for name in names if name not in last), *last]
    return [{"result": o, **{n: c.get(o) for n, c in columns.items()}} for o in ordered]


def _training(run: Run) -> dict[str, int]:
    seconds = [row["seconds"] for row in history_of(run)]
    return {"epochs": len(seconds), "training seconds": round(sum(seconds))}


def history_of(run: Run) -> list[dict[str, Any]]:
    """Return one row per epoch.

    Raises:
        UserError: the run has no history.
    """
    try:
        return run.history
    except OSError:
        raise UserError(f"{run.path} has no history.csv: its training did not finish") from None
