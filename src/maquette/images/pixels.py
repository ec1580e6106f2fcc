"""Arrays of numbers as images: which axis is which, and which numbers are black and white."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image

from maquette.errors import UserError

ROWS = 256  # looked at together
FASTEST = 1  # of zlib's levels


@dataclass(frozen=True)
class Brightness:
    """How the numbers of some arrays become pixels of 0 to 255.

    Attributes:
        factor: what the numbers are multiplied by.
    """

    factor: float

    def to_bytes(self, values: np.ndarray) -> np.ndarray:
        """Return numbers as uint8, rounded."""
        if values.dtype == np.uint8 and self.factor == 1:
            return values
        return np.rint(np.asarray(values, np.float32) * self.factor).clip(0, 255).astype(np.uint8)

    @property
    def notes(self) -> list[str]:
        """Lines for the user."""
        return [] if self.factor == 1 else [f"pixels were multiplied by {self.factor:g}"]


def brightness_of(arrays: Iterable[np.ndarray], source: str) -> Brightness:
    """Return how numbers become pixels, by the range of all of them: 0 to 1, 255 or 65535.

    Args:
        arrays: all parts of the data; they may be files mapped into memory.
        source: what they are, for messages.

    Raises:
        UserError: some number is none, below 0 or above 65535.
    """
    lowest, highest = np.inf, -np.inf
    is_whole = False
    for array in arrays:
        is_whole |= array.dtype.kind in "iu"
        for start in range(0, len(array), ROWS):
            block = array[start : start + ROWS]
            lowest, highest = np.minimum(lowest, block.min()), np.maximum(highest, block.max())
    return brightness(float(lowest), float(highest), is_whole, source)


def brightness(lowest: float, highest: float, is_whole: bool, source: str) -> Brightness:
    """Return how numbers of a range become pixels.

    Args:
        lowest: least number.
        highest: largest number.
        is_whole: whether they are whole numbers, which may go to 65535.
        source: what they are, for messages.

    Raises:
        UserError: the range is that of no images.
    """
    if lowest >= 0 and 0 < highest <= 1:
        return Brightness(255)
    if lowest >= 0 and highest <= 255:
        return Brightness(1)
    if lowest >= 0 and highest <= 65535 and is_whole:
        return Brightness(255 / 65535)
    raise UserError(
        f"pixels of {source} range from {lowest:g} to {highest:g}; expected 0 to 255, or 0 to 1"
    )


def image_shape(shape: tuple[int, ...], source: str) -> tuple[int, int, int]:
    """Return (height, width, channels) of each image in an array.

    Args:
        shape: of the array: (n, height, width), or with 1 or 3 channels at its end.
        source: what the array is, for messages.

    Raises:
        UserError: it is the shape of no images.
    """
    whole = shape if len(shape) == 4 else (*shape, 1)
    if len(whole) == 4 and whole[3] in (1, 3) and all(whole[1:3]):
        return whole[1:]
    hint = "; the channels come first there" if len(shape) == 4 and shape[1] in (1, 3) else ""
    raise UserError(
        f"{source} has shape {shape}; expected (n, height, width), or with 1 or 3 channels at the "
        f"end{hint}"
    )


def encode_png(image: np.ndarray) -> bytes:
    """Return an image as the bytes of a PNG file, which keeps every pixel.

    Args:
        image: uint8, (height, width, channels 1 or 3).
    """
    data = BytesIO()
    pixels = image[:, :, 0] if image.shape[2] == 1 else image
    Image.fromarray(np.ascontiguousarray(pixels)).save(data, "png", compress_level=FASTEST)
    return data.getvalue()
