"""Random affine changes of images, drawn together and applied in one interpolation."""

from __future__ import annotations

import math

import keras
from keras import ops


@keras.saving.register_keras_serializable("maquette")
class RandomAffine(keras.layers.Layer):
    """Turn, shear, zoom and shift each image at random; active in training only.

    One interpolation for all four: a layer for each would blur small images four times. What
    comes in from outside the image repeats its edge.

    Example:
        >>> x = RandomAffine(rotation=0.03, shift=0.1)(x)

    Args:
        rotation: Largest rotation, as a share of a full turn. Defaults to 0.
        shear: Largest shear, as a share of the height. Defaults to 0.
        zoom: Largest change of each side's length, as a share. Defaults to 0.
        shift: Largest shift, as a share of the sides. Defaults to 0.
        seed: Decides the changes. Defaults to the global seed.

    Input shape: `(batch, height, width, channels)`.
    Output shape: the same.
    """

    def __init__(
        self,
        rotation: float = 0.0,
        shear: float = 0.0,
        zoom: float = 0.0,
        shift: float = 0.0,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.rotation, self.shear, self.zoom, self.shift = rotation, shear, zoom, shift
        self.seed, self.seed_generator = seed, keras.random.SeedGenerator(seed)

    def call(self, images, training=False):
        if not training:
            return images
        return ops.image.affine_transform(
            images, self._transforms(images), interpolation="bilinear", fill_mode="nearest"
        )

    def _transforms(self, images):
        """Return the eight numbers of each image's transform: where its pixels come from."""
        batch, height, width = ops.shape(images)[0], *images.shape[1:3]

        def draw(largest):
            return keras.random.uniform((batch,), -largest, largest, seed=self.seed_generator)

        angle, shear = draw(2 * math.pi * self.rotation), draw(self.shear)
        across, down = 1 + draw(self.zoom), 1 + draw(self.zoom)
        cos, sin = ops.cos(angle), ops.sin(angle)
        a, b = across * cos, across * (shear * cos - sin)
        c, d = down * sin, down * (shear * sin + cos)
        # About the centre of the image, not its corner.
        x, y = (width - 1) / 2, (height - 1) / 2
        to_x = x - a * x - b * y + draw(self.shift * width)
        to_y = y - c * x - d * y + draw(self.shift * height)
        none = ops.zeros_like(a)
        return ops.stack([a, b, to_x, c, d, to_y, none, none], axis=1)  # (batch, 8)

    def get_config(self):
        names = ("rotation", "shear", "zoom", "shift", "seed")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
