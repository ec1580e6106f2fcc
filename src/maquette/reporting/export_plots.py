"""The picture of an export's candidates: what each file costs and how well it does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from maquette.exporting.choosing import front
from maquette.reporting.plots import BLUE, GREY, ORANGE

AXES = {"bytes": ("size of the file (MB)", 1e-6), "latency_ms": ("one example, one thread (ms)", 1)}
ROOM = 1.35  # for the names on the right


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
    told = "line: no other file beats these in both; orange: the smallest within the budget"
    figure.suptitle(told, x=0.01, ha="left", fontsize=11)
    return figure


def _draw(
    panel: Axes, rows: list[dict], chosen: dict | None, score: str, cost: tuple[str, float]
) -> None:
    column, unit = cost
    line = front(rows, score, column)
    across = [row[column] * unit for row in line]
    panel.step(across, [row[score] for row in line], where="post", color=BLUE, zorder=1)
    for row in rows:
        color = ORANGE if row is chosen else BLUE if row in line else GREY
        panel.plot(row[column] * unit, row[score], "o", color=color, markersize=8, zorder=3)
        panel.annotate(
            row["format"], (row[column] * unit, row[score]), (7, 6), textcoords="offset points",
            fontsize=9, parse_math=False, zorder=2,
        )  # fmt: skip
    panel.set_xlim(0, ROOM * max((row[column] * unit for row in rows), default=1))
    panel.spines[["top", "right"]].set_visible(False)
    panel.grid(alpha=0.25)
