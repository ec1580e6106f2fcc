"""Pictures of several runs together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from maquette.reporting.curves import smoothed
from maquette.reporting.plot_text import drawable, shortened

NOT_DRAWN = {"stage", "epoch", "seconds", "learning_rate"}
MOST_PANELS = 4
LEGEND_COLUMNS = 3


def learning_curves(histories: dict[str, Sequence[dict[str, Any]]]) -> Figure:
    """Draw the values of all runs over their epochs, smoothed; the values themselves thin behind.

    Of a value that was validated too, only the validation is drawn.

    Args:
        histories: One row per epoch, by the name of the run.
    """
    values = drawn_values(histories)
    figure = Figure(figsize=(5.2 * len(values), 4), layout="constrained")
    labels, families = drawable([shortened(name, 40) for name in histories])
    colors = matplotlib.colormaps["tab10"].colors
    for index, value in enumerate(values):
        axes = figure.add_subplot(1, len(values), index + 1)
        for number, (label, rows) in enumerate(zip(labels, histories.values(), strict=True)):
            _draw(axes, [row.get(value, np.nan) for row in rows], colors[number % 10], label)
        axes.set(xlabel="epoch", title=_title(value))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
    handles, names = axes.get_legend_handles_labels()
    columns = min(len(names), LEGEND_COLUMNS)
    legend = figure.legend(handles, names, loc="outside lower center", ncols=columns, frameon=False)
    for text in legend.get_texts():
        text.set(parse_math=False, fontfamily=families)
    return figure


def drawn_values(histories: dict[str, Sequence[dict[str, Any]]]) -> list[str]:
    """Return the names of what was validated; where nothing was, of what was measured."""
    rows = (row for rows in histories.values() for row in rows)
    measured = [v for v in dict.fromkeys(v for row in rows for v in row) if v not in NOT_DRAWN]
    validated = [value for value in measured if value.startswith("val_")]
    return (validated or measured)[:MOST_PANELS]


def _draw(axes: Axes, values: Sequence[float], color: Any, label: str) -> None:
    epochs = np.arange(1, len(values) + 1)
    axes.plot(epochs, values, color=color, linewidth=0.8, alpha=0.35)
    # A single epoch is a point, which no line shows.
    marker = "o" if len(values) == 1 else None
    axes.plot(epochs, smoothed(values), color=color, linewidth=2, marker=marker, label=label)


def _title(value: str) -> str:
    name = value.removeprefix("val_").replace("_", " ")
    return f"validation {name}" if value.startswith("val_") else f"training {name}"
