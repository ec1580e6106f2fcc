"""Your own tables: rows of mixed columns, one of which is to be predicted.

CSV and TSV files name their columns in the first line; of JSON lines (.jsonl, .ndjson, .json) each
holds one object; Parquet is read too. All may be packed as .gz. `--target` names the column to
predict; by default it is "target", "label", "class" or "y".

    cars.csv                 divided by us: 70 % train, 15 % validation, 15 % test
    FOLDER/a_train.csv       divided by you: files with train, test and val in their names

Without a val file, 15 % of train are held out for validation. Whether a column holds numbers,
categories, dates, texts, or yes and no, its values tell. Rows that are broken or lack a target are
counted and left out. Equal rows stay in one split where we divide.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from maquette.errors import UserError
from maquette.left_out import LeftOut
from maquette.paths import absolute
from maquette.splits import listed
from maquette.tabular.data import TableData
from maquette.tabular.dividing import from_rows
from maquette.text.table_files import (
    files_by_split,
    left_out_notes,
    names_tables,
    numbered_rows,
    require_column,
)
from maquette.text.tables import Table, read_table

KIND = "table"
FORM = "cars.csv --target price"
COPIED = "rows"
USUAL_TARGETS = ("target", "label", "class", "y")


def matches(source: str) -> bool:
    """Return whether `source` is named like a table, or is a folder that holds tables."""
    return names_tables(source)


def load(
    source: str,
    strict: bool = False,
    progress: Callable[[int, int], None] | None = None,
    target: str | None = None,
    columns: Sequence[str] = (),
    task: str | None = None,
) -> TableData:
    """Read a table, or a folder of tables named train, test and validation.

    Args:
        source: path of the file or the folder.
        strict: refuse lines that are broken, in place of leaving them out.
        progress: called with the number of files read and their total, after each.
        target: name of the column to predict; by default one of `USUAL_TARGETS`.
        columns: kinds of columns, each `COLUMN=KIND`, where the values do not tell.
        task: `"classification"` or `"regression"`; by default as the values of the target tell.

    Returns:
        The data, in memory.

    Raises:
        UserError: a file or column is missing, a file is no table, a column has its name twice, or
            `strict` and a line is broken.
    """
    root = absolute(source)
    files, notes = files_by_split(root)
    rows, names, given, broken = [], [], [], []
    for count, (split, path) in enumerate(files.items(), start=1):
        table = read_table(path)
        target = _target(path, table, target)
        for name, values in numbered_rows(path, table):
            rows.append(values)
            names.append(name)
            given.append(split)
        broken += [f"{path.name}:{line}" for line in table.broken]
        notes += table.notes
        if progress:
            progress(count, len(files))
    notes += left_out_notes(root, {"broken lines": broken}, strict)
    lost = [LeftOut(line, "among the broken lines") for line in broken]
    return from_rows(str(root), rows, target, names, given, columns, task, notes, lost)


def _target(path: Path, table: Table, target: str | None) -> str:
    twice = [name for place, name in enumerate(table.columns) if name in table.columns[:place]]
    if twice:
        raise UserError(f"{path} has the column {twice[0]!r} twice; rename one")
    if target is not None:
        require_column(path, table.columns, target, "--target")
        return target
    usual = [name for name in USUAL_TARGETS if name in table.columns]
    if not usual:
        raise UserError(
            f"which column of {path} is to be predicted? It has {listed(table.columns)}; "
            f"name it with --target"
        )
    return usual[0]
