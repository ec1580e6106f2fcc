"""Images that several splits share a store of: mapped arrays, or files of many records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from maquette.errors import UserError
from maquette.images.data import ImageSplit
from maquette.images.decoding import UnreadableImage, decode, resize
from maquette.images.pixels import Brightness


class ImageStore(Protocol):
    """Numbered images that are read one by one, by any number of threads."""

    def read(self, position: int, shape: tuple[int, int, int]) -> np.ndarray:
        """Return one image, uint8, cropped and resized to `shape` (height, width, channels)."""
        ...


@dataclass(frozen=True, eq=False)
class StoredSplit(ImageSplit):
    """Images that are read from a store when they are asked for.

    Attributes:
        positions: where in the store each image is, int64, shape (n,).
        store: what holds them, those of other splits too.
    """

    positions: np.ndarray
    store: ImageStore

    def read(self, index: int, shape: tuple[int, int, int]) -> np.ndarray:
        """Return one image, uint8, cropped and resized to `shape` (height, width, channels)."""
        return self.store.read(int(self.positions[index]), shape)


@dataclass(frozen=True, eq=False)
class ArrayStore:
    """Images in arrays one after the other, in memory or mapped from a file.

    Attributes:
        arrays: each of shape (n, height, width) or (n, height, width, channels).
        brightness: how their numbers become pixels.
    """

    arrays: tuple[np.ndarray, ...]
    brightness: Brightness

    def pixels(self, position: int) -> np.ndarray:
        """Return one image as it is, uint8, (height, width, channels)."""
        for array in self.arrays:
            if position < len(array):
                image = self.brightness.to_bytes(array[position])
                return image if image.ndim == 3 else image[..., np.newaxis]
            position -= len(array)
        raise IndexError(position)

    def read(self, position: int, shape: tuple[int, int, int]) -> np.ndarray:
        """Return one image, uint8, cropped and resized to `shape` (height, width, channels)."""
        return resize(self.pixels(position), shape)


class EncodedImages(Protocol):
    """What holds the bytes of numbered image files, and tells what to call one in messages."""

    def image(self, position: int) -> bytes:
        """Return the bytes of one image file."""
        ...

    def name(self, position: int) -> str:
        """Return where it is, e.g. "train.tfrecord:7"."""
        ...


@dataclass(frozen=True, eq=False)
class EncodedStore:
    """Images as JPEG, PNG and so on within larger files.

    Attributes:
        files: what holds them.
    """

    files: EncodedImages

    def read(self, position: int, shape: tuple[int, int, int]) -> np.ndarray:
        """Return one image, uint8, cropped and resized to `shape` (height, width, channels).

        Raises:
            UserError: it can no longer be read.
        """
        try:
            return decode(self.files.image(position), shape)
        except UnreadableImage as error:
            name = self.files.name(position)
            raise UserError(f"{name}: {error}; the data changed since it was read") from error
