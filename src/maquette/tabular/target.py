"""The column that is to be predicted: classes, or a number."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from maquette.errors import UserError
from maquette.tabular.values import as_number, as_word

CLASSES, NUMBER = "classification", "regression"
FEW_CLASSES = 10
# Up to twice as many whole numbers are classes where each has so many rows on average.
ROWS_OF_CLASS = 20
LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Target:
    """What is predicted.

    Attributes:
        name: The column.
        classes: Names of the classes; empty where it is a number.
        mean: Mean of the training values, of a number. Defaults to 0.
        spread: Their standard deviation. Defaults to 1.
    """

    name: str
    classes: tuple[str, ...] = ()
    mean: float = 0.0
    spread: float = 1.0

    @property
    def is_number(self) -> bool:
        """Whether it is a number, and no class."""
        return not self.classes

    def labels(self, values: Sequence[Any], names: Sequence[str], source: str) -> np.ndarray:
        """Return class indices, int32, or numbers, float64, of values that are not missing.

        Args:
            values: As a file holds them.
            names: Where each row stands, for messages.
            source: What they were read from, for messages.

        Raises:
            UserError: a class is not known, or a value is no number.
        """
        if self.is_number:
            return np.array(
                [self._number(*pair, source) for pair in zip(values, names, strict=True)],
                np.float64,
            )
        places = {word: place for place, word in enumerate(self.classes)}
        words = [as_word(value) for value in values]
        unknown = next((word for word in words if word not in places), None)
        if unknown is not None:
            raise UserError(
                f"{source} has the class {unknown!r}, which the run does not know; "
                f"it knows {', '.join(self.classes)}"
            )
        return np.array([places[word] for word in words], np.int32)

    def scaled_by(self, labels: np.ndarray) -> Target:
        """Return the target with the mean and the spread of training labels; classes have none."""
        if not self.is_number or not len(labels):
            return self
        return replace(self, mean=float(labels.mean()), spread=float(labels.std()) or 1.0)

    def _number(self, value: Any, name: str, source: str) -> float:
        number = as_number(value)
        if number is None:
            raise UserError(
                f"the target {self.name!r} of {_place(name, source)} is {value!r}, and a number is "
                "to be predicted; mend the row, empty the field, or give --task classification"
            )
        if abs(number) > LARGEST:
            raise UserError(
                f"the target {self.name!r} of {_place(name, source)} is {value!r}, beyond what a "
                f"model can predict; mend the row, or give numbers up to {LARGEST:.2g}"
            )
        return number


def _place(name: str, source: str) -> str:
    """Return where a row stands: a file is named once."""
    file, _, line = name.rpartition(":")
    return f"{source}:{line}" if file and Path(source).name == file else f"{name} in {source}"


def kind_of_target(name: str, values: Sequence[Any], asked: str | None) -> tuple[str, str]:
    """Return whether a target is `CLASSES` or a `NUMBER`, and a line that tells why.

    Args:
        name: The column.
        values: Those that are not missing.
        asked: What the user asked for; `None` where the values are to tell.
    """
    words = {as_word(value) for value in values}
    numbers = {as_number(word) for word in words}
    count = f"{len(words)} different values"
    if asked is not None:
        return asked, f"target {name}: {count}; {asked}, as you asked"
    if None in numbers or all(isinstance(value, bool) for value in values):
        share = np.mean([as_number(value) is not None for value in values])
        if share > 0.5 and len(words) > 2 * FEW_CLASSES:
            return NUMBER, f"target {name}: mostly numbers, so regression"
        return CLASSES, f"target {name}: {count}, so classification"
    are_whole = all(number.is_integer() for number in numbers)
    few = len(words) <= FEW_CLASSES or (
        len(words) <= 2 * FEW_CLASSES and len(values) >= ROWS_OF_CLASS * len(words)
    )
    if are_whole and few:
        told = f"target {name}: {len(words)} different whole numbers, so classification"
        return CLASSES, f"{told}; --task regression would predict a number"
    told = f"target {name}: {len(words)} different numbers, so regression"
    return NUMBER, f"{told}; --task classification would make them classes"


def target_of(name: str, kind: str, values: Sequence[Any]) -> Target:
    """Return the target, with its classes if it has any.

    Args:
        name: The column.
        kind: `CLASSES` or `NUMBER`.
        values: Those that are not missing.
    """
    if kind == NUMBER:
        return Target(name)
    return Target(name, tuple(sorted({as_word(v) for v in values}, key=_number_or_word)))


def _number_or_word(label: str) -> tuple[bool, float, str]:
    is_number = bool(re.fullmatch(r"-?\d{1,18}(\.\d+)?", label))
    return not is_number, float(label) if is_number else 0.0, label
