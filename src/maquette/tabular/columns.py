"""The columns of a table as a model takes them: each value becomes whole numbers, its codes.

A number becomes a whole number of the same order, made of the bits of its 32-bit float, a date its
minutes since 1970, a category its place in a list, a text the numbers of its words. What is missing
has a code of its own. So nothing depends on how large the numbers of a column are, and a file
computes the same whatever its precision.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from maquette.tabular.kinds import Finding
from maquette.tabular.names import identifiers
from maquette.tabular.values import (
    as_boolean,
    as_minutes,
    as_number,
    as_word,
    is_missing,
)
from maquette.text.vocabulary import Vocabulary

MISSING = -(2**31)  # of numbers and dates
NOTHING, OTHER, FIRST = 0, 1, 2  # codes of categories: missing, not known, the first that is
MOST_CATEGORIES = 255
LARGEST = float(np.finfo(np.float32).max)
WORDS, TEXT_LENGTH = 5000, 50
MEASURED = ("number", "date")
NAMED = ("category", "boolean")


@dataclass(frozen=True)
class Column:
    """One column that a model takes.

    Attributes:
        name: As in the table.
        input: Its name as an input of exported files.
        kind: `"number"`, `"category"`, `"boolean"`, `"date"` or `"text"`.
        words: Names of the categories, the most frequent first; for others empty.
        reason: What is remarkable of it, for the user.
    """

    name: str
    input: str
    kind: str
    words: tuple[str, ...] = ()
    reason: str = field(default="", compare=False)

    @property
    def width(self) -> int:
        """How many codes a value has."""
        return TEXT_LENGTH if self.kind == "text" else 1

    def raw(self, values: Sequence[Any]) -> np.ndarray:
        """Return values as exported files take them, shape `(n, 1)`.

        Numbers and booleans are float32, NaN where they are missing, and what is beyond the largest
        float32 is that; dates are int32; the others are strings, empty where they are missing.
        """
        if self.kind in ("number", "boolean"):
            read = as_number if self.kind == "number" else as_boolean
            found = (None if is_missing(v) else read(v) for v in values)
            wide = np.array([np.nan if v is None else v for v in found], np.float64)
            array = wide.clip(-LARGEST, LARGEST).astype(np.float32)
        elif self.kind == "date":
            found = (None if is_missing(v) else as_minutes(v) for v in values)
            array = np.array([MISSING if v is None else v for v in found], np.int32)
        else:
            array = np.array(["" if is_missing(v) else as_word(v) for v in values], object)
        return array[:, None]

    def codes(self, values: Sequence[Any], vocabulary: Vocabulary | None) -> np.ndarray:
        """Return the codes of values, int32, shape `(n, width)`."""
        raw = self.raw(values)
        if self.kind == "number":
            return ordered(raw)
        if self.kind == "boolean":
            return np.where(np.isnan(raw), NOTHING, np.nan_to_num(raw) + 1).astype(np.int32)
        if self.kind == "category":
            place = {word: FIRST + number for number, word in enumerate(self.words)} | {"": NOTHING}
            return np.array([[place.get(word, OTHER)] for word in raw[:, 0]], np.int32)
        return raw if self.kind == "date" else vocabulary.encode(list(raw[:, 0]), TEXT_LENGTH)


def ordered(numbers: np.ndarray) -> np.ndarray:
    """Return whole numbers in the same order as float32 ones; NaN becomes `MISSING`."""
    bits = np.ascontiguousarray(numbers, np.float32).view(np.int32)
    sizes = bits & 0x7FFFFFFF
    return np.where(np.isnan(numbers), MISSING, np.where(bits < 0, -sizes, bits)).astype(np.int32)


def columns_of(findings: dict[str, Finding], rows: dict[str, Sequence[Any]]) -> tuple[Column, ...]:
    """Return the columns that a model takes, measured ones first, texts last.

    Args:
        findings: What each column is.
        rows: Training values of each.
    """
    order = (*MEASURED, *NAMED, "text")
    kept = {name: finding for name, finding in findings.items() if finding.kind in order}
    inputs = dict(zip(kept, identifiers(kept), strict=True))
    made = [
        Column(name, inputs[name], found.kind, _words(found.kind, rows[name]), found.reason)
        for name, found in kept.items()
    ]
    return tuple(sorted(made, key=lambda column: order.index(column.kind)))


def vocabulary_of(columns: Sequence[Column], rows: dict[str, Sequence[Any]]) -> Vocabulary | None:
    """Return the words of all texts, `None` where there are no texts.

    Args:
        columns: All columns.
        rows: Training values of each.
    """
    texts = [c.raw(rows[c.name])[:, 0].tolist() for c in columns if c.kind == "text"]
    return Vocabulary.of([text for part in texts for text in part], WORDS) if texts else None


def encoded(
    columns: Sequence[Column], rows: dict[str, Sequence[Any]], vocabulary: Vocabulary | None
) -> np.ndarray:
    """Return the codes of rows, int32, all columns side by side: `(n, codes)`.

    Args:
        columns: In the order of the codes.
        rows: Values of each column.
        vocabulary: The words of texts.
    """
    return np.concatenate([c.codes(rows[c.name], vocabulary) for c in columns], axis=1)


def _words(kind: str, values: Sequence[Any]) -> tuple[str, ...]:
    if kind != "category":
        return ()
    counts = Counter(as_word(value) for value in values if not is_missing(value))
    # What was seen once stands for all that was never seen: so their code is learned, too.
    often = [word for word, count in sorted(counts.items()) if count > 1] or sorted(counts)
    return tuple(sorted(often, key=lambda word: -counts[word])[:MOST_CATEGORIES])
