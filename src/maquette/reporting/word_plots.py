"""Pictures of texts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from maquette.reporting.plot_text import drawable, shortened, width
from maquette.reporting.plots import BLUE, ORANGE

COLUMNS, LONGEST_WORD = 90, 24  # letters
FONT_SIZE = 8  # points
LETTER_WIDTH, LINE_HEIGHT = 0.602 * FONT_SIZE / 72, 1.75 * FONT_SIZE / 72  # inches


def coloured_texts(
    titles: Sequence[str],
    texts: Sequence[Sequence[str]],
    weights: Sequence[np.ndarray],
    heading: str,
) -> Figure:
    """Draw texts with each word on a ground of its weight's colour.

    Args:
        titles: One line for each text.
        texts: The words of each text.
        weights: One number per word of each text: blue above zero, orange below. The largest of a
            text has the full colour.
        heading: Above all of them.
    """
    words = [_in_lines(text) for text in texts]
    lines = [1 + (placed[-1][0] + 1 if placed else 0) for placed in words]
    height = sum(lines) + 0.7 * len(titles) + 1.5
    figure = Figure(figsize=(COLUMNS * LETTER_WIDTH + 0.2, height * LINE_HEIGHT))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(-1, COLUMNS + 1), ylim=(height, 0))
    axes.set_axis_off()
    axes.text(0, 0.8, heading, va="center", fontsize=FONT_SIZE + 2)
    top = 2.0
    for title, placed, weight, count in zip(titles, words, weights, lines, strict=True):
        _write(axes, title, 0, top, weight="bold")
        for (line, column, word), value in zip(placed, _strengths(weight), strict=True):
            _ground(axes, column, top + 1 + line, width(word), value)
            _write(axes, word, column, top + 1 + line)
        top += count + 0.7
    return figure


def _in_lines(words: Sequence[str]) -> list[tuple[int, int, str]]:
    """Return line, column and drawn form of each word."""
    placed, line, column = [], 0, 0
    for word in (shortened(word, LONGEST_WORD) for word in words):
        if column and column + width(word) > COLUMNS:
            line, column = line + 1, 0
        placed.append((line, column, word))
        column += width(word) + 1
    return placed


def _strengths(weights: np.ndarray) -> np.ndarray:
    return np.asarray(weights) / max(np.abs(weights).max(initial=0), 1e-9)


def _write(axes, text: str, x: float, y: float, **style) -> None:
    (text,), families = drawable([text])
    # A word is drawn letter upon letter of one width, so that the grounds fit.
    style |= {"fontfamily": ["DejaVu Sans Mono", *families], "fontsize": FONT_SIZE}
    axes.text(x, y, text, va="center", parse_math=False, **style)


def _ground(axes, column: int, line: float, letters: int, strength: float) -> None:
    colour = to_rgb(BLUE if strength > 0 else ORANGE)
    place = ((column - 0.3, line - 0.5), letters + 0.6, 1)
    axes.add_patch(Rectangle(*place, facecolor=(*colour, 0.75 * abs(strength)), linewidth=0))
