"""Tables as CSV files, written whole and read back with their types."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from maquette.files import write_text


def write_table(path: Path, rows: Sequence[Mapping[str, Any]], columns: Sequence[str] = ()) -> None:
    """Write rows with the columns of all of them, those that are named first."""
    names = list(dict.fromkeys([*columns, *(name for row in rows for name in row)]))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())


def read_table(path: Path, kinds: Mapping[str, Callable[[str], Any]]) -> list[dict[str, Any]]:
    """Return the rows of a table, each column as its kind; none where there is no file."""
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [
            {name: kinds[name](value) for name, value in row.items()}
            for row in csv.DictReader(file)
        ]
