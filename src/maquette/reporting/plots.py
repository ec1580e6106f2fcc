"""Pictures that several templates and tasks share, drawn without matplotlib's global state."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from maquette.reporting.plot_text import MISSING, drawable, shortened, width

MOST_LABELLED_CLASSES = 30
BLUE, ORANGE, GREY = "#1f5fa8", "#d9731a", "#9aa0a6"


def confusion_matrix(labels: np.ndarray, predicted: np.ndarray, classes: Sequence[str]) -> Figure:
    """Draw how often each class (row) was taken for each (column).

    Args:
        labels: True class indices, shape `(n,)`.
        predicted: Predicted class indices, shape `(n,)`.
        classes: Class names. Of very many, only the indices are written.
    """
    from sklearn.metrics import confusion_matrix as count

    counts = count(labels, predicted, labels=range(len(classes)))
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    labelled = len(classes) <= MOST_LABELLED_CLASSES
    names, families = _axis_names(classes) if labelled else ([], [])
    margin = 0.8 + 0.09 * max(map(width, names), default=3)
    side = float(np.clip(0.45 * len(classes), 1.8, 9)) + margin
    figure = Figure(figsize=(side, side), layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set(xlabel="predicted", ylabel="true")
    _head(figure, "Confusion matrix" + ("" if labelled else ", classes by their index"))
    if labelled:
        rotation = 0 if max(map(width, names)) <= 4 else 90
        style = {"parse_math": False, "fontfamily": families}
        axes.set_xticks(range(len(classes)), names, rotation=rotation, **style)
        axes.set_yticks(range(len(classes)), names, **style)
        for (row, column), value in np.ndenumerate(counts):
            if value:
                color = "white" if shares[row, column] > 0.5 else "black"
                axes.text(column, row, value, ha="center", va="center", color=color, fontsize=8)
    return figure


def _axis_names(classes: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return short names of the classes, and the fonts to draw them with."""
    names, families = drawable(classes)
    # Boxes alone would make many classes look the same.
    told = (
        name if MISSING not in name or MISSING in original else f"class {index}"
        for index, (name, original) in enumerate(zip(names, classes, strict=True))
    )
    return [shortened(name.replace("\n", " ")) for name in told], families


def image_grid(
    images: np.ndarray,
    titles: Sequence[str] | None = None,
    heading: str = "",
    columns: int | None = None,
) -> Figure:
    """Draw images in a grid, each whole in a square; rows of wide images are lower.

    Args:
        images: Shape `(n, height, width, channels)` with 1, 3 or 4 channels; integers 0..255, or
            floats 0..1.
        titles: One per image, of one or two lines.
        heading: Above all of them.
        columns: Images in a row; by default 5 with titles, 8 without.
    """
    side, above = (1.72, 0.28) if titles else (1.08, 0)
    # A row of at least 4 leaves room for the heading.
    columns = min(columns or (5 if titles else 8), max(len(images), 4))
    rows = -(-len(images) // columns)
    height = side * min(1, images.shape[1] / images.shape[2]) + above
    figure = Figure(
        figsize=(side * columns, height * rows + (0.32 if heading else 0)), layout="constrained"
    )
    _head(figure, heading)
    texts, families = drawable(titles or [""] * len(images))
    for index, (image, text) in enumerate(zip(images, texts, strict=True)):
        axes = figure.add_subplot(rows, columns, index + 1)
        axes.imshow(_pixels(image), cmap="gray", vmin=0, vmax=255)
        axes.set_axis_off()
        lines = [shortened(line, 22) for line in text.split("\n")]
        axes.set_title(
            "\n".join(lines), fontsize=9, linespacing=1.1, parse_math=False, fontfamily=families
        )
    return figure


def _head(figure: Figure, heading: str) -> None:
    """Write a heading on the left, where it is seen first also on a narrow screen."""
    if heading:
        figure.suptitle(heading, x=0.01, ha="left")


def _pixels(image: np.ndarray) -> np.ndarray:
    """Return an image as bytes, grey ones without their channel."""
    scale = 1 if np.issubdtype(image.dtype, np.integer) else 255
    pixels = np.clip(np.nan_to_num(image) * scale, 0, 255).astype(np.uint8)
    return pixels[..., 0] if pixels.shape[-1] == 1 else pixels


def learning_curves(history: Sequence[dict], metrics: Sequence[str]) -> Figure:
    """Draw training and validation values over the epochs of all stages.

    Args:
        history: One row per epoch, with `stage` and values by name.
        metrics: Names of the values to draw, e.g. `("loss", "accuracy")`.
    """
    figure = Figure(figsize=(4.6 * len(metrics), 3.5), layout="constrained")
    for index, metric in enumerate(metrics):
        axes = figure.add_subplot(1, len(metrics), index + 1)
        _draw_curves(axes, history, metric)
    if metrics:
        handles, names = axes.get_legend_handles_labels()
        figure.legend(handles, names, loc="outside lower center", ncols=len(names), frameon=False)
    return figure


def _draw_curves(axes, history: Sequence[dict], metric: str) -> None:
    epochs = np.arange(1, len(history) + 1)
    lines = {"training": (metric, GREY), "validation": (f"val_{metric}", BLUE)}
    for label, (name, color) in lines.items():
        values = [row.get(name, np.nan) for row in history]
        if np.isnan(values).all():
            continue
        axes.plot(epochs, values, color=color, label=label, marker="o", markersize=3)
    stages = [row["stage"].replace("_", " ") for row in history]
    for epoch in np.flatnonzero([a != b for a, b in pairwise(stages)]):
        axes.axvline(
            epoch + 1.5,
            color=ORANGE,
            linewidth=1,
            linestyle="--",
            label=f"{stages[epoch + 1]} begins",
        )
    axes.set(xlabel="epoch", title=metric.replace("_", " "), xlim=(0.5, len(history) + 0.5))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
