"""The picture of an export's candidates: what each file costs and how well it does."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from maquette.exporting.choosing import front
from maquette.reporting.plots import BLUE, GREY, ORANGE

AXES = {"bytes": ("size of the file (MB)", 1e-6), "latency_ms": ("one example, one thread (ms)", 1)}
MARKERS = "osD^vPX*"
ROOM, LOG_FROM = 1.1, 20
LEAST_SPAN = 0.02  # of the score: a difference of two examples is not to look like a gulf


def pareto(rows: Sequence[dict[str, Any]], chosen: dict[str, Any] | None, score: str) -> Figure:
    """Draw the score of each file against its size and its latency.

    On the line are the files that no other beats in both; the chosen one is orange.

    Args:
        rows: Of the table of an export; those that did not pass are left out.
        chosen: One of them.
        score: The column to draw, e.g. `"accuracy"`.
    """
    passed = [row for row in rows if not row["failures"]]
    figure = Figure(figsize=(11, 4.4), layout="constrained")
    panels = figure.subplots(1, len(AXES), sharey=True)
    for panel, (cost, (label, unit)) in zip(panels, AXES.items(), strict=True):
        _draw(panel, passed, chosen, score, (cost, unit))
        panel.set_xlabel(label)
    panels[0].set_ylabel(score.replace("_", " "))
    panels[0].yaxis.get_major_formatter().set_useOffset(False)
    if passed:
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside right center")
    told = "line: no other file beats these in both; orange: the one that was written"
    figure.suptitle(told, x=0.01, ha="left", fontsize=11)
    return figure


def _draw(
    panel: Axes, rows: list[dict], chosen: dict | None, score: str, cost: tuple[str, float]
) -> None:
    column, unit = cost
    line = front(rows, score, column)
    across = [row[column] * unit for row in line]
    panel.step(across, [row[score] for row in line], where="post", color=GREY, zorder=1)
    for row, marker in zip(rows, cycle(MARKERS)):
        color = ORANGE if row is chosen else BLUE
        # Hollow, since files may lie on top of each other.
        panel.plot(
            row[column] * unit, row[score], marker, color=color, markersize=10, markeredgewidth=1.8,
            fillstyle="none", linestyle="none", label=_label(row), zorder=2 + (row is chosen),
        )  # fmt: skip
    _scale(panel, [row[column] * unit for row in rows], [row[score] for row in rows])
    panel.spines[["top", "right"]].set_visible(False)
    panel.grid(alpha=0.25)


def _scale(panel: Axes, costs: list[float], scores: list[float]) -> None:
    panel.xaxis.set_major_locator(MaxNLocator(5))
    panel.set_xlim(0, ROOM * max(costs, default=1))
    if max(costs, default=1) > LOG_FROM * min(costs, default=1):
        panel.set_xscale("log")
        panel.set_xlim(min(costs) / 2, 2 * max(costs))
        panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    low, high = min(scores, default=0), max(scores, default=1)
    margin = max(high - low, LEAST_SPAN * abs(high)) / 2
    panel.set_ylim((low + high) / 2 - 1.2 * margin, (low + high) / 2 + 1.2 * margin)


def _label(row: dict[str, Any]) -> str:
    directly = row["rung"] in (None, "as it is")
    return row["format"] if directly else f"{row['format']}, by {row['rung'].partition(':')[0]}"
