"""Pictures of embeddings: which images lie near each other, and how well distances tell classes."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from matplotlib.patches import Rectangle

from maquette.images.matching import EmbeddedImages
from maquette.reporting.plot_text import drawable, shortened
from maquette.reporting.plots import BLUE, GREY, ORANGE, _head, _pixels

GREEN, RED = "#2e8b57", "#c0392b"
THUMBNAIL = 22  # points
GAP = 0.2  # of an image's width
MAPPED_CLASSES, MAPPED_IMAGES = 12, 180
SHOWN_ROWS, SHOWN_NEIGHBOURS, SHOWN_PAIRS = 8, 6, 10


def figures(images: EmbeddedImages, classes: Sequence[str]) -> dict[str, Figure]:
    """Return all pictures of a split.

    Args:
        images: Images of a split, embedded.
        classes: Names of the classes.
    """
    labels, mapped = images.labels, _mapped(images.labels)
    rows = _spread(len(labels), SHOWN_ROWS)
    found = images.neighbours[rows, :SHOWN_NEIGHBOURS]
    right = labels[found] == labels[rows][:, None]
    return {
        "roc_curve": roc_curve(images.distance, images.same, images.threshold),
        "embedding_map": embedding_map(
            images.embeddings[mapped], images.images[mapped], labels[mapped], classes
        ),
        "nearest_neighbours": neighbours(images.images[rows], images.images[found], right),
        "pairs": _extreme_pairs(images),
    }


def _mapped(labels: np.ndarray) -> np.ndarray:
    """Return positions of some images of some classes, as many as a map has room for."""
    classes = np.unique(labels)
    chosen = classes[_spread(len(classes), MAPPED_CLASSES)]
    positions = np.flatnonzero(np.isin(labels, chosen))
    return positions[_spread(len(positions), MAPPED_IMAGES)]


def _spread(length: int, most: int) -> np.ndarray:
    return np.linspace(0, length - 1, min(length, most)).astype(int)


def _extreme_pairs(images: EmbeddedImages) -> Figure:
    order = np.argsort(images.distance, kind="stable")
    same, different = order[images.same[order]], order[~images.same[order]]
    chosen = {
        "same class, nearest": same,
        "same class, farthest": same[::-1],
        "different classes, farthest": different[::-1],
        "different classes, nearest": different,
    }
    rows = [_without_repeats(images.pairs[row])[:SHOWN_PAIRS] for row in chosen.values()]
    pairs = np.stack([row[: min(map(len, rows))] for row in rows])  # (rows, columns, 2)
    return pair_rows(images.images[pairs[..., 0]], images.images[pairs[..., 1]], list(chosen))


def _without_repeats(pairs: np.ndarray) -> np.ndarray:
    """Return the pairs whose images are in none of those before."""
    seen: set[int] = set()
    kept = []
    for pair in pairs.tolist():
        if seen.isdisjoint(pair):
            kept.append(pair)
            seen.update(pair)
    return np.array(kept)


def roc_curve(distance: np.ndarray, same: np.ndarray, threshold: float) -> Figure:
    """Draw the share of pairs of one class that are found against that of false alarms.

    Args:
        distance: Distance of each pair, shape `(n,)`.
        same: Whether the pair is of one class, shape `(n,)`.
        threshold: Distance below which a pair counts as of one class; marked on the curve.
    """
    from sklearn import metrics

    false, true, _ = metrics.roc_curve(same, -distance)
    below = distance < threshold
    figure = Figure(figsize=(4.4, 4.4), layout="constrained")
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--", label="chance")
    axes.plot(false, true, color=BLUE, label=f"area {metrics.auc(false, true):.3f}")
    axes.plot(
        below[~same].mean(), below[same].mean(), color=ORANGE, marker="o", linestyle="none",
        label=f"threshold {threshold:.2f}",
    )  # fmt: skip
    axes.set(xlabel="different pairs taken for the same", ylabel="same pairs found")
    axes.legend(loc="lower right", frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    _head(figure, "Same class or not, by distance")
    return figure


def embedding_map(
    embeddings: np.ndarray, images: np.ndarray, labels: np.ndarray, names: Sequence[str]
) -> Figure:
    """Draw images on a plane so that those with near embeddings lie near, framed by class.

    Args:
        embeddings: Shape `(n, dimensions)`, n of 5 or more.
        images: Shape `(n, height, width, channels)`, integers 0..255.
        labels: Position of each image's class in `names`, shape `(n,)`.
        names: Names of the classes.
    """
    places = _on_a_plane(embeddings)
    figure = Figure(figsize=(8, 7), layout="constrained")
    axes = figure.add_subplot()
    axes.scatter(*places.T, s=0)
    axes.margins(0.05)
    axes.set_axis_off()
    shown = np.unique(labels)
    colors = dict(zip(shown, _colors(len(shown)), strict=True))
    zoom = THUMBNAIL / max(images.shape[1:3])
    for place, image, label in zip(places, images, labels, strict=True):
        thumbnail = OffsetImage(_pixels(image), zoom=zoom, cmap="gray", norm=Normalize(0, 255))
        frame = {"edgecolor": colors[label], "linewidth": 2, "boxstyle": "square,pad=0.05"}
        # Left to the layout, so many of them would take all room from the axes.
        box = axes.add_artist(AnnotationBbox(thumbnail, place, pad=0, bboxprops=frame))
        box.set_in_layout(False)
    texts, families = drawable([names[label] for label in shown])
    handles = [axes.plot([], [], color=colors[label], linewidth=4)[0] for label in shown]
    figure.legend(
        handles, [shortened(text) for text in texts], loc="outside right upper", frameon=False,
        prop={"family": families, "size": 8},
    )  # fmt: skip
    _head(figure, f"Embeddings of {len(embeddings)} images on a plane (t-SNE)")
    return figure


def _on_a_plane(embeddings: np.ndarray) -> np.ndarray:
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    perplexity = min(15, (len(embeddings) - 1) / 3)
    # With more threads, a few hundred points take many times as long where cores are busy.
    with threadpool_limits(1):
        return TSNE(perplexity=perplexity, init="pca", random_state=0).fit_transform(embeddings)


def neighbours(queries: np.ndarray, found: np.ndarray, right: np.ndarray) -> Figure:
    """Draw images, one a row, each with its nearest others: green of its class, red of another.

    Args:
        queries: Shape `(n, height, width, channels)`.
        found: The nearest first, shape `(n, k, height, width, channels)`.
        right: Whether they are of the query's class, shape `(n, k)`.
    """
    (rows, columns), height = right.shape, queries.shape[1] / queries.shape[2]
    figure, axes = _canvas(1 + GAP + columns, rows * height)
    _head(figure, "Images and their nearest others: of the same class (green) or not (red)")
    for row in range(rows):
        _place(axes, queries[row], 0, row * height, GREY)
        for column in range(columns):
            color = GREEN if right[row, column] else RED
            _place(axes, found[row, column], 1 + GAP + column, row * height, color)
    return figure


def pair_rows(first: np.ndarray, second: np.ndarray, titles: Sequence[str]) -> Figure:
    """Draw rows of pairs of images, the two one above the other.

    Args:
        first: Shape `(rows, columns, height, width, channels)`.
        second: The same.
        titles: One per row.
    """
    (rows, columns), height = first.shape[:2], first.shape[2] / first.shape[3]
    step = 2 * height + 2 * GAP
    figure, axes = _canvas(columns, rows * step)
    for row, title in enumerate(titles):
        axes.text(0, row * step + 1.5 * GAP, title, fontsize=10)
        for column in range(columns):
            top = row * step + 2 * GAP
            _place(axes, first[row, column], column, top, GREY)
            _place(axes, second[row, column], column, top + height, GREY)
    return figure


def _canvas(width: float, height: float) -> tuple[Figure, Axes]:
    """Return a figure with room for images that are 1 wide, and y pointing down."""
    figure = Figure(figsize=(0.95 * width, 0.95 * height + 0.35), layout="constrained")
    axes = figure.add_subplot(xlim=(0, width), ylim=(height, 0))
    axes.set_axis_off()
    # Drawing an image would fit the axes to it.
    axes.set_autoscale_on(False)
    return figure, axes


def _place(axes: Axes, image: np.ndarray, left: float, top: float, color: str) -> None:
    """Draw an image in a frame; one axes for all is many times faster than one for each."""
    inset, height = 0.04, image.shape[0] / image.shape[1]
    box = (left + inset, left + 1 - inset, top + height - inset, top + inset)
    axes.imshow(_pixels(image), cmap="gray", vmin=0, vmax=255, extent=box)
    frame = {"edgecolor": color, "linewidth": 0.5 if color == GREY else 3, "fill": False}
    axes.add_patch(Rectangle((box[0], box[3]), box[1] - box[0], box[2] - box[3], **frame))


def _colors(count: int) -> np.ndarray:
    return matplotlib.colormaps["turbo"](np.linspace(0.05, 0.95, count))
