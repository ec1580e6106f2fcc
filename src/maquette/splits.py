"""Labelled data divided into train, validation and test: what images and texts have in common."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Self

import numpy as np

from maquette.errors import UserError

if TYPE_CHECKING:
    from maquette.left_out import LeftOut

SHARES = {"train": 0.7, "validation": 0.15, "test": 0.15}
HELD_OUT = {"train": 0.85, "validation": 0.15}
UNDIVIDED = "undivided"
SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}
FEWEST_PER_CLASS = 5
IMBALANCE_RATIO = 3
NAMED = 5


@dataclass(frozen=True, eq=False)
class LabelledSplit:
    """Examples with labels. Arrays and lists in the fields of a subclass hold one per example.

    Attributes:
        labels: class indices, int32, shape (n,).
        names: what each example is called, e.g. its relative path.
    """

    labels: np.ndarray
    names: Sequence[str]

    def __len__(self) -> int:
        return len(self.labels)

    def subset(self, indices: Sequence[int] | np.ndarray) -> Self:
        """Return the examples at `indices`, in that order."""
        indices = np.asarray(indices, dtype=np.intp)
        chosen = {
            name: column[indices]
            if isinstance(column, np.ndarray)
            else [column[index] for index in indices]
            for name, column in _columns(self).items()
        }
        return replace(self, **chosen)


def joined(splits: Sequence[LabelledSplit]) -> LabelledSplit:
    """Return one split with the examples of several of the same kind."""
    together = {}
    for name, first in _columns(splits[0]).items():
        parts = [getattr(split, name) for split in splits]
        is_array = isinstance(first, np.ndarray)
        together[name] = np.concatenate(parts) if is_array else [x for part in parts for x in part]
    return replace(splits[0], **together)


def _columns(split: LabelledSplit) -> dict[str, np.ndarray | Sequence]:
    values = {field.name: getattr(split, field.name) for field in fields(split)}
    return {name: v for name, v in values.items() if isinstance(v, (np.ndarray, list, tuple))}


@dataclass(frozen=True, kw_only=True)
class LabelledData:
    """Examples in classes, divided into splits.

    Attributes:
        source: as the user gave it; an absolute path where it is a file or a folder.
        classes: names of the classes; a label is a position in them.
        splits: "train" and "validation", and "test" where there is one.
        fingerprint: SHA-256 over names, labels and contents.
        notes: lines for the user: what was left out, how it was split, imbalance.
        divided_by_us: whether the data came undivided.
        left_out: what the source holds and the splits do not.
    """

    source: str
    classes: tuple[str, ...]
    splits: dict[str, LabelledSplit]
    fingerprint: str
    notes: tuple[str, ...] = ()
    divided_by_us: bool = False
    left_out: tuple[LeftOut, ...] = ()

    def class_weight(self) -> dict[int, float]:
        """Return a weight per class that makes all classes count the same in training.

        The weight is examples / (classes * examples of the class), as in King and Zeng (2001).
        """
        labels = self.splits["train"].labels
        counts = np.bincount(labels, minlength=len(self.classes))
        return {index: len(labels) / (len(counts) * count) for index, count in enumerate(counts)}

    def for_classes(self, classes: Sequence[str]) -> Self:
        """Return the same examples with labels that are positions in another list of classes.

        Raises:
            UserError: a class of these examples is not in the list.
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

    def as_test_if_undivided(self) -> Self:
        """Return data that came undivided as one test split of all examples."""
        if not self.divided_by_us:
            return self
        return replace(self, splits={"test": joined(list(self.splits.values()))})


def split_by_hash(
    keys: Sequence[str], labels: Sequence[int] | np.ndarray, shares: Mapping[str, float]
) -> dict[str, np.ndarray]:
    """Divide examples into parts, the same way every time.

    Within each class the examples are ordered by the SHA-256 of their keys and cut, so the parts
    depend neither on the order of the examples nor on a seed, and one more or one fewer example
    moves at most a couple of others. Examples with the same key stay together, in the first of
    the parts that one of them fell in.

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
    places = np.empty(len(keys), dtype=np.intp)
    for label in np.unique(labels):
        members = sorted(np.flatnonzero(labels == label), key=digests.__getitem__)
        sizes = _sizes(len(members), list(shares.values()))
        places[members] = np.repeat(np.arange(len(shares)), sizes)
    first: dict[bytes, int] = {}
    for digest, place in zip(digests, places, strict=True):
        first[digest] = min(place, first.get(digest, place))
    places = np.array([first[digest] for digest in digests], dtype=np.intp)
    return {name: np.flatnonzero(places == place) for place, name in enumerate(shares)}


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


def divide(
    given: Sequence[str], keys: Sequence[str], labels: Sequence[int] | np.ndarray
) -> dict[str, np.ndarray]:
    """Return the positions of each split: as they were given, and where they were not, by us.

    Args:
        given: for each example "train", "validation", "test" or `UNDIVIDED`.
        keys: hash of the contents of each example.
        labels: class of each example.

    Returns:
        For each split, the ascending positions of its examples. All that is undivided is cut by
        `SHARES`; without a validation split, one is held out of train by `HELD_OUT`.
    """
    labels, of_example = np.asarray(labels), np.asarray(given)
    parts = {name: np.flatnonzero(of_example == name) for name in dict.fromkeys(given)}
    for name, shares in ((UNDIVIDED, SHARES), ("train", HELD_OUT)):
        if name in parts and "validation" not in parts:
            whole = parts.pop(name)
            by_us = split_by_hash([keys[i] for i in whole], labels[whole], shares)
            parts = {part: whole[positions] for part, positions in by_us.items()} | parts
    return parts


def fingerprint(classes: Iterable[str], rows: Iterable[tuple[str, int, str]]) -> str:
    """Return the SHA-256, in hexadecimal, over the classes and each (name, label, content hash)."""
    digest = hashlib.sha256()
    digest.update(_encode("\0".join(classes)))
    for name, label, content in rows:
        digest.update(_encode(f"\0\0{name}\0{label}\0{content}"))
    return digest.hexdigest()


def split_note(splits: Mapping[str, LabelledSplit]) -> str:
    """Return a line on how the examples were divided, for data that came undivided."""
    return "split by us: " + ", ".join(f"{len(split)} {name}" for name, split in splits.items())


def require_examples(source: str, parts: Mapping[str, np.ndarray], noun: str) -> None:
    """Make sure that no split is empty.

    Args:
        source: name or path of the data.
        parts: positions of each split's examples.
        noun: what the examples are, e.g. "images".

    Raises:
        UserError: one is, since most examples are the same.
    """
    empty = next((name for name, part in parts.items() if not len(part)), None)
    if empty:
        raise UserError(
            f"{source} has too few different {noun}: none would be left for {empty}; "
            f"repeated {noun} are kept in one split"
        )


def split_notes(given: Sequence[str], splits: Mapping[str, LabelledSplit], noun: str) -> list[str]:
    """Return lines on what was divided by us, and on a test split that is not there.

    Args:
        given: for each example "train", "validation", "test" or `UNDIVIDED`.
        splits: what became of them.
        noun: what the examples are, e.g. "images".
    """
    if UNDIVIDED in given:
        return [split_note(splits)]
    notes = []
    if "validation" not in given:
        held_out = len(splits["validation"])
        notes.append(f"no validation split: {held_out} {noun} of train held out for validation")
    return notes if "test" in given else [*notes, "no test split"]


def imbalance_notes(classes: Sequence[str], labels: np.ndarray) -> list[str]:
    """Return a line where the largest class has three or more times the smallest's examples."""
    counts = np.bincount(labels, minlength=len(classes))
    most, least = counts.argmax(), counts.argmin()
    if counts[most] < IMBALANCE_RATIO * counts[least]:
        return []
    sizes = f"{counts[most]} {classes[most]}, {counts[least]} {classes[least]}"
    return [f"classes are imbalanced: {sizes}; --class-weights balances them"]


def repeat_notes(parts: Mapping[str, np.ndarray], keys: Sequence[str], what: str) -> list[str]:
    """Tell of examples that a model would be judged on after it was trained on them.

    Args:
        parts: positions of each split's examples.
        keys: hash of the contents of each example.
        what: what the examples are, e.g. "images".
    """
    trained_on = {keys[i] for i in parts["train"]}
    return [
        f"{what} of {name} that are in train as well, bit for bit: {count} of {len(part)}"
        for name, part in parts.items()
        if name != "train" and (count := sum(keys[i] in trained_on for i in part))
    ]


def listed(names: Sequence[str]) -> str:
    """Return the first few names, and how many more there are."""
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")


def _encode(text: str) -> bytes:
    # A file name need not be valid Unicode.
    return text.encode("utf-8", "surrogateescape")
