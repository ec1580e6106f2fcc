"""Quarter turns of images as classes of their own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from maquette.pipeline import Examples, Readable

QUARTERS = 4


class Rotated:
    """Square images four times over: upright, and turned left by 90, 180 and 270 degrees.

    Image i is image `i % n` of the n given, turned `i // n` times.

    Args:
        images: Shape `(n, side, side, channels)`.
    """

    def __init__(self, images: Readable):
        self.images, self.dtype = images, images.dtype
        self.shape = (QUARTERS * images.shape[0], *images.shape[1:])

    def __getitem__(self, indices: np.ndarray) -> np.ndarray:
        turns, positions = np.divmod(np.asarray(indices), self.images.shape[0])
        images = np.array(self.images[positions])
        for turn in range(1, QUARTERS):
            chosen = turns == turn
            images[chosen] = np.rot90(images[chosen], turn, axes=(1, 2))
        return images


def with_rotations_as_classes(examples: Examples, classes: int) -> Examples:
    """Return examples with three more classes for each: those of its images turned by 90 degrees.

    A turned letter is another letter, and a network that must tell four times the classes learns
    more of what tells letters apart (Santoro et al. 2016; Vinyals et al. 2016).

    Args:
        examples: Square images and class indices.
        classes: Number of classes; a turn adds it to the index.
    """
    labels = np.concatenate([examples.y + turn * classes for turn in range(QUARTERS)])
    return replace(examples, x=Rotated(examples.x), y=labels)
