"""Labelled images divided into train, validation and test, read from files or from memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from maquette.errors import UserError
from maquette.images.decoding import UnreadableImage, decode, resize

SHARES = {"train": 0.7, "validation": 0.15, "test": 0.15}
IMBALANCE_RATIO = 3


@dataclass(frozen=True, eq=False)
class ImageSplit:
    """Labelled images, each read when asked for. See `FileSplit` and `ArraySplit`.

    Attributes:
        labels: class indices, int32, shape (n,).
        names: what each image is called: its relative path, or as in `"train 12"`.
    """

    labels: np.ndarray
    names: Sequence[str]

    def __len__(self) -> int:
        return len(self.labels)

    def read(self, index: int, shape: tuple[int, int, int]) -> np.ndarray:
        """Return one image, uint8, cropped and resized to `shape` (height, width, channels)."""
        raise NotImplementedError

    def subset(self, indices: Sequence[int] | np.ndarray) -> ImageSplit:
        """Return the images at `indices`, in that order."""
        indices = np.asarray(indices, dtype=np.intp)
        names = [self.names[index] for index in indices]
        return replace(self, labels=self.labels[indices], names=names)


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

    def subset(self, indices: Sequence[int] | np.ndarray) -> ArraySplit:
        """Return the images at `indices`, in that order."""
        images = self.images[np.asarray(indices, dtype=np.intp)]
        return replace(super().subset(indices), images=images)


@dataclass(frozen=True)
class ImageData:
    """Images in classes, divided into splits.

    Attributes:
        source: as the user gave it; the absolute path of a folder.
        classes: names of the classes; a label is a position in them.
        native_shape: (height, width, channels) of the images, None where their sizes differ.
        splits: "train" and "validation", and "test" where there is one.
        fingerprint: SHA-256 over names, labels and contents.
        notes: lines for the user: files left out, how it was split, imbalance.
        divided_by_us: whether the data came undivided.
    """

    source: str
    classes: tuple[str, ...]
    native_shape: tuple[int | None, int | None, int]
    splits: dict[str, ImageSplit]
    fingerprint: str
    notes: tuple[str, ...] = ()
    divided_by_us: bool = False

    def class_weight(self) -> dict[int, float]:
        """Return a weight per class that makes all classes count the same in training.

        The weight is examples / (classes * examples of the class), as in King and Zeng (2001).
        """
        labels = self.splits["train"].labels
        counts = np.bincount(labels, minlength=len(self.classes))
        return {index: len(labels) / (len(counts) * count) for index, count in enumerate(counts)}

    def for_classes(self, classes: Sequence[str]) -> ImageData:
        """Return the same images with labels that are positions in another list of classes.

        Raises:
            UserError: a class of these images is not in the list.
        """
        unknown = [name for name in self.classes if name not in classes]
        if unknown:
            raise UserError(
                f"{self.source} has the class {unknown[0]!r}, which the run does not know; "
                f"it knows {', '.join(classes)}"
            )
        positions = np.array([list(classes).index(name) for name in self.classes], np.int32)
        splits = {k: replace(v, labels=positions[v.labels]) for k, v in self.splits.items()}
        return replace(self, classes=tuple(classes), splits=splits)

    def as_test_if_undivided(self) -> ImageData:
        """Return data that came undivided as one test split of all images."""
        if not self.divided_by_us:
            return self
        return replace(self, splits={"test": _joined(list(self.splits.values()))})


def split_by_hash(
    keys: Sequence[str], labels: Sequence[int] | np.ndarray, shares: Mapping[str, float]
) -> dict[str, np.ndarray]:
    """Divide examples into parts, the same way every time.

    Within each class the examples are ordered by the SHA-256 of their keys and cut, so the parts
    depend neither on the order of the examples nor on a seed, and one more or one fewer example
    moves at most a couple of others. Examples with the same key stay together, but at a cut.

    Args:
        keys: a stable name for each example, such as its path or the hash of its contents.
        labels: class of each example.
        shares: parts and their shares, which sum to 1.

    Returns:
        For each part, the ascending positions of its examples, an integer array.

    Raises:
        ValueError: a class has fewer examples than there are parts with a share.
    """
    labels = np.asarray(labels)
    digests = [hashlib.sha256(_encode(key)).digest() for key in keys]
    parts: dict[str, list[int]] = {name: [] for name in shares}
    for label in np.unique(labels):
        members = sorted(np.flatnonzero(labels == label), key=digests.__getitem__)
        start = 0
        for name, size in zip(shares, _sizes(len(members), list(shares.values())), strict=True):
            parts[name].extend(members[start : start + size])
            start += size
    return {name: np.array(sorted(part), dtype=np.intp) for name, part in parts.items()}


def _sizes(count: int, shares: list[float]) -> list[int]:
    """Cut `count` examples in proportion to `shares`, at least one wherever a share is positive."""
    if count < sum(share > 0 for share in shares):
        raise ValueError(f"{count} examples cannot be divided into {len(shares)} parts")
    ends = np.rint(np.cumsum(shares) * count).astype(int)
    ends[-1] = count
    sizes = np.diff(ends, prepend=0)
    for part, share in enumerate(shares):
        if share > 0 and sizes[part] == 0:
            sizes[part] += 1
            sizes[sizes.argmax()] -= 1
    return sizes.tolist()


def _joined(splits: Sequence[ImageSplit]) -> ImageSplit:
    """Return one split with the examples of several of the same kind."""
    fields = {
        "labels": np.concatenate([split.labels for split in splits]),
        "names": [name for split in splits for name in split.names],
    }
    if isinstance(splits[0], ArraySplit):
        fields["images"] = np.concatenate([split.images for split in splits])
    return replace(splits[0], **fields)


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
    splits, rows = {}, []
    for name, part in split_by_hash(hashes, labels, SHARES).items():
        names = [f"{name} {position}" for position in range(len(part))]
        splits[name] = ArraySplit(labels[part], names, images[part])
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


def fingerprint(classes: Iterable[str], rows: Iterable[tuple[str, int, str]]) -> str:
    """Return the SHA-256, in hexadecimal, over the classes and each (name, label, content hash)."""
    digest = hashlib.sha256()
    digest.update(_encode("\0".join(classes)))
    for name, label, content in rows:
        digest.update(_encode(f"\0\0{name}\0{label}\0{content}"))
    return digest.hexdigest()


def split_note(splits: Mapping[str, ImageSplit]) -> str:
    """Return a line on how the examples were divided, for data that came undivided."""
    return "split by us: " + ", ".join(f"{len(split)} {name}" for name, split in splits.items())


def imbalance_notes(classes: Sequence[str], labels: np.ndarray) -> list[str]:
    """Return a line where the largest class has three or more times the images of the smallest."""
    counts = np.bincount(labels, minlength=len(classes))
    most, least = counts.argmax(), counts.argmin()
    if counts[most] < IMBALANCE_RATIO * counts[least]:
        return []
    sizes = f"{counts[most]} {classes[most]}, {counts[least]} {classes[least]}"
    return [f"classes are imbalanced: {sizes}; --class-weights balances them"]


def _encode(text: str) -> bytes:
    # A file name need not be valid Unicode.
    return text.encode("utf-8", "surrogateescape")
