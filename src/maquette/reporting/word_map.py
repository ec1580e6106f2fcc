"""A map of words: what is near has similar vectors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from maquette.reporting.plot_text import drawable, shortened, width
from maquette.reporting.plots import BLUE, GREY

SIDE, FONT_SIZE, MARGIN = 9.0, 8, 0.04  # inches, points, share of the side
FEWEST = 4


def word_map(words: Sequence[str], vectors: np.ndarray) -> Figure:
    """Draw words where t-SNE (van der Maaten and Hinton 2008) puts them by their cosines.

    A word that would cover one before it is a dot.

    Args:
        words: The most important first.
        vectors: Shape `(len(words), dimension)`.
    """
    figure = Figure(figsize=(SIDE, SIDE))
    axes = figure.add_axes((0, 0, 1, 0.96))
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.set_axis_off()
    figure.text(0.01, 0.975, f"Map of {len(words)} frequent words")
    names, families = drawable([shortened(word) for word in words])
    taken: list[tuple[float, float, float, float]] = []
    for name, (x, y) in zip(names, _positions(vectors), strict=True):
        box = _box(name, x, y)
        if any(_overlap(box, other) for other in taken):
            axes.plot(x, y, ".", color=GREY, markersize=3)
            continue
        taken.append(box)
        style = {"parse_math": False, "fontfamily": families, "fontsize": FONT_SIZE}
        axes.text(x, y, name, ha="center", va="center", color=BLUE, **style)
    return figure


def _positions(vectors: np.ndarray) -> np.ndarray:
    """Return places in the unit square, the same every time."""
    from sklearn.manifold import TSNE

    if len(vectors) < FEWEST:
        return np.linspace(0.3, 0.7, len(vectors))[:, None].repeat(2, axis=1)
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    perplexity = min(15, (len(vectors) - 1) / 3)
    places = TSNE(perplexity=perplexity, init="pca", random_state=0).fit_transform(unit)
    low, high = places.min(axis=0), places.max(axis=0)
    shares = (places - low) / np.maximum(high - low, 1e-9)
    # Half way to even spacing, so that dense parts can be read and empty ones shrink.
    ranks = places.argsort(axis=0).argsort(axis=0) / (len(places) - 1)
    return MARGIN + (1 - 2 * MARGIN) * (shares + ranks) / 2


def _box(name: str, x: float, y: float) -> tuple[float, float, float, float]:
    """Return left, bottom, right and top of a name, in shares of the side."""
    half_width = width(name) * 0.31 * FONT_SIZE / 72 / SIDE
    half_height = 0.65 * FONT_SIZE / 72 / SIDE
    return x - half_width, y - half_height, x + half_width, y + half_height


def _overlap(first: tuple[float, ...], second: tuple[float, ...]) -> bool:
    return (
        first[0] < second[2]
        and second[0] < first[2]
        and first[1] < second[3]
        and second[1] < first[3]
    )
