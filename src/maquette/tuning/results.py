"""What a search leaves: its trials as a table, the best options, and what mattered."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import yaml

from maquette.files import write_text, written_whole
from maquette.tuning.board import told
from maquette.tuning.confirmation import scores, verdict
from maquette.tuning.importance import caution, what_mattered
from maquette.tuning.journal import FAILED, TrialRecord
from maquette.tuning.parallel_coordinates import parallel_coordinates
from maquette.tuning.search import MATTERED, Search
from maquette.tuning.tables import write_table

OptionsOf = Callable[[TrialRecord], dict[str, Any]]


def write_results(search: Search, space: Sequence[Any], options_of: OptionsOf) -> None:
    """Write all files that tell of a search, from its journal.

    Args:
        search: With one finished trial or more.
        space: The hyperparameters.
        options_of: Returns all options of a trial.
    """
    write_table(search.path / "trials.csv", _rows(search, options_of))
    columns = ("setting", "share_of_variance", "forest_r2")
    write_table(search.path / MATTERED, what_mattered(search.trials, space), columns)
    record = search.record
    figure = parallel_coordinates(search.trials, space, record.objective, record.direction)
    with written_whole(search.path / "parallel_coordinates.png") as temporary:
        figure.savefig(temporary, dpi=110)
    if search.best is not None:
        known = {"template": record.template, "data": record.source, "seed": record.seed}
        text = yaml.safe_dump({**known, **options_of(search.best)}, sort_keys=False)
        write_text(search.best_config, text)


def summary(search: Search) -> list[str]:
    """Return lines that tell the best trial, how to go on, and what failed."""
    trials, best, record = search.trials, search.best, search.record
    failed = [trial for trial in trials if trial.status == FAILED]
    lines = [f"{len(trials)} of {record.trials} trials finished, {len(failed)} of them failed"]
    if failed:
        lines.append(f"first failure: trial {failed[0].number + 1}: {failed[0].error}")
    if best is not None:
        score = f"{record.objective} {best.score:.4f} in epoch {best.epoch}"
        lines.append(f"best: trial {best.number + 1}: {score}: {told(best.settings)}")
    lines.append(caution(search.what_mattered, trials))
    lines += filter(None, [verdict(search)])
    if best is not None:
        lines.append(f"maquette train {record.template} --config {search.best_config}")
    return lines


def as_json(search: Search) -> dict[str, Any]:
    """Return what a script would read of a search."""
    best = search.best
    return {
        "search": str(search.path),
        "objective": search.record.objective,
        "direction": search.record.direction,
        "trials": [_outcome(search, trial) for trial in search.trials],
        "best": None if best is None else _outcome(search, best),
        "what_mattered": search.what_mattered,
        "confirmation": scores(search),
        "verdict": verdict(search),
    }


def _rows(search: Search, options_of: OptionsOf) -> list[dict[str, Any]]:
    """Return one row per trial: how it went, its settings, and the options made of these."""
    rows = []
    for trial in search.trials:
        outcome = _outcome(search, trial)
        settings = outcome.pop("settings")
        options = {n: _cell(v) for n, v in options_of(trial).items() if n not in outcome}
        rows.append({**outcome, **settings, **options})
    return rows


def _outcome(search: Search, trial: TrialRecord) -> dict[str, Any]:
    return {
        "trial": trial.number + 1,
        "status": trial.status,
        search.record.objective: trial.score,
        "best_epoch": trial.epoch,
        "seconds": trial.seconds,
        "error": trial.error,
        "settings": trial.settings,
    }


def _cell(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, list | tuple | bool) else value
