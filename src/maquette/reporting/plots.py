"""Pictures that several templates and tasks share, drawn without matplotlib's global state."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from maquette.reporting.curves import smoothed
from maquette.reporting.plot_text import MISSING, drawable, shortened, width

MOST_LABELLED_CLASSES, MOST_LABELLED_LAYERS = 30, 60
BLUE, ORANGE, GREY = "#1f5fa8", "#d9731a", "#9aa0a6"
FEW_EPOCHS = 20  # of which an average would show little but its lag


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
    height = rows * (side * min(1, images.shape[1] / images.shape[2]) + above)
    size = (side * columns, height + (0.32 if heading else 0))
    figure = Figure(figsize=size, layout="constrained")
    _head(figure, heading)
    texts, families = drawable(titles or [""] * len(images))
    for index, (image, text) in enumerate(zip(images, texts, strict=True)):
        axes = figure.add_subplot(rows, columns, index + 1)
        axes.imshow(_pixels(image), cmap="gray", vmin=0, vmax=255)
        axes.set_axis_off()
        title = "\n".join(shortened(line, 22) for line in text.split("\n"))
        style = {"fontsize": 9, "linespacing": 1.1, "fontfamily": families}
        axes.set_title(title, parse_math=False, **style)
    return figure


def _head(figure: Figure, heading: str) -> None:
    """Write a heading on the left, where it is seen first also on a narrow screen."""
    if heading:
        (text,), families = drawable([heading])
        figure.suptitle(text, x=0.01, ha="left", parse_math=False, fontfamily=families)


def _pixels(image: np.ndarray) -> np.ndarray:
    """Return an image as bytes, grey ones without their channel."""
    scale = 1 if np.issubdtype(image.dtype, np.integer) else 255
    pixels = np.clip(np.nan_to_num(image) * scale, 0, 255).astype(np.uint8)
    return pixels[..., 0] if pixels.shape[-1] == 1 else pixels


def learning_curves(history: Sequence[dict], metrics: Sequence[str]) -> Figure:
    """Draw training and validation values over the epochs of all stages.

    Of more than 20 epochs the values are thin, and their weighted average in each stage thick.

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
    stages = [row["stage"].replace("_", " ") for row in history]
    starts = 1 + np.flatnonzero([a != b for a, b in pairwise(stages)])
    lines = {"training": (metric, GREY), "validation": (f"val_{metric}", BLUE)}
    for label, (name, color) in lines.items():
        values = [row.get(name, np.nan) for row in history]
        if np.isnan(values).all():
            continue
        if len(history) <= FEW_EPOCHS:
            axes.plot(epochs, values, color=color, label=label, marker="o", markersize=3)
            continue
        axes.plot(epochs, values, color=color, alpha=0.6, linewidth=1)
        parts = np.split(np.array(values, np.float64), starts)
        average = np.concatenate([smoothed(part) for part in parts])
        axes.plot(epochs, average, color=color, label=label, linewidth=2)
    for epoch in starts - 1:
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


def learning_rates(
    rates: np.ndarray, losses: np.ndarray, average: np.ndarray, marks: dict[str, float]
) -> Figure:
    """Draw the loss of each step over its learning rate, and mark some rates.

    Args:
        rates: Shape `(steps,)`.
        losses: Shape `(steps,)`; those that are no numbers are left out.
        average: The losses, smoothed.
        marks: Rates by name; the last one is drawn as the choice.
    """
    figure = Figure(figsize=(6.4, 4), layout="constrained")
    axes = figure.add_subplot(xscale="log", xlabel="learning rate", ylabel="loss")
    axes.plot(rates, losses, color=GREY, linewidth=0.8, label="loss of a step")
    axes.plot(rates, average, color=BLUE, linewidth=2, label="smoothed")
    for (name, rate), style in zip(marks.items(), _mark_styles(len(marks)), strict=True):
        axes.axvline(rate, label=f"{name} {rate:.1e}", **style)
    usual = average[np.isfinite(average)]
    low, high = usual.min(), max(usual[: max(len(usual) // 2, 1)].max(), usual[0])
    margin = 0.15 * max(high - low, 1e-9)
    axes.set_ylim(low - 2 * margin, high + 3 * margin)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    return figure


def _mark_styles(count: int) -> list[dict]:
    others = [{"color": GREY, "linestyle": style, "linewidth": 1} for style in (":", "--")]
    return [*others[: count - 1], {"color": ORANGE, "linewidth": 2}]


def layer_heat_maps(
    epochs: Sequence[int],
    panels: dict[str, dict[str, Sequence[float]]],
    shares: Sequence[str] = (),
) -> Figure:
    """Draw values of layers over the epochs, a panel for each kind of value.

    Args:
        epochs: Shape `(n,)`.
        panels: By heading, the values of each layer, shape `(n,)`; infinite ones stay empty.
        shares: Headings of the panels whose colours go from 0 to 1.
    """
    rows = max(len(layers) for layers in panels.values())
    size = (1.2 + 4.2 * len(panels), float(np.clip(1.2 + 0.22 * rows, 2.4, 14)))
    figure = Figure(figsize=size, layout="constrained")
    for index, (heading, layers) in enumerate(panels.items()):
        axes = figure.add_subplot(1, len(panels), index + 1, xlabel="epoch")
        values = np.array(list(layers.values()), np.float64)
        values[~np.isfinite(values)] = np.nan
        edges = (epochs[0] - 0.5, epochs[-1] + 0.5, len(layers) - 0.5, -0.5)
        limits = {"vmin": 0, "vmax": 1} if heading in shares else {}
        image = axes.imshow(values, aspect="auto", extent=edges, interpolation="nearest", **limits)
        figure.colorbar(image, ax=axes)
        axes.set_title(heading, fontsize=10, loc="left")
        step = -(-len(layers) // MOST_LABELLED_LAYERS)
        names = [shortened(name, 28) for name in layers][::step]
        axes.set_yticks(range(0, len(layers), step), names, fontsize=7)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    return figure
