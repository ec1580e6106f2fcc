"""Parallel coordinates: each trial is a line through its settings to its score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras_tuner.engine.hyperparameters import Float, Int
from matplotlib import colormaps
from matplotlib.figure import Figure

from maquette.reporting.plots import GREY, ORANGE
from maquette.tuning.board import short
from maquette.tuning.journal import DONE, TrialRecord, best_of
from maquette.tuning.space import position

MOST_TICKS = 6


@dataclass(frozen=True)
class _Axis:
    """A vertical scale: heights 0..1 by value, and the values that are written beside it."""

    name: str
    heights: dict[Any, float]
    ticks: dict[Any, float]


def parallel_coordinates(
    trials: Sequence[TrialRecord], space: Sequence[Any], objective: str, direction: str
) -> Figure:
    """Draw all trials; the better the score, the darker the line, and the best one is orange.

    Args:
        trials: Of a search, at least one; failed ones are dotted and have no score.
        space: The hyperparameters.
        objective: Name of the score.
        direction: `"max"` or `"min"`.
    """
    by_name = {hp.name: hp for hp in space}
    names = dict.fromkeys(name for trial in trials for name in trial.settings)
    values = {name: [trial.settings.get(name) for trial in trials] for name in names}
    axes = [_axis(name, by_name.get(name), values[name]) for name in names]
    score = _score_axis(objective, trials)
    figure = Figure(figsize=(1.5 * len(names) + 2.8, 4.4), layout="constrained")
    panel = figure.add_subplot()
    best = best_of([*trials], direction)
    for trial in sorted(trials, key=lambda trial: trial is best):
        heights = [axis.heights[trial.settings.get(axis.name)] for axis in axes]
        heights.append(score.heights.get(trial.score, np.nan))
        panel.plot(heights, **_style(trial is best, heights[-1], direction))
    _draw(panel, [*axes, score])
    failed = sum(trial.status != DONE for trial in trials)
    told = f", {failed} failed (dotted)" if failed else ""
    figure.suptitle(f"{len(trials)} trials{told}; the best in orange", x=0.01, ha="left")
    return figure


def _axis(name: str, hp: Any, values: Sequence[Any]) -> _Axis:
    """Return the scale of a setting; where it is not active, a line is broken."""
    known = {value for value in values if value is not None}
    if isinstance(hp, Float | Int) and hp.step is None:
        heights = {value: position(hp, value) for value in known}
        inner = {hp.prob_to_value(height): height for height in (0.25, 0.5, 0.75)}
        ticks = {hp.min_value: 0.0, **inner, hp.max_value: 1.0}
    else:
        every = list(hp.values) if hp is not None else sorted(known)
        levels = np.linspace(0, 1, len(every)) if len(every) > 1 else [0.5]
        heights = {value: _nearest(every, levels, value) for value in known}
        step = -(-len(every) // MOST_TICKS)
        ticks = dict(list(zip(every, levels, strict=True))[::step])
    return _Axis(name, {**heights, None: np.nan}, ticks)


def _nearest(every: Sequence[Any], levels: Sequence[float], value: Any) -> float:
    if value in every:
        return float(levels[list(every).index(value)])
    return float(levels[min(range(len(every)), key=lambda i: abs(every[i] - value))])


def _score_axis(objective: str, trials: Sequence[TrialRecord]) -> _Axis:
    scores = [trial.score for trial in trials if trial.status == DONE]
    low, high = (min(scores), max(scores)) if scores else (0.0, 1.0)
    span = high - low
    heights = {score: (score - low) / span if span else 0.5 for score in scores}
    levels = np.linspace(0, 1, 5) if span else [0.5]
    return _Axis(objective, heights, {low + level * span: level for level in levels})


def _style(is_best: bool, height: float, direction: str) -> dict[str, Any]:
    if is_best:
        return {"color": ORANGE, "linewidth": 2.6, "zorder": 3}
    if np.isnan(height):
        return {"color": GREY, "linewidth": 1, "linestyle": ":"}
    goodness = height if direction == "max" else 1 - height
    color = colormaps["Blues"](0.25 + 0.75 * goodness)
    return {"color": color, "linewidth": 1.3, "alpha": 0.85, "zorder": 1 + goodness}


def _draw(panel: Any, axes: Sequence[_Axis]) -> None:
    boxed = {"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 1}
    for x, axis in enumerate(axes):
        panel.axvline(x, color="black", linewidth=0.8, zorder=2.5)
        for value, height in axis.ticks.items():
            panel.annotate(
                short(value), (x, height), (5, 0), textcoords="offset points", fontsize=8,
                va="center", bbox=boxed, zorder=4,
            )  # fmt: skip
    panel.set_xticks(range(len(axes)), [axis.name.replace("_", " ") for axis in axes])
    panel.set(xlim=(-0.15, len(axes) - 0.45), ylim=(-0.06, 1.06), yticks=[])
    panel.spines[["top", "right", "bottom", "left"]].set_visible(False)
    panel.tick_params(axis="x", length=0)
