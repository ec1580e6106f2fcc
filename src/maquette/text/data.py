"""Labelled texts divided into train, validation and test."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from maquette.learnable import learnable
from maquette.left_out import LeftOut
from maquette.splits import (
    UNDIVIDED,
    LabelledData,
    LabelledSplit,
    divide,
    fingerprint,
    imbalance_notes,
    repeat_notes,
    require_examples,
    split_notes,
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
    left_out: Sequence[LeftOut] = (),
    strict: bool = False,
) -> TextData:
    """Divide texts into train, validation and test, the same way every time.

    What comes undivided is cut into 70, 15 and 15 %. Equal texts stay together. Classes that cannot
    be learned are left out: those with too few texts, and those that train has none of.

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
        left_out: what of the source is not among the texts.
        strict: refuse a class that cannot be learned, or not judged in each split.

    Returns:
        The data, with splits in memory.

    Raises:
        UserError: there are no texts, fewer than two classes can be learned, or `strict` and one
            cannot.
    """
    labels = np.asarray(labels, dtype=np.int32)
    names = names or [f"text {number}" for number in range(len(texts))]
    given = given or [UNDIVIDED] * len(texts)
    of_text = [classes[label] for label in labels]
    known = learnable(source, "texts", classes, of_text, given, strict)
    kept = [index for index, label in enumerate(of_text) if label in known.classes]
    positions = np.array([known.classes.index(of_text[index]) for index in kept], np.int32)
    whole = TextSplit(positions, [names[i] for i in kept], [texts[i] for i in kept])
    given = [given[i] for i in kept]
    keys = [hashlib.sha256(text.encode("utf-8", "replace")).hexdigest() for text in whole.texts]
    parts = divide(given, keys, whole.labels)
    require_examples(source, parts, "texts")
    splits = {name: whole.subset(part) for name, part in parts.items()}
    rows = ((whole.names[i], positions[i], keys[i]) for part in parts.values() for i in part)
    return TextData(
        source=source,
        classes=known.classes,
        splits=splits,
        fingerprint=fingerprint(known.classes, rows),
        notes=(
            *notes,
            *known.notes("texts"),
            *split_notes(given, splits, "texts"),
            *repeat_notes(parts, keys, "texts"),
            *imbalance_notes(known.classes, splits["train"].labels),
        ),
        divided_by_us=UNDIVIDED in given,
        left_out=(*left_out, *known.left_out(names, of_text)),
    )
