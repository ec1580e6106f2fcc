"""Labelled texts divided into train, validation and test."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from maquette.errors import UserError, nearest
from maquette.splits import (
    FEWEST_PER_CLASS,
    UNDIVIDED,
    LabelledData,
    LabelledSplit,
    divide,
    fingerprint,
    imbalance_notes,
    repeat_notes,
    split_note,
)


@dataclass(frozen=True, eq=False)
class TextSplit(LabelledSplit):
    """Labelled texts in memory.

    Attributes:
        texts: the texts.
    """

    texts: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class TextData(LabelledData):
    """Texts in classes, divided into splits."""

    splits: dict[str, TextSplit]


def from_texts(
    source: str,
    texts: Sequence[str],
    labels: Sequence[int] | np.ndarray,
    classes: Sequence[str],
    names: Sequence[str] | None = None,
    given: Sequence[str] | None = None,
    notes: Sequence[str] = (),
) -> TextData:
    """Divide texts into train, validation and test, the same way every time.

    What comes undivided is cut into 70, 15 and 15 %. Equal texts stay together.

    Example:
        >>> data = from_texts("mine", lines, [0, 1] * 50, ["dull", "good"])

    Args:
        source: name or path of the data.
        texts: any number of texts.
        labels: class indices, shape `(len(texts),)`.
        classes: names of the classes.
        names: what each text is called; numbered if not given.
        given: for each text "train", "validation", "test" or `UNDIVIDED`; all undivided if not
            given.
        notes: lines for the user, before those on the splits.

    Returns:
        The data, with splits in memory.

    Raises:
        UserError: there are no texts, one class only, or too few texts of a class to be divided.
    """
    labels = np.asarray(labels, dtype=np.int32)
    names = names or [f"text {number}" for number in range(len(texts))]
    given = given or [UNDIVIDED] * len(texts)
    _check_counts(source, labels, classes, given)
    keys = [hashlib.sha256(text.encode("utf-8", "replace")).hexdigest() for text in texts]
    parts = divide(given, keys, labels)
    _check_parts(source, parts)
    whole = TextSplit(labels, names, texts)
    splits = {name: whole.subset(part) for name, part in parts.items()}
    rows = ((names[i], labels[i], keys[i]) for part in parts.values() for i in part)
    return TextData(
        source=source,
        classes=tuple(classes),
        splits=splits,
        fingerprint=fingerprint(classes, rows),
        notes=(
            *notes,
            *_split_notes(given, splits),
            *repeat_notes(parts, keys, "texts"),
            *imbalance_notes(classes, splits["train"].labels),
        ),
        divided_by_us=UNDIVIDED in given,
    )


def _check_counts(
    source: str, labels: np.ndarray, classes: Sequence[str], given: Sequence[str]
) -> None:
    """Refuse too few classes, and a class that has too few texts in one of the splits."""
    if not len(labels):
        raise UserError(f"{source} has no texts")
    if len(classes) < 2:
        raise UserError(f"{source} has one class only, {classes[0]!r}; two are needed")
    of_text = np.asarray(given)
    for split in dict.fromkeys(given):
        counts = np.bincount(labels[of_text == split], minlength=len(classes))
        is_divided_by_us = split in (UNDIVIDED, "train") and "validation" not in given
        fewest = FEWEST_PER_CLASS if is_divided_by_us else 1
        if counts.min() < fewest:
            rarest = classes[counts.argmin()]
            others = [name for name in classes if name != rarest]
            where = "" if split == UNDIVIDED else f" for {split}"
            raise UserError(
                f"class {rarest!r} has {counts.min()} texts{where} in {source}"
                f"{nearest(rarest, others)}; add texts until there are {fewest}, "
                "or remove the class"
            )


def _check_parts(source: str, parts: dict[str, np.ndarray]) -> None:
    empty = [name for name, part in parts.items() if not len(part)]
    if empty:
        raise UserError(
            f"{source} has too few different texts: none would be left for {empty[0]}; "
            "repeated texts are kept in one split"
        )


def _split_notes(given: Sequence[str], splits: dict[str, TextSplit]) -> list[str]:
    if UNDIVIDED in given:
        return [split_note(splits)]
    notes = []
    if "validation" not in given:
        held_out = len(splits["validation"])
        notes.append(f"no validation split: {held_out} texts of train held out for validation")
    if "test" not in given:
        notes.append("no test split")
    return notes
