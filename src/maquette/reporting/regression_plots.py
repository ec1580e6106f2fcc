"""Pictures of tables: predicted and true numbers, and what the columns are worth."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from maquette.reporting.plot_text import drawable, shortened
from maquette.reporting.plots import BLUE, GREY, ORANGE

MOST_COLUMNS, MOST_LETTERS = 25, 40


def predicted_and_true(labels: np.ndarray, values: np.ndarray, name: str) -> Figure:
    """Draw what was predicted over what is true; the line is where both are the same.

    Args:
        labels: True numbers, shape `(n,)`.
        values: Predicted numbers, shape `(n,)`.
        name: Of what is predicted.
    """
    figure = Figure(figsize=(5.5, 5.2), layout="constrained")
    axes = figure.add_subplot()
    ends = [min(labels.min(), values.min()), max(labels.max(), values.max())]
    axes.plot(ends, ends, color=GREY, linewidth=1)
    axes.scatter(labels, values, s=12, alpha=0.6, color=BLUE, edgecolors="none")
    _label(axes, f"true {name}", f"predicted {name}")
    axes.set_title("Predicted and true")
    return figure


def residuals(labels: np.ndarray, values: np.ndarray, name: str) -> Figure:
    """Draw the errors over what was predicted, and how often each occurs.

    Args:
        labels: True numbers, shape `(n,)`.
        values: Predicted numbers, shape `(n,)`.
        name: Of what is predicted.
    """
    errors = values - labels
    figure = Figure(figsize=(8, 4), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(3, 1), sharey=True)
    left.axhline(0, color=GREY, linewidth=1)
    left.scatter(values, errors, s=12, alpha=0.6, color=BLUE, edgecolors="none")
    _label(left, f"predicted {name}", "predicted - true")
    left.set_title("Residuals")
    right.hist(errors, bins=min(40, 5 + len(errors) // 10), orientation="horizontal", color=ORANGE)
    right.set_xlabel("rows")
    return figure


def importance(rows: list[dict[str, Any]], name: str) -> Figure:
    """Draw how much of a score is lost when each column is shuffled.

    Args:
        rows: As `tabular.importance` returns them.
        name: Of the score.
    """
    shown = rows[:MOST_COLUMNS][::-1]
    values = [list(row.values())[-1] for row in shown]
    names, families = drawable([shortened(row["column"], MOST_LETTERS) for row in shown])
    figure = Figure(figsize=(7, 1 + 0.28 * len(shown)), layout="constrained")
    axes = figure.add_subplot()
    axes.barh(range(len(shown)), values, color=BLUE)
    axes.axvline(0, color=GREY, linewidth=1)
    axes.set_yticks(range(len(shown)), names, parse_math=False, fontfamily=families)
    axes.set_xlabel(f"{name} lost when the column is shuffled")
    axes.set_title("What the columns are worth")
    return figure


def _label(axes: Any, x: str, y: str) -> None:
    (x, y), families = drawable([shortened(x, MOST_LETTERS), shortened(y, MOST_LETTERS)])
    axes.set_xlabel(x, parse_math=False, fontfamily=families)
    axes.set_ylabel(y, parse_math=False, fontfamily=families)
