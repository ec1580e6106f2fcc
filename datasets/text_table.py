"""Your own texts: a table with a column of texts and one of labels.

CSV and TSV files name their columns in the first line; of JSON lines (.jsonl, .ndjson, .json) each
holds one object; Parquet is read too. All may be packed as .gz. `--text-column` and `--target` name
the columns; by default they are "text" and "label". Labels are words, whole numbers or true and
false.

    reviews.csv              divided by us: 70 % train, 15 % validation, 15 % test
    FOLDER/a_train.jsonl     divided by you: files with train, test and val in their names

Without a val file, 15 % of train are held out for validation.

Lines that are broken or lack a text or a label are counted and left out. Equal texts stay in one
split where we divide.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from maquette.left_out import LeftOut
from maquette.paths import absolute
from maquette.text.data import TextData, from_texts
from maquette.text.reading import tidy
from maquette.text.table_files import (
    classes_of,
    files_by_split,
    label_of,
    left_out_notes,
    names_tables,
    numbered_rows,
    require_column,
)
from maquette.text.tables import read_table

KIND = "text"
FORM = "reviews.csv --text-column review --target stars"
COPIED = "rows"


class Row(NamedTuple):
    """A text and its label, empty where there is none."""

    split: str
    name: str
    text: str
    label: str


def matches(source: str) -> bool:
    """Return whether `source` is named like a table, or is a folder that holds tables."""
    return names_tables(source)


def load(
    source: str,
    strict: bool = False,
    progress: Callable[[int, int], None] | None = None,
    text_column: str = "text",
    target: str = "label",
) -> TextData:
    """Read a table, or a folder of tables named train, test and validation.

    Args:
        source: path of the file or the folder.
        strict: refuse lines that are broken or lack a value, and classes that cannot be learned or
            judged, in place of leaving them out.
        progress: called with the number of files read and their total, after each.
        text_column: name of the column of texts.
        target: name of the column of labels.

    Returns:
        The data, in memory.

    Raises:
        UserError: a file or column is missing, a file is no table, fewer than two classes can
            be learned, or `strict` and something is amiss.
    """
    root = absolute(source)
    files, notes = files_by_split(root)
    rows, broken = [], []
    for count, (split, path) in enumerate(files.items(), start=1):
        table = read_table(path)
        require_column(path, table.columns, text_column, "--text-column")
        require_column(path, table.columns, target, "--target")
        for name, values in numbered_rows(path, table):
            rows.append(
                Row(split, name, _text(values.get(text_column)), label_of(values.get(target)))
            )
        broken += [f"{path.name}:{line}" for line in table.broken]
        notes += table.notes
        if progress:
            progress(count, len(files))
    left_out = {
        "broken lines": broken,
        "lines without a text": [row.name for row in rows if not row.text],
        "lines without a label": [row.name for row in rows if row.text and not row.label],
    }
    notes += left_out_notes(root, left_out, strict)
    lost = tuple(
        LeftOut(name, f"among the {what}") for what, names in left_out.items() for name in names
    )
    kept = [row for row in rows if row.text and row.label]
    return _assemble(root, kept, target, notes, left_out=lost, strict=strict)


def _assemble(
    root: Path, rows: list[Row], target: str, notes: list[str], **options: Any
) -> TextData:
    classes = classes_of([row.label for row in rows], root, target)
    position = {label: index for index, label in enumerate(classes)}
    return from_texts(
        source=str(root),
        texts=[row.text for row in rows],
        labels=[position[row.label] for row in rows],
        classes=classes,
        names=[row.name for row in rows],
        given=[row.split for row in rows],
        notes=notes,
        **options,
    )


def _text(value: object) -> str:
    return tidy(value) if isinstance(value, str) else ""
