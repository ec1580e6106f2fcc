"""Division by class: a model is judged on classes that it never saw in training."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from maquette.errors import UserError
from maquette.images.data import ImageData
from maquette.splits import SHARES, LabelledSplit, joined, split_note

HELD_OUT = {"train": 0.9, "validation": 0.1}
FEWEST = {"train": 2, "validation": 2, "test": 3}


def with_unseen_classes(data: ImageData) -> ImageData:
    """Return the same images, with classes in validation and test that train does not have.

    Data that came undivided is divided by class, 70, 15 and 15 %; with too few classes for that, it
    becomes test as a whole. Of data that came divided, but without validation, a tenth of the
    classes of train is held out. All else stays as it came.

    Args:
        data: Images in classes; each split may have classes of its own.

    Raises:
        UserError: train has too few classes to hold any out.
    """
    if data.divided_by_us:
        splits = _divided(joined(list(data.splits.values())), data.classes)
    elif "validation" in data.splits:
        splits = data.splits
    else:
        splits = {**data.splits, **_with_held_out(data)}
    # The division by image that it came with no longer holds.
    notes = [note for note in data.notes if note != split_note(data.splits)]
    return replace(data, splits=_in_order(splits), notes=(*notes, *_notes(data, splits)))


def divide_classes(names: Sequence[str], shares: Mapping[str, float]) -> dict[str, list[str]]:
    """Divide classes into parts, the same way every time: ordered by the hash of the name, and cut.

    Args:
        names: Names of the classes, all different.
        shares: "train", and any of "validation" and "test", with their shares, which sum to 1.

    Returns:
        The classes of each part; at least 2, and 3 of test.

    Raises:
        ValueError: there are too few classes for that.
    """
    needed = sum(FEWEST[part] for part in shares)
    if len(names) < needed:
        raise ValueError(f"{len(names)} classes cannot be divided, it takes {needed}")
    ordered = sorted(names, key=lambda name: hashlib.sha256(_encode(name)).digest())
    ends = np.rint(np.cumsum(list(shares.values())) * len(names)).astype(int)
    sizes = dict(zip(shares, np.diff(ends, prepend=0), strict=True))
    for part in shares:
        missing = max(FEWEST[part] - sizes[part], 0)
        sizes[part] += missing
        sizes["train"] -= missing
    parts = np.split(ordered, np.cumsum(list(sizes.values()))[:-1])
    return {part: classes.tolist() for part, classes in zip(shares, parts, strict=True)}


def _divided(whole: LabelledSplit, classes: Sequence[str]) -> dict[str, LabelledSplit]:
    try:
        return _by_class(whole, classes, SHARES)
    except ValueError:
        return {"test": whole}


def _with_held_out(data: ImageData) -> dict[str, LabelledSplit]:
    try:
        return _by_class(data.splits["train"], data.classes, HELD_OUT)
    except ValueError as error:
        raise UserError(
            f"{data.source} has no val folder, and of train {error}; add one or the other"
        ) from None


def _by_class(
    split: LabelledSplit, classes: Sequence[str], shares: Mapping[str, float]
) -> dict[str, LabelledSplit]:
    index = {classes[label]: label for label in np.unique(split.labels)}
    return {
        name: split.subset(np.flatnonzero(np.isin(split.labels, [index[c] for c in chosen])))
        for name, chosen in divide_classes(list(index), shares).items()
    }


def _in_order(splits: Mapping[str, LabelledSplit]) -> dict[str, LabelledSplit]:
    return {name: splits[name] for name in ("train", "validation", "test") if name in splits}


def _notes(data: ImageData, splits: Mapping[str, LabelledSplit]) -> list[str]:
    counts = {name: len(np.unique(split.labels)) for name, split in splits.items()}
    if "train" not in splits:
        return [f"too few classes to divide: {counts['test']}; all of them are test"]
    if data.divided_by_us:
        listed = ", ".join(f"{count} classes {name}" for name, count in counts.items())
        return [f"split by us: {listed}"]
    notes = []
    if "validation" not in data.splits:
        notes.append(f"no validation folder: {counts['validation']} classes of train held out")
    if "test" not in splits:
        notes.append("no test split: there is no test folder")
    trained_on = np.unique(splits["train"].labels)
    for name in ("validation", "test"):
        seen = np.isin(np.unique(splits[name].labels), trained_on) if name in splits else []
        if np.any(seen):
            notes.append(
                f"{np.sum(seen)} of {len(seen)} classes of {name} are in train as well: "
                "what is measured there says less of new classes"
            )
    return notes


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
