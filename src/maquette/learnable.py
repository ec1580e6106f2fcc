"""Which classes can be learned and judged, by the examples that each split has of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from maquette.errors import UserError, nearest
from maquette.left_out import LeftOut
from maquette.splits import FEWEST_PER_CLASS, UNDIVIDED, listed


@dataclass(frozen=True)
class Learnable:
    """What can be done with the classes of labelled data.

    Attributes:
        classes: those that can be learned, in order.
        reasons: why each of the others cannot.
        unjudged: by split, the classes that can be learned and that it has no examples of.
    """

    classes: tuple[str, ...]
    reasons: dict[str, str]
    unjudged: dict[str, list[str]]

    def left_out(self, names: Sequence[str], labels: Sequence[str]) -> list[LeftOut]:
        """Return the examples whose class cannot be learned.

        Args:
            names: what each example is called.
            labels: class of each example.
        """
        return [
            LeftOut(name, f"its class has {self.reasons[label]}")
            for name, label in zip(names, labels, strict=True)
            if label in self.reasons
        ]

    def notes(self, noun: str) -> list[str]:
        """Return lines for the user.

        Args:
            noun: what the examples are, e.g. "images".
        """
        left_out = [f"{label!r} ({reason})" for label, reason in self.reasons.items()]
        notes = [f"left out classes ({len(left_out)}): {listed(left_out)}"] if left_out else []
        for split, labels in self.unjudged.items():
            names = listed([repr(label) for label in labels])
            notes.append(f"no {noun} in {split}, so not judged there ({len(labels)}): {names}")
        return notes


def learnable(
    source: str,
    noun: str,
    classes: Sequence[str],
    labels: Sequence[str],
    given: Sequence[str],
    strict: bool = False,
) -> Learnable:
    """Tell which classes have enough examples.

    Where we divide, a class takes five; where it was divided before, one in train.

    Args:
        source: name or path of the data.
        noun: what the examples are, e.g. "images".
        classes: names of all classes.
        labels: class of each example.
        given: for each example "train", "validation", "test" or `UNDIVIDED`.
        strict: refuse a class that cannot be learned, or not judged in each split.

    Raises:
        UserError: fewer than two classes can be learned, or `strict` and one cannot.
    """
    if not labels:
        raise UserError(f"{source} has no {noun}")
    if len(classes) == 1:
        raise UserError(f"{source} has one class only, {classes[0]!r}; two are needed")
    counts = Counter(zip(given, labels, strict=True))
    splits = [s for s in (UNDIVIDED, "train", "validation", "test") if s in set(given)]
    taught = UNDIVIDED if UNDIVIDED in splits else "train"
    known = [label for label in classes if counts[taught, label]]
    is_ours = taught == UNDIVIDED or not any(counts["validation", label] for label in known)
    fewest = FEWEST_PER_CLASS if is_ours else 1
    reasons = {
        label: _reason(label, noun, taught, counts, known, fewest)
        for label in classes
        if counts[taught, label] < fewest
    }
    kept = tuple(label for label in classes if label not in reasons)
    unjudged = {
        split: lacking
        for split in splits
        if (lacking := [label for label in kept if not counts[split, label]])
    }
    if len(kept) < 2 or (strict and reasons):
        label, reason = next(iter(reasons.items()))
        raise UserError(f"{source}: class {label!r} has {reason}; add {noun} or remove the class")
    if strict and unjudged:
        split, lacking = next(iter(unjudged.items()))
        raise UserError(
            f"{source}: class {lacking[0]!r} has no {noun} in {split}; "
            "each split needs the same classes"
        )
    return Learnable(kept, reasons, unjudged)


def _reason(
    label: str, noun: str, taught: str, counts: Counter, known: Sequence[str], fewest: int
) -> str:
    """Return why a class cannot be learned, as what it has."""
    where = "" if taught == UNDIVIDED else f" in {taught}"
    hint = nearest(label, [other for other in known if other != label])
    if count := counts[taught, label]:
        return f"{count} of the {fewest} {noun}{where} that are needed{hint}"
    return f"no {noun}{where}{hint}"
