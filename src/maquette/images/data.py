"""Labelled images divided into train, validation and test, read from files or from memory."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from maquette.errors import UserError
from maquette.images.decoding import UnreadableImage, decode, resize
from maquette.splits import (
    SHARES,
    LabelledData,
    LabelledSplit,
    fingerprint,
    split_by_hash,
    split_note,
)


@dataclass(frozen=True, eq=False)
class ImageSplit(LabelledSplit):
    """Labelled images, each read when asked for. See `FileSplit` and `ArraySplit`.

    A kind of its own has `read`, to be called by several threads at once, and is cached if it has
    `digests`. All else follows from these.

    Attributes:
        digests: SHA-256 of the contents of each image, uint8, shape (n, 32), by which its decoded
            pixels are found again in the cache; None to decode it each time.
    """

    digests: np.ndarray | None = field(default=None, kw_only=True)

    def read(self, index: int, shape: tuple[int, int, int]) -> np.ndarray:
        """Return one image, uint8, cropped and resized to `shape` (height, width, channels)."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class FileSplit(ImageSplit):
    """Images in files: only names and labels are held in memory.

    Attributes:
        root: the folder that the names are relative to.
    """

    root: Path

    def read(self, index: int, shape: tuple[int, int, int]) -> np.ndarray:
        """Decode one image.

        Args:
            index: position in the split.
            shape: (height, width, channels 1 or 3) in pixels.

        Returns:
            The pixels, uint8, of that shape.

        Raises:
            UserError: the file can no longer be read.
        """
        path = self.root / self.names[index]
        try:
            return decode(path, shape)
        except UnreadableImage as error:
            raise UserError(f"{path}: {error}; the folder changed since it was read") from error


@dataclass(frozen=True, eq=False)
class ArraySplit(ImageSplit):
    """Images in memory.

    Attributes:
        images: uint8, shape (n, height, width, channels).
    """

    images: np.ndarray

    def read(self, index: int, shape: tuple[int, int, int]) -> np.ndarray:
        """Return one image, uint8, cropped and resized to `shape` (height, width, channels)."""
        return resize(self.images[index], shape)


@dataclass(frozen=True, kw_only=True)
class ImageData(LabelledData):
    """Images in classes, divided into splits.

    Attributes:
        native_shape: (height, width, channels) of the images, None where their sizes differ.
    """

    splits: dict[str, ImageSplit]
    native_shape: tuple[int | None, int | None, int]


def digests_of(hashes: Sequence[str]) -> np.ndarray:
    """Return SHA-256 in hexadecimal as the rows of an array, uint8, shape (n, 32)."""
    return np.frombuffer(bytes.fromhex("".join(hashes)), np.uint8).reshape(-1, 32)


def digests_in_shape(hashes: Sequence[str], shape: Sequence[int]) -> np.ndarray:
    """Return digests of pixels in memory: equal bytes of another shape are another image."""
    texts = [f"{tuple(shape)} {of_bytes}".encode() for of_bytes in hashes]
    return digests_of([hashlib.sha256(text).hexdigest() for text in texts])


def from_arrays(
    source: str,
    images: np.ndarray,
    labels: np.ndarray,
    classes: Sequence[str],
    notes: Sequence[str] = (),
) -> ImageData:
    """Divide images in memory into train, validation and test: 70, 15 and 15 %.

    Args:
        source: name of the data.
        images: uint8, shape (n, height, width, channels 1 or 3).
        labels: class indices, shape (n,).
        classes: names of the classes.
        notes: lines for the user, before the one on the split.

    Returns:
        The data, with splits in memory.
    """
    labels = np.asarray(labels, dtype=np.int32)
    hashes = [hashlib.sha256(image.tobytes()).hexdigest() for image in images]
    digests = digests_in_shape(hashes, images.shape[1:])
    splits, rows = {}, []
    for name, part in split_by_hash(hashes, labels, SHARES).items():
        names = [f"{name} {position}" for position in range(len(part))]
        splits[name] = ArraySplit(labels[part], names, images[part], digests=digests[part])
        rows += zip(names, labels[part], (hashes[index] for index in part), strict=True)
    return ImageData(
        source=source,
        classes=tuple(classes),
        native_shape=images.shape[1:],
        splits=splits,
        fingerprint=fingerprint(classes, rows),
        notes=(*notes, split_note(splits)),
        divided_by_us=True,
    )
