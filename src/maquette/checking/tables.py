"""Columns that give the target away or say nothing, values that are missing, rows seen twice."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from maquette.checking.copies import same
from maquette.checking.findings import Finding, Item, plural, singly
from maquette.checking.rows import Rows
from maquette.tabular.columns import Column
from maquette.tabular.data import Row, TableData
from maquette.tabular.values import is_missing

LOOKED_AT = 3000  # training rows
FEWEST_LOOKED_AT = 30
FOLDS, LEAVES = 3, 64
GIVES_AWAY = 0.99  # of what there is to know of the target
MOSTLY_MISSING = 0.5
USUALLY_DIFFERENT = 0.9  # share of different rows in a split, from which equal ones are no chance


def table_findings(rows: Rows, data: TableData) -> list[Finding]:
    """Return what the columns and the rows of a table tell.

    Args:
        rows: all examples.
        data: the table.
    """
    values = [row for split in data.splits.values() for row in split.rows]
    return [
        *_leaks(data),
        *_odd_values(data),
        *_missing(data, values),
        *_left_out(data),
        *_across(rows, values),
    ]


def _leaks(data: TableData) -> list[Finding]:
    """Tell of columns from which alone the target follows, by a small decision tree on each."""
    train = data.splits["train"]
    rows = train.subset(np.linspace(0, len(train) - 1, min(len(train), LOOKED_AT)).astype(int))
    if len(rows) < FEWEST_LOOKED_AT or len(set(rows.labels.tolist())) < 2:
        return []
    scores = {column.name: _score(column, data, rows.rows, rows.labels) for column in data.columns}
    items = tuple(
        Item((name,), f"tells {score:.1%} of {data.target.name!r} by itself")
        for name, score in scores.items()
        if score >= GIVES_AWAY
    )
    if not items:
        return []
    message = f"{plural(len(items), 'columns')} from which alone the target follows"
    advice = (
        "if it is not known when predicting, leave it out: "
        f"--columns {items[0].names[0]}=ignore; else a rule would do in place of a network"
    )
    return [Finding("error", "target_leak", message, items, advice)]


def _score(column: Column, data: TableData, rows: Sequence[Row], labels: np.ndarray) -> float:
    """Return what a column alone tells of the target: of unseen rows, 0 as guessed and 1 all."""
    from sklearn.model_selection import KFold, cross_val_predict
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    codes = column.codes([row.get(column.name) for row in rows], data.vocabulary)
    tree = (DecisionTreeClassifier if data.classes else DecisionTreeRegressor)(
        max_leaf_nodes=LEAVES, random_state=0
    )
    order = np.random.default_rng(0).permutation(len(labels))  # Files are often sorted.
    labels = labels[order]
    predicted = cross_val_predict(tree, codes[order], labels, cv=KFold(FOLDS))
    if not data.classes:
        return 1 - float(np.var(labels - predicted) / np.var(labels))
    wrong = np.mean(predicted != labels)
    guessed_wrong = 1 - np.bincount(labels).max() / len(labels)
    return 1 - float(wrong / guessed_wrong)


def _odd_values(data: TableData) -> list[Finding]:
    odd = {name: f.reason for name, f in data.findings.items() if f.reason and f.kind != "ignore"}
    if not odd:
        return []
    message = f"{plural(len(odd), 'columns')} with values of another kind, taken as missing"
    advice = "mend the values, or name the kind: --columns COLUMN=category"
    return [
        Finding("warning", "odd_values", message, singly(list(odd), list(odd.values())), advice)
    ]


def _missing(data: TableData, values: Sequence[Row]) -> list[Finding]:
    shares = {
        column.name: sum(is_missing(row.get(column.name)) for row in values) / len(values)
        for column in data.columns
    }
    found = {
        "mostly_missing": ("warning", "mostly without values", MOSTLY_MISSING, 1.0),
        "missing_values": ("note", "with missing values", 0.0, MOSTLY_MISSING),
    }
    findings = []
    for kind, (severity, what, low, high) in found.items():
        lacking = {name: share for name, share in shares.items() if low < share <= high}
        if lacking:
            items = singly(list(lacking), [f"{share:.0%} missing" for share in lacking.values()])
            message = f"{plural(len(lacking), 'columns')} {what}"
            findings.append(Finding(severity, kind, message, items))
    return findings


def _left_out(data: TableData) -> list[Finding]:
    left_out = {name: f.reason for name, f in data.findings.items() if f.kind == "ignore"}
    if not left_out:
        return []
    message = f"{plural(len(left_out), 'columns')} of no use, left out"
    items = singly(list(left_out), list(left_out.values()))
    return [Finding("note", "column_left_out", message, items)]


def _across(rows: Rows, values: Sequence[Row]) -> list[Finding]:
    """Tell of rows to be judged by that are in train as well, where rows are usually different."""
    keys = [json.dumps(row, sort_keys=True, default=str) for row in values]
    groups = [group for group in same(keys) if len({rows.splits[i] for i in group}) > 1]
    different = len(set(zip(rows.splits, keys, strict=True)))
    if not groups or different < USUALLY_DIFFERENT * len(rows):
        return []
    items = tuple(
        Item(tuple(rows.named(group)), places=tuple(rows.splits[i] for i in group))
        for group in groups
    )
    message = f"{plural(len(groups), 'rows')} in more than one split"
    advice = "the score counts what was learned by heart: leave them out of train"
    return [Finding("warning", "rows_across_splits", message, items, advice)]
