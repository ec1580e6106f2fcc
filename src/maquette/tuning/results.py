"""What a search leaves: its trials as a table, the best options, and what mattered."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml

from maquette.exporting.export import MAX_DROP
from maquette.files import write_text, written_whole
from maquette.tuning.board import short, told
from maquette.tuning.cheapest import COSTS, fronts, measured
from maquette.tuning.confirmation import scores, verdict
from maquette.tuning.cost import Cost
from maquette.tuning.importance import caution, what_mattered
from maquette.tuning.journal import FAILED, TrialRecord
from maquette.tuning.parallel_coordinates import parallel_coordinates
from maquette.tuning.pareto import pareto
from maquette.tuning.search import MATTERED, Search, SearchRecord
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
        _write_config(search.best_config, record, options_of(search.best))
    if record.cheapest is not None and search.best is not None:
        _write_cheapest(search, options_of)


def _write_config(path: Path, record: SearchRecord, options: dict[str, Any]) -> None:
    known = {"template": record.template, "data": record.source, "seed": record.seed}
    write_text(path, yaml.safe_dump({**known, **options}, sort_keys=False))


def _write_cheapest(search: Search, options_of: OptionsOf) -> None:
    """Draw what the trials cost, and write the options of the one to be chosen."""
    chosen = search.cheapest
    figure = pareto(search.trials, chosen and chosen.trial, search.record.cheapest)
    with written_whole(search.path / "pareto.png") as temporary:
        figure.savefig(temporary, dpi=110)
    if chosen is not None:
        _write_config(search.cheapest_config, search.record, options_of(chosen.trial))


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
    lines += filter(None, [verdict(search), _chosen(search), _lost(search)])
    if best is not None:
        config = search.best_config if search.cheapest is None else search.cheapest_config
        lines.append(f"maquette train {record.template} --config {config}")
    return lines


def _chosen(search: Search) -> str:
    """Return which trial is the cheapest within the noise, in a line; empty if nobody asks."""
    if search.record.cheapest is None:
        return ""
    head = f"cheapest within the noise, by {search.record.cheapest}"
    if search.cheapest is not None:
        return f"{head}: {search.cheapest.sentence()}"
    return f"{head}: unknown, since {search.record.template} scores no single examples"


def _lost(search: Search) -> str:
    """Return how to export what loses more by it than is usually let through, in a line."""
    lost = 0.0 if search.cheapest is None else search.cheapest.trial.cost.drop
    if lost <= MAX_DROP:
        return ""
    allowed = math.ceil(100 * lost) / 100
    return f"as int8 it loses {100 * lost:.1f} points: export it with --max-drop {allowed:g}"


def cost_table(search: Search) -> list[dict[str, Any]]:
    """Return what the trials cost, the cheapest first, as a person would read it."""
    trials = measured(search.trials)
    by = COSTS[search.record.cheapest or "size"]
    return [_cost_row(trial) for trial in sorted(trials, key=lambda t: getattr(t.cost, by))]


def _cost_row(trial: TrialRecord) -> dict[str, Any]:
    cost, worth = trial.cost, trial.cost.worth
    known = worth.low is not None
    interval = {"95 % interval": f"{worth.low:.3f} to {worth.high:.3f}"} if known else {}
    return {
        "trial": trial.number + 1,
        **{name: short(value) for name, value in trial.settings.items()},
        "size (MB)": f"{cost.megabytes:.3g}",
        "latency (ms)": f"{cost.latency_ms:.3g}",
        f"Keras {cost.metric}": f"{cost.keras.value:.4f}",
        **({f"int8 {cost.metric}": f"{cost.int8.value:.4f}"} if cost.int8 else {}),
        **interval,
    }


def as_json(search: Search) -> dict[str, Any]:
    """Return what a script would read of a search."""
    best = search.best
    return {
        "search": str(search.path),
        "objective": search.record.objective,
        "direction": search.record.direction,
        "trials": [_outcome(search, trial) for trial in search.trials],
        "best": None if best is None else _outcome(search, best),
        **_cheapest(search),
        "what_mattered": search.what_mattered,
        "confirmation": scores(search),
        "verdict": verdict(search),
    }


def _cheapest(search: Search) -> dict[str, Any]:
    if search.record.cheapest is None:
        return {}
    chosen = search.cheapest
    numbers = {by: [t.number + 1 for t in ts] for by, ts in fronts(search.trials).items()}
    return {
        "cheapest": None if chosen is None else _outcome(search, chosen.trial),
        "cheapest_verdict": _chosen(search),
        "front": numbers,
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
        **({} if trial.cost is None else _cost(trial.cost)),
        "settings": trial.settings,
    }


def _cost(cost: Cost) -> dict[str, Any]:
    columns = {"int8_bytes": cost.bytes, "int8_latency_ms": cost.latency_ms}
    for made_by in ("keras", "int8"):
        estimate, name = getattr(cost, made_by), f"{made_by}_{cost.metric}"
        if estimate is not None:
            columns |= {name: estimate.value}
            columns |= {f"{name}_low": estimate.low, f"{name}_high": estimate.high}
    return columns


def _cell(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, list | tuple | bool) else value
