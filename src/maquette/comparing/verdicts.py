"""Which of the compared runs are better: on the same examples, or over several seeds."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from maquette.comparing.contrast import Contrast
from maquette.comparing.significance import (
    compare_means,
    holm,
    mcnemar,
    mean_interval,
    paired_scores,
)
from maquette.comparing.tables import metrics_of, option_rows, trained_with
from maquette.errors import UserError
from maquette.evaluation import open_run_data
from maquette.run import Run

if TYPE_CHECKING:
    from maquette.tasks.task import ItemScores

ALL_PAIRS = 3
NAMED_OPTIONS = 3


@dataclass(frozen=True)
class Found:
    """What the tests found.

    Args:
        metric: What was compared.
        groups: One row per group of seeds.
        tests: One row per pair.
        verdicts: One sentence per pair.
        without_test: Why some or all could not be tested.
    """

    metric: str | None
    groups: list[dict[str, Any]] = field(default_factory=list)
    tests: list[dict[str, Any]] = field(default_factory=list)
    verdicts: list[str] = field(default_factory=list)
    without_test: str | None = None


class _NoTestError(Exception):
    """There is nothing that a test could tell; the message says why."""


def found_of_items(runs: dict[str, Run], split: str, metric: str | None) -> Found:
    """Compare runs example by example.

    Args:
        runs: Runs by name, judged on a split.
        split: Name of that split.
        metric: The metric asked for.

    Raises:
        UserError: the data of a run cannot be read.
    """
    try:
        _require_same_data(runs, split)
        scores = {name: _scores_of(name, run, split, metric) for name, run in runs.items()}
        first = next(iter(scores.values()))
        _require_same_unit(runs, first.metric)
    except _NoTestError as reason:
        return Found(metric, without_test=f"no test was made: {reason}")
    test = mcnemar if first.values.dtype == bool else paired_scores
    contrasts = {
        (a, b): test(scores[a].values, scores[b].values) for a, b in combinations(scores, 2)
    }
    of = f"of {len(first.values)} {split} {first.items}"
    return _found(first.metric, contrasts, next(iter(runs.values())), lambda a, b: of)


def _require_same_data(runs: dict[str, Run], split: str) -> None:
    sources = {
        (run.record["data"]["fingerprint"], run.record["data"]["sizes"].get(split)): (
            run.record["data"]["source"]
        )
        for run in runs.values()
    }
    if len(sources) > 1:
        raise _NoTestError(f"the runs were judged on different data, {', '.join(sources.values())}")


def _require_same_unit(runs: dict[str, Run], metric: str) -> None:
    (first, unit), *others = ((name, run.task.unit(run, metric)) for name, run in runs.items())
    for name, other in others:
        if other != unit:
            raise _NoTestError(
                f"{metric} is not the same in {first} ({unit}) and in {name} ({other})"
            )


def _scores_of(name: str, run: Run, split: str, metric: str | None) -> ItemScores:
    """Return the scores of a run's examples; its model is free afterwards."""
    run = Run(run.path)
    data = _data_of(run)
    if data.fingerprint != run.record["data"]["fingerprint"]:
        raise _NoTestError(f"{data.source} has changed since {name} was trained")
    scores = run.task.item_scores(run, data, split)
    if scores is None or metric not in (None, scores.metric):
        what = metric or run.record["template"]
        raise _NoTestError(
            f"{what} has no score for each example; train with several --seed, and compare "
            "--by-seed"
        )
    return scores


def _data_of(run: Run) -> Any:
    _ = run.description  # Where it is damaged, the data is not to blame.
    try:
        return open_run_data(run)
    except UserError as error:
        raise UserError(f"the data of {run.path} cannot be read: {error}") from None


def groups_of_seeds(runs: dict[str, Run]) -> dict[str, dict[str, Run]]:
    """Return the runs in groups that differ only in their seed, by what tells the groups apart."""
    groups: dict[str, dict[str, Run]] = {}
    for name, run in runs.items():
        same = {**trained_with(run), "seed": None, "data": run.record["data"]["fingerprint"]}
        groups.setdefault(json.dumps(same, default=str), {})[name] = run
    firsts = {next(iter(group)): next(iter(group.values())) for group in groups.values()}
    if len(firsts) == 1:
        return {next(iter(runs.values())).record["template"]: dict(runs)}
    rows = [row for row in option_rows(firsts) if row["option"] != "seed"]
    if not 0 < len(rows) <= NAMED_OPTIONS:
        return dict(zip(firsts, groups.values(), strict=True))
    labels = [", ".join(f"{row['option']} {row[first]}" for row in rows) for first in firsts]
    return dict(zip(labels, groups.values(), strict=True))


def found_of_groups(groups: dict[str, dict[str, Run]], split: str, metric: str) -> Found:
    """Compare groups of runs that differ only in their seed.

    Args:
        groups: Runs by name, by group.
        split: What they were judged on.
        metric: Name of a metric that all have.

    Raises:
        UserError: two runs of a group have the same seed.
    """
    values = {label: _by_seed(group, split, metric) for label, group in groups.items()}
    rows = [_group_row(label, of_seed, metric) for label, of_seed in values.items()]
    tested = {label: of_seed for label, of_seed in values.items() if len(of_seed) > 1}
    firsts = {label: next(iter(groups[label].values())) for label in tested}
    try:
        if len(tested) < 2:
            raise _NoTestError("it takes two groups of two or more runs, each of another --seed")
        _require_same_data(firsts, split)
        _require_same_unit(firsts, metric)
    except _NoTestError as reason:
        return Found(metric, rows, without_test=f"no test was made: {reason}")
    contrasts = {(a, b): _contrast(tested[a], tested[b]) for a, b in combinations(tested, 2)}
    found = _found(metric, contrasts, next(iter(firsts.values())), lambda a, b: _of(values, a, b))
    single = ", ".join(label for label in values if label not in tested)
    without = f"not tested, as it is one run alone: {single}" if single else None
    return Found(metric, rows, found.tests, found.verdicts, without)


def _by_seed(group: dict[str, Run], split: str, metric: str) -> dict[int, float]:
    values: dict[int, float] = {}
    for name, run in group.items():
        seed = run.record["seed"]
        if seed in values:
            raise UserError(f"{name} repeats another run: same options, same seed {seed}")
        values[seed] = metrics_of(run, split)[metric]
    return dict(sorted(values.items()))


def _contrast(first: dict[int, float], second: dict[int, float]) -> Contrast:
    return compare_means([*first.values()], [*second.values()], first.keys() == second.keys())


def _of(values: dict[str, dict[int, float]], first: str, second: str) -> str:
    one, other = len(values[first]), len(values[second])
    return f"of {one} runs each" if one == other else f"of {one} and {other} runs"


def _group_row(label: str, of_seed: dict[int, float], metric: str) -> dict[str, Any]:
    values = np.array([*of_seed.values()])
    low, high = mean_interval(values)
    return {
        "group": label,
        "seeds": " ".join(map(str, of_seed)),
        "n": len(values),
        f"mean {metric}": float(values.mean()),
        "sd": float(values.std(ddof=1)) if len(values) > 1 else None,
        "low": _number(low),
        "high": _number(high),
    }


def _found(
    metric: str,
    contrasts: dict[tuple[str, str], Contrast],
    run: Run,
    of: Callable[[str, str], str],
) -> Found:
    """Return rows and sentences of the pairs that are told, corrected for all of them.

    The best is known from the same figures that are tested, so each pair could have been told.
    """
    lower = metric in run.task.lower_is_better
    corrected = dict(zip(contrasts, holm([c.p for c in contrasts.values()]), strict=True))
    means = {name: c.first for (name, _), c in contrasts.items()}
    means |= {name: c.second for (_, name), c in contrasts.items()}
    best = (min if lower else max)(means, key=means.__getitem__)
    told = [pair for pair in contrasts if len(means) <= ALL_PAIRS or best in pair]
    return Found(
        metric,
        tests=[_row(*pair, contrasts[pair], corrected[pair]) for pair in told],
        verdicts=[
            contrasts[pair]
            .corrected(corrected[pair])
            .sentence(*pair, metric, of(*pair), lower_is_better=lower)
            for pair in told
        ],
    )


def _row(first: str, second: str, contrast: Contrast, corrected: float) -> dict[str, Any]:
    figures = {**asdict(contrast), "p_corrected": float(corrected)}
    means = {"mean_of_first": figures.pop("first"), "mean_of_second": figures.pop("second")}
    figures.pop("shares")
    row = {"first": first, "second": second, **means, **figures}
    return {name: _number(value) for name, value in row.items()}


def _number(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
