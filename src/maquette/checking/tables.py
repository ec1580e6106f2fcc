"""Tables: columns that are constant, mostly missing, ids, or that give the target away."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from maquette.checking.copies import copy_findings, same
from maquette.checking.findings import Finding, singly
from maquette.checking.rows import Rows
from maquette.tabular.data import TableData

MOSTLY, TELLING, USUAL_SHARE = 0.5, 0.98, 0.9
FEWEST_ALIKE = 3  # rows with one value, for it to tell anything
ALL_DIFFERENT = 0.95
ADVICE = {
    "constant_column": "it tells nothing; remove it",
    "mostly_missing": "what it tells is whether a value is there; look whether that is meant",
    "id_column": "each row has another value: a model learns rows by heart from it; remove it",
    "target_leak": "it may be known only after what is to be predicted; if so, remove it",
}
MESSAGES = {
    "constant_column": "columns with one value only",
    "mostly_missing": "columns of which most values are missing",
    "id_column": "columns that number or name the rows",
    "target_leak": "columns that alone tell the target",
}


def table_findings(rows: Rows, data: TableData) -> list[Finding]:
    """Return what the columns and rows of a table tell.

    Args:
        rows: all examples.
        data: the table.
    """
    values = [row for split in data.splits.values() for row in split.rows]
    target = data.target.name
    names = [name for name in dict.fromkeys(n for row in values for n in row) if name != target]
    faults: dict[str, dict[str, str]] = defaultdict(dict)
    for name in names:
        kind, detail = _fault([_plain(row.get(name)) for row in values], rows.labels, name)
        if kind:
            faults[kind][name] = detail
    findings = [
        Finding(
            "error" if kind == "target_leak" else "warning",
            kind,
            f"{MESSAGES[kind]}: {len(columns)}",
            singly([*columns], [*columns.values()]),
            ADVICE[kind],
        )
        for kind, columns in faults.items()
    ]
    keys = [repr([_plain(row.get(name)) for name in names]) for row in values]
    return findings + copy_findings(rows, same(keys), near=False)


def _fault(values: list[str], labels: list[str], name: str) -> tuple[str, str]:
    """Return the kind of what is wrong with a column, and what shows it; empty where nothing is."""
    given = [value for value in values if value]
    counts = Counter(given)
    if given and len(given) < MOSTLY * len(values):
        return "mostly_missing", f"{1 - len(given) / len(values):.0%} missing"
    if len(counts) <= 1:
        return "constant_column", next(iter(counts), "all missing")
    if len(counts) >= ALL_DIFFERENT * len(given):
        return ("id_column", f"{len(counts)} different") if _names_rows(given, name) else ("", "")
    share = _told(values, labels)
    if share >= TELLING and Counter(labels).most_common(1)[0][1] <= USUAL_SHARE * len(labels):
        return "target_leak", f"right in {share:.1%} of the rows"
    return "", ""


def _names_rows(values: list[str], name: str) -> bool:
    """Return whether values that are all different are numbers in a row, or called an id."""
    is_called = name.casefold() in ("id", "index", "key", "uuid") or name.casefold().endswith("_id")
    if not all(value.isdigit() for value in values):
        return is_called
    numbers = [int(value) for value in values]
    return is_called or max(numbers) - min(numbers) < 1.2 * len(numbers)


def _told(values: list[str], labels: list[str]) -> float:
    """Return the share of rows whose label the other rows of the same value tell."""
    by_value: dict[str, Counter] = defaultdict(Counter)
    for value, label in zip(values, labels, strict=True):
        by_value[value][label] += 1
    if len(set(labels)) > len(labels) / 2:  # numbers to be predicted
        return 0.0
    frequent = (counts for counts in by_value.values() if counts.total() >= FEWEST_ALIKE)
    return sum(max(counts.values()) for counts in frequent) / len(labels)


def _plain(value: Any) -> str:
    if value is None or value != value:
        return ""
    return (
        str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()
    )
