"""From the rows of a table to data: what its columns are, what is predicted, and the splits."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from maquette.errors import UserError, nearest
from maquette.left_out import LeftOut
from maquette.splits import (
    FEWEST_PER_CLASS,
    UNDIVIDED,
    divide,
    fingerprint,
    imbalance_notes,
    listed,
    split_note,
)
from maquette.tabular.columns import columns_of, vocabulary_of
from maquette.tabular.data import Row, TableData, TableSpec, TableSplit
from maquette.tabular.kinds import Finding, chosen_kinds, find_kinds
from maquette.tabular.target import CLASSES, Target, kind_of_target, target_of
from maquette.tabular.values import is_missing

FEWEST_ROWS = 10
FEWEST_DIFFERENT = 0.5


def from_rows(
    source: str,
    rows: Sequence[Row],
    target: str,
    names: Sequence[str],
    given: Sequence[str] | None = None,
    choices: Sequence[str] = (),
    task: str | None = None,
    notes: Sequence[str] = (),
    left_out: Sequence[LeftOut] = (),
) -> TableData:
    """Divide rows into train, validation and test, the same way every time, and tell columns apart.

    What comes undivided is cut into 70, 15 and 15 %, classes alike. Equal rows stay together.

    Args:
        source: name or path of the data.
        rows: the values of each, by column.
        target: the column to predict.
        names: where each row stands.
        given: for each row "train", "validation", "test" or `UNDIVIDED`.
        choices: kinds of columns that the user chose, each `COLUMN=KIND`.
        task: `"classification"` or `"regression"`; by default as the values of the target tell.
        notes: lines for the user, before those on columns and splits.
        left_out: what of the source is not among the rows.

    Raises:
        UserError: no row has something to predict, or train has none.
    """
    given = given or [UNDIVIDED] * len(rows)
    kept = [place for place, row in enumerate(rows) if not is_missing(row.get(target))]
    lost = [names[i] for i in sorted({*range(len(rows))} - {*kept})]
    notes = [*notes, *_without_target(source, target, lost, kept)]
    rows, names, given = ([part[i] for i in kept] for part in (rows, names, given))
    _require_training_rows(source, target, given)
    values = [row[target] for row in rows]
    kind, told = kind_of_target(target, values, task)
    others = list(dict.fromkeys(name for row in rows for name in row if name != target))
    chosen = chosen_kinds(others, choices) if others or choices else {}
    found = find_kinds({name: [row.get(name) for row in rows] for name in others}, chosen)
    aim = target_of(target, kind, values)
    labels = aim.labels(values, names, source)
    parts = _divided(rows, labels if kind == CLASSES else np.zeros(len(rows)), given, target, notes)
    aim = aim.scaled_by(labels[parts["train"]])
    whole = TableSplit(labels, names, rows)
    splits = {name: whole.subset(part) for name, part in parts.items()}
    train = splits["train"].columns(others)
    found = _found_in_train(found, train)
    columns = columns_of(found, train)
    spec = TableSpec(columns, aim, vocabulary_of(columns, train))
    return TableData(
        source=source,
        classes=aim.classes,
        splits=splits,
        spec=spec,
        findings=found,
        fingerprint=_fingerprint(aim, names, labels, rows),
        notes=(told, *notes, *_column_notes(found), *_split_notes(given, splits, aim)),
        divided_by_us=UNDIVIDED in given,
        left_out=(*left_out, *(LeftOut(name, "among the lines without a label") for name in lost)),
    )


def from_columns(
    source: str,
    values: Mapping[str, Sequence[Any]],
    target: str,
    choices: Sequence[str] = (),
    task: str | None = None,
) -> TableData:
    """Return the data of columns in memory; see `from_rows`.

    Args:
        source: name of the data.
        values: those of each column.
        target: the column to predict.
        choices: kinds of columns that the user chose.
        task: `"classification"`, `"regression"` or `None`.
    """
    rows = [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]
    names = [f"row {number}" for number in range(1, len(rows) + 1)]
    return from_rows(source, rows, target, names, choices=choices, task=task)


def require_trainable(data: TableData) -> None:
    """Make sure that a model can be trained on a table.

    Raises:
        UserError: there are too few rows, of a class too, nothing to predict from, or the target is
            always the same.
    """
    if not data.columns:
        why = "; ".join(f"{name}: {found.reason}" for name, found in data.findings.items())
        raise UserError(f"{data.source} has no column to predict from ({why or 'only the target'})")
    labels = np.concatenate([split.labels for split in data.splits.values()])
    name = data.target.name
    if len(labels) < FEWEST_ROWS:
        raise UserError(
            f"{data.source} has {len(labels)} rows with a {name}; {FEWEST_ROWS} are needed"
        )
    if len(np.unique(labels)) < 2:
        only = data.classes[0] if data.classes else f"{labels[0]:g}"
        raise UserError(
            f"target {name!r} of {data.source} is always {only!r}; two values are needed"
        )
    if not data.classes:
        return
    counts = np.bincount(labels, minlength=len(data.classes))
    if len(data.classes) > max(2, len(labels) / 2):
        raise UserError(
            f"target {name!r} of {data.source} has {len(data.classes)} different values in "
            f"{len(labels)} rows, as in {data.classes[0]!r}; name the column with --target"
        )
    if counts.min() < FEWEST_PER_CLASS:
        rarest = data.classes[counts.argmin()]
        raise UserError(
            f"class {rarest!r} of {name!r} has {counts.min()} rows in {data.source}"
            f"{nearest(rarest, [c for c in data.classes if c != rarest])}; add rows until there "
            f"are {FEWEST_PER_CLASS}, or remove the class"
        )


def _without_target(source: str, target: str, left_out: list[str], kept: list[int]) -> list[str]:
    if not kept:
        raise UserError(f"no row of {source} has a value in {target!r}, the target")
    if not left_out:
        return []
    return [f"left out rows without a {target} ({len(left_out)}): {listed(left_out)}"]


def _divided(
    rows: Sequence[Row], labels: np.ndarray, given: Sequence[str], target: str, notes: list[str]
) -> dict[str, np.ndarray]:
    keys = [_key({name: value for name, value in row.items() if name != target}) for row in rows]
    _, counts = np.unique(labels[_to_be_cut(given)], return_counts=True)
    if counts.min() < FEWEST_PER_CLASS:
        labels = np.zeros(len(rows))
    if len(rows) < FEWEST_ROWS:
        return {"train": np.arange(len(rows))}
    parts = divide(given, keys, labels)
    if len(set(keys)) < FEWEST_DIFFERENT * len(keys) or not all(map(len, parts.values())):
        notes.append("many rows repeat others, so that equal ones are in several splits")
        return divide(given, _told_apart(keys), labels)
    return parts


def _to_be_cut(given: Sequence[str]) -> np.ndarray:
    """Return which rows may have to be divided by us."""
    return np.isin(given, (UNDIVIDED, "train"))


def _told_apart(keys: Sequence[str]) -> list[str]:
    """Return keys that are all different: each with the number of times it came before."""
    seen = Counter()
    told = []
    for key in keys:
        told.append(f"{key} {seen[key]}")
        seen[key] += 1
    return told


def _key(row: Row) -> str:
    return hashlib.sha256(json.dumps(row, default=str, sort_keys=True).encode()).hexdigest()


def _fingerprint(
    target: Target, names: Sequence[str], labels: np.ndarray, rows: Sequence[Row]
) -> str:
    marked = zip(names, labels.tolist(), map(_key, rows), strict=True)
    return fingerprint([target.name, *target.classes], marked)


def _require_training_rows(source: str, target: str, given: Sequence[str]) -> None:
    fewest = 1 if "validation" in given else 2
    if np.sum(_to_be_cut(given)) < fewest and UNDIVIDED not in given:
        raise UserError(
            f"train of {source} has too few rows with a {target}, {given.count('train')}: it takes "
            f"{fewest}" + ("" if fewest == 1 else ", of which one is held out for validation")
        )


def _found_in_train(
    found: Mapping[str, Finding], train: Mapping[str, Sequence[Any]]
) -> dict[str, Finding]:
    """Return the findings; what has values only where nothing is learned from is left out."""
    empty = {name for name, values in train.items() if all(map(is_missing, values))}
    return {
        name: Finding("ignore", "train has no values of it")
        if name in empty and finding.kind != "ignore"
        else finding
        for name, finding in found.items()
    }


def _column_notes(found: Mapping[str, Finding]) -> list[str]:
    kinds: dict[str, list[str]] = {}
    for name, finding in found.items():
        kinds.setdefault(finding.kind, []).append(name)
    notes = [
        f"{kind} columns ({len(names)}): {listed(names)}"
        for kind, names in kinds.items()
        if kind != "ignore"
    ]
    for name, finding in found.items():
        if finding.kind == "ignore":
            notes.append(f"column {name!r} is left out: {finding.reason}")
        elif finding.reason:
            notes.append(f"column {name!r}: {finding.reason}")
    return notes


def _split_notes(
    given: Sequence[str], splits: Mapping[str, TableSplit], target: Target
) -> list[str]:
    notes = [split_note(splits)] if UNDIVIDED in given else []
    if target.classes:
        notes += imbalance_notes(target.classes, splits["train"].labels)
    return notes
