"""Pictures that several templates and tasks share, drawn without matplotlib's global state."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

MOST_LABELLED_CLASSES = 30
BLUE, ORANGE, GREY = "#1f5fa8", "#d9731a", "#9aa0a6"


def confusion_matrix(labels: np.ndarray, predicted: np.ndarray, classes: Sequence[str]) -> Figure:
    """Draw how often each class (row) was taken for each (column).

    Args:
        labels: True class indices, shape `(n,)`.
        predicted: Predicted class indices, shape `(n,)`.
        classes: Class names.
    """
    from sklearn.metrics import confusion_matrix as count

    counts = count(labels, predicted, labels=range(len(classes)))
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    side = float(np.clip(1.6 + 0.45 * len(classes), 3.6, 11))
    figure = Figure(figsize=(side, side), layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set(xlabel="predicted", ylabel="true", title="Confusion matrix")
    if len(classes) <= MOST_LABELLED_CLASSES:
        names = [shortened(name) for name in classes]
        rotation = 0 if max(map(len, names)) <= 4 else 90
        axes.set_xticks(range(len(classes)), names, rotation=rotation, parse_math=False)
        axes.set_yticks(range(len(classes)), names, parse_math=False)
        for (row, column), value in np.ndenumerate(counts):
            if value:
                color = "white" if shares[row, column] > 0.5 else "black"
                axes.text(column, row, value, ha="center", va="center", color=color, fontsize=8)
    return figure


def image_grid(
    images: np.ndarray, titles: Sequence[str] | None = None, heading: str = "", columns: int = 8
) -> Figure:
    """Draw images in a grid.

    Args:
        images: Shape `(n, height, width, channels)`, values 0..255, or floats 0..1.
        titles: One per image.
        heading: Above all of them.
        columns: Images in a row.
    """
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    height = 1.15 + (0.4 if titles else 0)
    figure = Figure(figsize=(1.3 * columns + 0.2, height * rows + 0.5), layout="constrained")
    if heading:
        figure.suptitle(heading)
    for index, image in enumerate(images):
        axes = figure.add_subplot(rows, columns, index + 1)
        grey = image.shape[-1] == 1
        highest = 255 if image.dtype == np.uint8 else 1
        axes.imshow(image[..., 0] if grey else image, cmap="gray", vmin=0, vmax=highest)
        axes.set_axis_off()
        if titles:
            axes.set_title(
                "\n".join(shortened(line, 22) for line in titles[index].split("\n")),
                fontsize=7,
                parse_math=False,
            )
    return figure


def learning_curves(history: Sequence[dict], metrics: Sequence[str]) -> Figure:
    """Draw training and validation values over the epochs of all stages.

    Args:
        history: One row per epoch, with `stage` and values by name.
        metrics: Names of the values to draw, e.g. `("loss", "accuracy")`.
    """
    figure = Figure(figsize=(5 * len(metrics), 3.4), layout="constrained")
    epochs = np.arange(1, len(history) + 1)
    stages = [row["stage"] for row in history]
    for index, metric in enumerate(metrics):
        axes = figure.add_subplot(1, len(metrics), index + 1)
        lines = {"training": (metric, GREY), "validation": (f"val_{metric}", BLUE)}
        for label, (name, color) in lines.items():
            values = [row.get(name, np.nan) for row in history]
            axes.plot(epochs, values, color=color, label=label, marker="o", markersize=3)
        for epoch in np.flatnonzero([a != b for a, b in pairwise(stages)]):
            axes.axvline(epoch + 1.5, color=ORANGE, linewidth=1, linestyle="--")
            axes.text(
                epoch + 1.6, 0.02, stages[epoch + 1], color=ORANGE, fontsize=8,
                transform=axes.get_xaxis_transform(),
            )  # fmt: skip
        axes.set(xlabel="epoch", title=metric)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
        axes.legend(frameon=False)
    return figure


def shortened(text: str, length: int = 18) -> str:
    """Return the text, its middle left out if it is longer than `length`."""
    if len(text) <= length:
        return text
    half = (length - 1) // 2
    return f"{text[:half]}…{text[-half:]}"
