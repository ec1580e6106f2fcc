"""Choosing the best of several exported files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from maquette.errors import UserError

ABOUT_AS_SMALL = 1.1


def best(rows: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the row of the fastest among the smallest files that passed the gate.

    What is at most a tenth larger than the smallest counts as no larger.

    Args:
        rows: Of the table of an export.
    """
    # A format may have come out as another one.
    passed = list({row["sha256"]: row for row in reversed(rows) if not row["failures"]}.values())
    if not passed:
        return None
    limit = ABOUT_AS_SMALL * min(row["bytes"] for row in passed)
    small = [row for row in passed if row["bytes"] <= limit]
    return min(small, key=lambda row: row["latency_ms"])


def front(rows: Sequence[dict[str, Any]], score: str, cost: str) -> list[dict[str, Any]]:
    """Return the rows that no other beats in score and in cost, the cheapest first.

    Args:
        rows: Of files that passed.
        score: Column of which more is better.
        cost: Column of which less is better.
    """
    kept: list[dict[str, Any]] = []
    for row in sorted(rows, key=lambda row: (row[cost], -row[score])):
        if not kept or row[score] > kept[-1][score]:
            kept.append(row)
    return kept


def share(text: str | float) -> float:
    """Return a share of 1 that was given as `"1%"`, `"0.01"` or 0.01.

    Raises:
        UserError: it is none, or not between 0 and 1.
    """
    value, percent = str(text).strip(), str(text).strip().endswith("%")
    try:
        number = float(value.removesuffix("%")) / (100 if percent else 1)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise UserError(f"--budget must be a share such as 1% or 0.01; received {text}")
    return number
