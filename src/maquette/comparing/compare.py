"""Comparing runs: what was different, how they did, and whether that is more than chance."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from maquette.comparing.tables import history_of, metrics_of, option_rows, result_rows
from maquette.errors import UserError
from maquette.files import require_writable, written_whole
from maquette.run import Run

SPLITS = ("test", "validation", "train")
PICTURE = "compare.png"


def compare(
    runs: Sequence[str | Path | Run],
    *,
    metric: str | None = None,
    split: str | None = None,
    by_seed: bool = False,
    every: bool = False,
    figures: str | Path | None = None,
) -> dict[str, Any]:
    """Compare two or more runs that can be judged by the same metrics.

    Where they were judged on the same examples, and the task gives each example a score, each two
    are compared by a paired test on the examples: McNemar's of right and wrong, Wilcoxon's of
    other scores. That tells about these models; whether their options are better, several seeds of
    each tell: groups of runs that differ only in their seed are compared by a t-test on a metric,
    paired where both have the same seeds, otherwise Welch's. All p-values are corrected for the
    number of pairs by Holm's method. Of more than three runs or groups only the pairs with the
    best one are told.

    Example:
        >>> maquette.compare(["saved_models/cnn/a", "saved_models/cnn/b"])["verdicts"]

    Args:
        runs: Runs, or the paths of their folders.
        metric: Name of the metric to compare by. Defaults to that of which each example has its
            share; of groups, to the first that all runs have.
        split: `"test"`, `"validation"` or `"train"`. Defaults to the first of them that all runs
            were judged on.
        by_seed: Compare groups of runs that differ only in their seed. Without it, that is done
            where there are two or more such groups of two or more runs each.
        every: List also the options that are the same in all runs.
        figures: Folder to write `compare.png` to, the learning curves of all runs.

    Returns:
        A dictionary with `runs`, `split`, `metric`, the `tables` Options, Results and Groups,
        the `tests` and their `verdicts` in plain language, one a pair, and in `without_test` the
        reason where one could not be made.

    Raises:
        UserError: there are fewer than two runs, one is there twice or was not judged, no metric
            is common to all, or their data cannot be read.
    """
    from maquette.comparing.verdicts import found_of_groups, found_of_items, groups_of_seeds

    opened = distinct_runs(runs)
    if figures is not None:
        require_writable(Path(figures), "--figures")
    judged = _judged_split(opened, split)
    shared = _shared_metrics(opened, judged, metric)
    groups = groups_of_seeds(opened)
    grouped = by_seed or sum(len(group) > 1 for group in groups.values()) > 1
    if grouped:
        found = found_of_groups(groups, judged, metric or shared[0])
    else:
        found = found_of_items(opened, judged, metric)
    if figures is not None:
        _draw(opened, Path(figures))
    return {
        "runs": {name: str(run.path) for name, run in opened.items()},
        "split": judged,
        "metric": found.metric,
        "tables": {
            "Options": option_rows(opened, every),
            "Results": result_rows(opened, judged),
            "Groups": found.groups,
        },
        "tests": found.tests,
        "verdicts": found.verdicts,
        "without_test": found.without_test,
    }


def distinct_runs(runs: Sequence[str | Path | Run]) -> dict[str, Run]:
    """Open runs, each by a name that no other has: `template/name`, or its whole path.

    Raises:
        UserError: there are fewer than two, one is there twice, or one is no run.
    """
    opened = [run if isinstance(run, Run) else Run(run) for run in runs]
    if len(opened) < 2:
        raise UserError(f"there must be two or more runs to compare; received {len(opened)}")
    places = [run.path.resolve() for run in opened]
    twice = next((place for place in places if places.count(place) > 1), None)
    if twice is not None:
        raise UserError(f"the run {twice} is there twice; give each run once")
    names = [
        f"{run.record['template']}/{place.name}" for run, place in zip(opened, places, strict=True)
    ]
    if len(set(names)) < len(names):
        names = [str(place) for place in places]
    return dict(zip(names, opened, strict=True))


def _judged_split(runs: dict[str, Run], split: str | None) -> str:
    """Return the split asked for, or the first that all runs were judged on."""
    for run in runs.values():
        if not run.is_finished:
            raise UserError(
                f"the training of {run.path} did not finish; go on with: "
                f"maquette train --resume {run.path}"
            )
    common = [s for s in SPLITS if all(s in run.metrics for run in runs.values())]
    if not common or split not in (None, *common):
        judged = "; ".join(f"{name} on {', '.join(run.metrics)}" for name, run in runs.items())
        wanted = f"not all runs were judged on {split}" if split else "no split judges all runs"
        raise UserError(f"{wanted}: {judged}")
    return split or common[0]


def _shared_metrics(runs: dict[str, Run], split: str, metric: str | None) -> list[str]:
    of_each = [list(metrics_of(run, split)) for run in runs.values()]
    shared = [name for name in of_each[0] if all(name in names for names in of_each)]
    if not shared:
        have = "; ".join(f"{n} has {', '.join(m)}" for n, m in zip(runs, of_each, strict=True))
        raise UserError(f"these runs have no metric in common: {have}")
    if metric not in (None, *shared):
        raise UserError(f"--metric must be one of {', '.join(shared)}; received {metric!r}")
    return shared


def _draw(runs: dict[str, Run], folder: Path) -> None:
    from maquette.reporting.comparison_plots import learning_curves

    histories = {name: history_of(run) for name, run in runs.items()}
    with written_whole(folder / PICTURE) as temporary:
        learning_curves(histories).savefig(temporary, dpi=110)
