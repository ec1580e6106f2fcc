"""What the command line prints of results: JSON, lines and tables."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any


def print_json(value: Any) -> None:
    """Print a value as JSON."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def print_metrics(metrics: dict[str, float], where: str) -> None:
    """Print figures in one line."""
    shown = (f"{name} {value:.{decimals_of([value])}f}" for name, value in metrics.items())
    print(f"on {where}: " + "  ".join(shown))


def decimals_of(values: Iterable[Any]) -> int:
    """Return how many decimals show figures of one kind: four, of thousands one."""
    largest = max((abs(value) for value in values if isinstance(value, float)), default=0)
    return 1 if 1000 <= largest < float("inf") else 4


def print_table(
    rows: Sequence[dict[str, Any]], title: str = "", decimals: int | None = None
) -> None:
    """Print rows of the same keys as a table, of whole lines where the output is a file.

    Args:
        rows: what to print.
        title: what stands above it.
        decimals: of all figures. Defaults to what suits the largest one of a column.
    """
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False)
    for name in rows[0]:
        numeric = any(isinstance(row[name], int | float) for row in rows)
        table.add_column(name, justify="right" if numeric else "left")
    places = [decimals or decimals_of(row[name] for row in rows) for name in rows[0]]
    for row in rows:
        table.add_row(*map(_cell, row.values(), places))
    # A file must get whole lines, whatever its width.
    width = None if sys.stdout.isatty() else 10_000
    # Rich ends the program in a way of its own when a pipe closes early, so it does not write.
    text = io.StringIO()
    Console(file=text, width=width, highlight=False, markup=False).print(table)
    print("\n".join(line.rstrip() for line in text.getvalue().splitlines()))


def _cell(value: Any, decimals: int) -> str:
    if value is None:
        return ""
    return f"{value:.{decimals}f}" if isinstance(value, float) else str(value)
