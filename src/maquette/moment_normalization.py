"""Moment normalization of drawings: every drawing in the middle, and as large as every other."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

UNIT = 2**18  # coordinates are whole numbers of so many to a pixel; 8,192 pixels fit 32 bits
SLIMMEST = 1 / 3  # of the larger spread is the smaller at least: a straight stroke stays straight
FAINTEST = 1 / 250  # mean ink of an image; 8 bits tell it from 0, by which nothing can be divided


@keras.saving.register_keras_serializable("maquette")
class MomentNormalization(keras.layers.Layer):
    """Centre and scale each drawing by the moments of its ink (Casey 1970).

    Ink is how much a pixel differs from the background, the mean of the image's border, so black
    on white and white on black are the same. The result is the ink, its centre of mass in the
    middle. Of each axis a, with the standard deviation s_a of the ink along it, it shows a length

        extent * sqrt(s_a * s),    s = sqrt(s_x * s_y)

    and nothing outside the image. So letters become equally large, and the ratio of height to
    width its square root (Liu et al. 2003, "Handwritten digit recognition: investigation of
    normalization and feature extraction techniques"). An image without ink stays empty.

    Example:
        >>> ink = MomentNormalization(28)(images)

    Args:
        size: Height and width of the result, in pixels.
        extent: How many standard deviations of the ink the result shows. Defaults to 4.8.

    Input shape: `(batch, height, width, channels)`, pixels 0..1.
    Output shape: `(batch, size, size, channels)`, ink 0..1.
    """

    def __init__(self, size: int, extent: float = 4.8, **kwargs):
        super().__init__(**kwargs)
        self.size, self.extent = size, extent

    def call(self, images):
        _, height, width, channels = images.shape
        ink = ops.abs(images - _background(images))
        drawing = ops.mean(ink, axis=3)  # (batch, height, width)
        y, spread_y = _moments(ops.mean(drawing, axis=2))  # (batch, 1)
        x, spread_x = _moments(ops.mean(drawing, axis=1))
        least = SLIMMEST * ops.maximum(spread_y, spread_x)
        spread_y, spread_x = ops.maximum(spread_y, least), ops.maximum(spread_x, least)
        spread = ops.sqrt(spread_y * spread_x)
        rows = self._weights(y, self.extent * ops.sqrt(spread_y * spread), height)
        columns = self._weights(x, self.extent * ops.sqrt(spread_x * spread), width)
        ink = ops.reshape(ink, (-1, height, width * channels))
        ink = ops.reshape(ops.matmul(rows, ink), (-1, self.size, width, channels))
        return ops.matmul(columns[:, None], ink)  # (batch, size, size, channels)

    def _weights(self, centre, length, pixels):
        """Return how much each pixel of an axis adds to each pixel of the result.

        Args:
            centre: Where the middle of the result lies, in pixels from that of the image,
                `(batch, 1)`.
            length: How much of the axis the result shows, in pixels, `(batch, 1)`.
            pixels: Length of the axis.

        Returns:
            Shape `(batch, size, pixels)`.
        """
        # Whole numbers, as 8-bit quantisation would round coordinates to 1/256 of their range.
        half = ops.cast(length * (UNIT / 2 / self.size), "int32")[:, None]  # (batch, 1, 1)
        # In two steps, as half precision has no number as large as UNIT.
        centre = 8 * ops.cast(centre * (UNIT / 8), "int32")[:, None] + (pixels - 1) * UNIT // 2
        halves = np.arange(1 - self.size, self.size, 2, dtype="int32")[:, None]
        places = centre + half * halves  # (batch, size, 1)
        # A pixel of the result is the mean of a pixel of the image, or of its own size if larger.
        width = ops.maximum(2 * half, UNIT)
        distance = ops.abs(places - UNIT * np.arange(pixels, dtype="int32"))
        overlap = ops.clip((width + UNIT) // 2 - distance, 0, UNIT)  # (batch, size, pixels)
        return ops.cast(overlap, "float32") / ops.cast(width, "float32")

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.size, self.size, input_shape[3])

    def get_config(self):
        return {**super().get_config(), "size": self.size, "extent": self.extent}


def _background(images):
    """Return the mean of each image's border, `(batch, 1, 1, channels)`."""
    border = (images[:, :1], images[:, -1:], images[:, :, :1], images[:, :, -1:])
    return sum(ops.mean(side, axis=(1, 2), keepdims=True) for side in border) / 4


def _moments(profile):
    """Return mean and standard deviation of the ink along an axis, in pixels from its middle.

    Where there is no ink, they are 0 and 1.

    Input shape: `(batch, length)`.
    Output shape: two times `(batch, 1)`.
    """
    length = profile.shape[1]
    density = profile / ops.maximum(ops.mean(profile, axis=1, keepdims=True), FAINTEST)
    place = np.arange(length, dtype="float32") - (length - 1) / 2
    mean = ops.mean(density * place, axis=1, keepdims=True)
    variance = ops.mean(density * ops.square(place - mean), axis=1, keepdims=True)
    return mean, ops.maximum(ops.sqrt(variance), 1.0)
