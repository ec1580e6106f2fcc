"""Rows of a table with something to predict, divided into train, validation and test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np

from maquette.errors import UserError, nearest
from maquette.splits import (
    LabelledData,
    LabelledSplit,
)
from maquette.tabular.columns import Column, encoded
from maquette.tabular.kinds import Finding
from maquette.tabular.target import Target
from maquette.text.vocabulary import Vocabulary

Row = dict[str, Any]


@dataclass(frozen=True, eq=False)
class TableSplit(LabelledSplit):
    """Rows of a table.

    Attributes:
        rows: the values of each, by column.
    """

    rows: Sequence[Row]

    def columns(self, names: Sequence[str]) -> dict[str, list[Any]]:
        """Return the values of some columns."""
        return {name: [row.get(name) for row in self.rows] for name in names}


@dataclass(frozen=True)
class TableSpec:
    """What a model must know of a table.

    Attributes:
        columns: What it takes, in the order of its codes.
        target: What it predicts.
        vocabulary: The words of texts; `None` where there are no texts.
    """

    columns: tuple[Column, ...]
    target: Target
    vocabulary: Vocabulary | None = None

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes; empty where a number is predicted."""
        return self.target.classes

    def encode(self, rows: Sequence[Row]) -> np.ndarray:
        """Return the codes of rows, int32, `(n, codes)`."""
        values = {c.name: [row.get(c.name) for row in rows] for c in self.columns}
        return encoded(self.columns, values, self.vocabulary)


@dataclass(frozen=True, kw_only=True)
class TableData(LabelledData):
    """A table, divided into splits. Labels are class indices, or numbers.

    Attributes:
        spec: what a model must know of it.
        findings: what each column is, those that are left out as well.
    """

    splits: dict[str, TableSplit]
    spec: TableSpec
    findings: Mapping[str, Finding]

    @property
    def columns(self) -> tuple[Column, ...]:
        """What a model takes."""
        return self.spec.columns

    @property
    def target(self) -> Target:
        """What it predicts."""
        return self.spec.target

    @property
    def vocabulary(self) -> Vocabulary | None:
        """The words of texts."""
        return self.spec.vocabulary

    @cached_property
    def training_codes(self) -> np.ndarray:
        """The codes of the training rows, `(n, codes)`."""
        return self.spec.encode(self.splits["train"].rows)

    def as_run_sees_it(self, spec: TableSpec) -> Self:
        """Return the rows with the columns and the classes of a run.

        Raises:
            UserError: a column that the run takes is missing, or a class is not known.
        """
        known = set(self.findings) | {self.target.name}
        require_columns(self.source, known, spec)
        if spec.target.name not in known:
            raise UserError(f"{self.source} has no column {spec.target.name!r}, the target")
        splits = {}
        for name, split in self.splits.items():
            values = [row.get(spec.target.name) for row in split.rows]
            labels = spec.target.labels(values, split.names, self.source)
            splits[name] = replace(split, labels=labels)
        return replace(self, spec=spec, classes=spec.classes, splits=splits)


def require_columns(source: str, names: set[str], spec: TableSpec) -> None:
    """Make sure that a table has all columns of a run.

    Raises:
        UserError: it lacks one.
    """
    lacking = [column.name for column in spec.columns if column.name not in names]
    if lacking:
        known = {column.name for column in spec.columns}
        others = [name for name in names if name not in known]
        raise UserError(
            f"{source} lacks {'columns' if len(lacking) > 1 else 'the column'} "
            f"{', '.join(map(repr, lacking[:5]))} that the run was trained with"
            f"{nearest(lacking[0], others)}"
        )
