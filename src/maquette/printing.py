"""What the command line prints of results: JSON, lines and tables."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Sequence
from typing import Any


def print_json(value: Any) -> None:
    """Print a value as JSON."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def print_metrics(metrics: dict[str, float], where: str) -> None:
    """Print figures in one line."""
    print(f"on {where}: " + "  ".join(f"{name} {value:.4f}" for name, value in metrics.items()))


def print_table(rows: Sequence[dict[str, Any]], title: str = "") -> None:
    """Print rows of the same keys as a table, of whole lines where the output is a file."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False)
    for name in rows[0]:
        numeric = any(isinstance(row[name], int | float) for row in rows)
        table.add_column(name, justify="right" if numeric else "left")
    for row in rows:
        table.add_row(*map(_cell, row.values()))
    # A file must get whole lines, whatever its width.
    width = None if sys.stdout.isatty() else 10_000
    # Rich ends the program in a way of its own when a pipe closes early, so it does not write.
    text = io.StringIO()
    Console(file=text, width=width, highlight=False, markup=False).print(table)
    print("\n".join(line.rstrip() for line in text.getvalue().splitlines()))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.4f}" if isinstance(value, float) else str(value)
