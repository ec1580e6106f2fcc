"""The Pareto picture: what each trial costs on a phone, and what it is worth there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from maquette.reporting.plot_text import drawable, shortened
from maquette.reporting.plots import BLUE, GREY, ORANGE
from maquette.tuning.board import short
from maquette.tuning.cheapest import fronts, measured
from maquette.tuning.journal import TrialRecord

AXES = {
    "size": ("megabytes", "size of the int8 file (MB)"),
    "latency": ("latency_ms", "one example on one thread (ms)"),
}
MOST_LABELLED, LONGEST_LABEL, ROOM_FOR_LABELS = 8, 24, 1.35


def pareto(trials: Sequence[TrialRecord], chosen: TrialRecord | None, by: str) -> Figure:
    """Draw the score of each trial's int8 file, with its 95 % interval, against its costs.

    On the line are the trials that no other beats in both; the chosen one is orange.

    Args:
        trials: Of a search, one or more with a cost; the others are left out.
        chosen: The cheapest within the noise, where it is known.
        by: What it is chosen by, `"size"` or `"latency"`.
    """
    known = measured(trials)
    names, families = drawable(_labels(known))
    names = dict(zip((trial.number for trial in known), names, strict=True))
    figure = Figure(figsize=(11, 4.6), layout="constrained")
    panels = figure.subplots(1, len(AXES), sharey=True)
    on_front = fronts(trials)
    for panel, (cost, (field, title)) in zip(panels, AXES.items(), strict=True):
        _draw(panel, known, on_front[cost], field, chosen)
        labelled = known if len(known) <= MOST_LABELLED else [*on_front[cost], chosen]
        numbers = {trial.number for trial in labelled if trial is not None}
        _write(panel, [t for t in known if t.number in numbers], field, names, families)
        panel.set(xlabel=title)
    panels[0].set_ylabel(_score(known))
    told = "line: no other trial beats these in both"
    if chosen is not None:
        told += f"; orange: the cheapest within the noise, by {by}"
    figure.suptitle(told, x=0.01, ha="left", fontsize=11)
    return figure


def _draw(
    panel: Axes,
    trials: Sequence[TrialRecord],
    front: Sequence[TrialRecord],
    field: str,
    chosen: TrialRecord | None,
) -> None:
    line = [(getattr(t.cost, field), t.cost.worth.value) for t in front]
    panel.step(*zip(*line, strict=True), where="post", color=BLUE, linewidth=1.2, zorder=1)
    on_front = {trial.number for trial in front}
    for trial in trials:
        is_chosen = chosen is not None and trial.number == chosen.number
        color = ORANGE if is_chosen else BLUE if trial.number in on_front else GREY
        bars = panel.errorbar(
            getattr(trial.cost, field), trial.cost.worth.value, yerr=_bars(trial), color=color,
            fmt="o", markersize=9 if is_chosen else 6, capsize=3, elinewidth=1, zorder=2 + is_chosen
        )  # fmt: skip
        bars.lines[0].set_zorder(5)  # No label may hide a point.
    panel.set_xlim(0, ROOM_FOR_LABELS * max(getattr(trial.cost, field) for trial in trials))
    panel.spines[["top", "right"]].set_visible(False)
    panel.grid(alpha=0.25)


def _bars(trial: TrialRecord) -> np.ndarray | None:
    worth = trial.cost.worth
    if worth.low is None:
        return None
    return np.array([[worth.value - worth.low], [worth.high - worth.value]])


def _write(
    panel: Axes, trials: Sequence[TrialRecord], field: str, names: dict[int, str], families: Any
) -> None:
    boxed = {"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 1}
    for trial in trials:
        panel.annotate(
            names[trial.number], (getattr(trial.cost, field), trial.cost.worth.value), (7, 6),
            textcoords="offset points", fontsize=9, parse_math=False, fontfamily=families,
            bbox=boxed, zorder=4,
        )  # fmt: skip


def _labels(trials: Sequence[TrialRecord]) -> list[str]:
    """Return the value of the setting that differs; the trials' numbers, where it is not one."""
    names = dict.fromkeys(name for trial in trials for name in trial.settings)
    differing = [n for n in names if len({repr(t.settings.get(n)) for t in trials}) > 1]
    if len(differing) != 1:
        return [f"trial {trial.number + 1}" for trial in trials]
    values = [trial.settings.get(differing[0]) for trial in trials]
    return [shortened(short(value), LONGEST_LABEL) for value in values]


def _score(trials: Sequence[TrialRecord]) -> str:
    cost = trials[0].cost
    name = cost.metric.replace("_", " ")
    made_by = "int8" if cost.int8 else "trained model's"
    direction = " (lower is better)" if cost.lower_is_better else ""
    return f"{made_by} {name}{direction}"
