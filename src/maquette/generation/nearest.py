"""Nearest images: whether a generator draws something new or what it was trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from maquette.progress import track

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from maquette.pipeline import Examples

CHUNK, MOST_IMAGES = 1000, 20_000


def squared_distances(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the mean squared difference of each image to each other one.

    Args:
        first: Images, shape `(n, ...)`, integers 0..255 or floats 0..1.
        second: Images, shape `(m, ...)`.

    Returns:
        Differences in units of the range of a pixel, squared, shape `(n, m)`.
    """
    a, b = _rows(first), _rows(second)
    squares = np.sum(a**2, 1)[:, None] + np.sum(b**2, 1)[None] - 2 * a @ b.T
    return np.maximum(squares, 0) / a.shape[1]


def _rows(images: np.ndarray) -> np.ndarray:
    scale = 255 if np.issubdtype(images.dtype, np.integer) else 1
    return images.reshape(len(images), -1).astype(np.float32) / scale


def nearest(samples: np.ndarray, examples: Examples) -> tuple[np.ndarray, np.ndarray]:
    """Return the nearest of the examples to each sample, and their distances.

    Args:
        samples: Images, shape `(n, height, width, channels)`.
        examples: Images of that size; of very many, `MOST_IMAGES` evenly spread ones are searched.

    Returns:
        Indices, shape `(n,)`, and root mean square differences in units of the range of a pixel.
    """
    searched = np.unique(np.linspace(0, len(examples) - 1, MOST_IMAGES).astype(int))
    best, found = np.full(len(samples), np.inf), np.zeros(len(samples), int)
    starts = range(0, len(searched), CHUNK)
    for start in track(starts, "nearest images", len(starts)):
        indices = searched[start : start + CHUNK]
        distances = squared_distances(samples, examples.x[indices])
        closest = distances.argmin(1)
        values = distances[np.arange(len(samples)), closest]
        found = np.where(values < best, indices[closest], found)
        best = np.minimum(values, best)
    return found, np.sqrt(best)


def nearest_images(samples: np.ndarray, examples: Examples) -> Figure:
    """Draw each sample above the training image nearest to it, and how far apart they are."""
    from maquette.reporting import plots

    indices, distances = nearest(samples, examples)
    images = np.rint(np.concatenate([samples * 255, examples.x[indices]])).astype(np.uint8)
    titles = ["generated"] * len(samples) + [f"nearest\n{value:.0%} apart" for value in distances]
    heading = "Generated images above the training images nearest to them"
    return plots.image_grid(images, titles, heading, columns=len(samples))
