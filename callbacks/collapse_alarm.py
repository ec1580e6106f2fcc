"""Alarm when a generator draws the same again and again, or when its discriminator wins."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np

from maquette.generation.nearest import squared_distances
from maquette.progress import say

BINS = 50


class CollapseAlarm(keras.callbacks.Callback):
    """Log how diverse samples are beside the data after each epoch, and tell when it is too low.

    Half of the images are divided into bins of similar ones by k-means. Over the bins, the shares
    p of these images and q of the samples overlap by sum min(p, q) (Richardson and Weiss 2018
    compare the same shares one by one). `diversity` is this overlap over that of the other half
    of the images: 1 for samples that are like the data, about 0.5 where they keep to three of ten
    classes, 0.25 for ten different images, 0.05 where all look the same.

    Similar means few differences between pixels. So a class that looks like another one can go
    missing unnoticed, and what is pale or noisy scores low however diverse it is.

    A low diversity is told once until it has recovered; so is a discriminator whose loss is so
    near zero that its generator has nothing to learn from.

    Example:
        >>> model.fit(x, epochs=20, callbacks=[CollapseAlarm(lambda: draw(noise), x[:1024])])

    Args:
        generate: Returns samples, floats 0..1; some hundreds, as many as half of the images.
        images: Real images, shape `(n, height, width, channels)`, integers 0..255 or floats 0..1;
            4 or more, better some hundreds.
        least: Diversity below which a warning is given. Defaults to 0.3.
        grace: Epochs at the start without a warning, in which nothing is drawn yet. Defaults to 5.
        loss: Name of the discriminator's loss in the logs.
        least_loss: Loss of the discriminator below which a warning is given. Defaults to 0.02.
    """

    def __init__(
        self,
        generate: Callable[[], np.ndarray],
        images: np.ndarray,
        least: float = 0.3,
        grace: int = 5,
        loss: str = "discriminator_loss",
        least_loss: float = 0.02,
    ):
        super().__init__()
        self.generate = generate
        self.least = least
        self.grace = grace
        self.loss = loss
        self.least_loss = least_loss
        # Data may come in an order of its own, such as the classes one after the other.
        images = images[np.random.default_rng(0).permutation(len(images))]
        half = len(images) // 2
        self._centres = bin_centres(images[:half])
        self._shares = bin_shares(images[:half], self._centres)
        self._of_data = self._overlap(images[half:])
        self._told: set[str] = set()

    def on_epoch_end(self, epoch, logs=None):
        logs = {} if logs is None else logs
        logs["diversity"] = diversity = self.diversity()
        if epoch < self.grace:
            return
        self._tell(
            "diversity",
            diversity < self.least,
            f"warning: the samples look alike: their diversity is {diversity:.2f}, that of the "
            "data 1; a smaller --learning-rate may help",
        )
        loss = float(logs.get(self.loss, np.inf))
        self._tell(
            "loss",
            loss < self.least_loss,
            f"warning: the discriminator wins: with its loss at {loss:.4f} the generator has "
            "nothing to learn from; a smaller --learning-rate may help",
        )

    def diversity(self) -> float:
        """Return the samples' overlap with the data, over that of the data with itself."""
        return self._overlap(self.generate()) / self._of_data

    def _overlap(self, images: np.ndarray) -> float:
        return float(np.minimum(self._shares, bin_shares(images, self._centres)).sum())

    def _tell(self, what: str, is_low: bool, message: str) -> None:
        """Say a message where it has not been said since the value was last high enough."""
        if is_low and what not in self._told:
            say(message)
        self._told = self._told | {what} if is_low else self._told - {what}


def bin_centres(images: np.ndarray) -> np.ndarray:
    """Return the means of groups of similar images, of at least five on average.

    Args:
        images: Shape `(n, height, width, channels)`, integers 0..255 or floats 0..1.

    Returns:
        Floats 0..1, shape `(bins, height, width, channels)`.
    """
    from sklearn.cluster import KMeans

    scale = 255 if np.issubdtype(images.dtype, np.integer) else 1
    rows = images.reshape(len(images), -1).astype(np.float32) / scale
    bins = max(min(BINS, len(rows) // 5), 1)
    means = KMeans(bins, n_init=1, max_iter=30, random_state=0).fit(rows).cluster_centers_
    return means.reshape(bins, *images.shape[1:])


def bin_shares(images: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Return the share of the images that each centre is nearest to, shape `(bins,)`."""
    nearest = squared_distances(images, centres).argmin(1)
    return np.bincount(nearest, minlength=len(centres)) / len(images)
