"""What a person reads of a comparison: fewer columns than `--json` has."""

from __future__ import annotations

from typing import Any


def shown_tables(result: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return the rows to print by their title, those of the tests in short.

    Args:
        result: What `maquette.compare` returned.
    """
    tables = {**result["tables"], "Tests": shown_tests(result["tests"])}
    return {title: rows for title, rows in tables.items() if rows}


def shown_tests(tests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the columns of the tests that a person reads beside the verdicts."""
    return [
        {
            "first": row["first"],
            "second": row["second"],
            "test": row["test"],
            "n": row["n"],
            "effect size": f"{row['effect']} {_short(row['effect_size'])}",
            "p": _short(row["p"]),
            "p (Holm)": _short(row["p_corrected"]),
        }
        for row in tests
    ]


def _short(value: float | None) -> str:
    return "-" if value is None else f"{value:.2g}"
