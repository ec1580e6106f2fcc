"""The examples of all splits in one row: what most checks go by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from maquette.splits import LabelledData


@dataclass(frozen=True)
class Rows:
    """All examples of labelled data, one split after the other.

    Attributes:
        names: what each example is called.
        labels: class of each, or the number that is to be predicted.
        splits: split of each.
        sizes: number of examples of each split.
        noun: what the examples are, in the plural.
    """

    names: list[str]
    labels: list[str]
    splits: list[str]
    sizes: dict[str, int]
    noun: str

    @classmethod
    def of(cls, data: LabelledData, noun: str) -> Rows:
        names, labels, splits = [], [], []
        for split, examples in data.splits.items():
            names += examples.names
            labels += [data.classes[i] if data.classes else f"{i:g}" for i in examples.labels]
            splits += [split] * len(examples)
        sizes = {split: len(examples) for split, examples in data.splits.items()}
        return cls(names, labels, splits, sizes, noun)

    def __len__(self) -> int:
        return len(self.names)

    def per_class(self) -> dict[str, dict[str, int]]:
        """Return the number of examples of each class in each split."""
        counts: dict[str, dict[str, int]] = {}
        for label, split in zip(self.labels, self.splits, strict=True):
            counts.setdefault(label, dict.fromkeys(self.sizes, 0))[split] += 1
        return dict(sorted(counts.items()))

    def named(self, positions: np.ndarray | list[int]) -> list[str]:
        """Return the names at some positions."""
        return [self.names[position] for position in positions]
