"""Your own texts: a table with a column of texts and one of labels.

CSV and TSV files name their columns in the first line; of JSON lines (.jsonl, .ndjson, .json) each
holds one object; Parquet is read too. All may be packed as .gz. Options name the columns; by
default they are "text" and "label". Labels are words, whole numbers or true and false.

    reviews.csv              divided by us: 70 % train, 15 % validation, 15 % test
    FOLDER/a_train.jsonl     divided by you: files with train, test and val in their names

Without a val file, 15 % of train are held out for validation.

Lines that are broken or lack a text or a label are counted and left out. Equal texts stay in one
split where we divide.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from maquette.errors import UserError, nearest
from maquette.images.class_folders import visible
from maquette.splits import SPLIT_NAMES, UNDIVIDED, listed
from maquette.text.data import TextData, from_texts
from maquette.text.reading import tidy
from maquette.text.tables import Table, is_table, read_table, stem

KIND = "text"
SPLITS = ("train", "validation", "test")
SHOWN = 30  # letters


class Row(NamedTuple):
    """A text and its label, empty where there is none."""

    split: str
    name: str
    text: str
    label: str


def matches(source: str) -> bool:
    """Return whether `source` is named like a table, or is a folder that holds tables."""
    path = _absolute(source)
    if not path.is_dir():
        return is_table(source) and not re.match(r"\w{2,}:", source)
    names = _tables_in(path)
    is_divided = any(_split_of(name) for name in names)
    return is_divided or (bool(names) and not visible(path, os.path.isdir))


def load(
    source: str,
    strict: bool = False,
    progress: Callable[[int, int], None] | None = None,
    text_column: str = "text",
    label_column: str = "label",
) -> TextData:
    """Read a table, or a folder of tables named train, test and validation.

    Args:
        source: path of the file or the folder.
        strict: refuse lines that are broken or lack a value, in place of leaving them out.
        progress: called with the number of files read and their total, after each.
        text_column: name of the column of texts.
        label_column: name of the column of labels.

    Returns:
        The data, in memory.

    Raises:
        UserError: a file or column is missing, a file is no table, a class has too few texts, or
            `strict` and a line is of no use.
    """
    root = _absolute(source)
    files, notes = _files_by_split(root)
    columns = (text_column, label_column)
    rows, broken = [], []
    for count, (split, path) in enumerate(files.items(), start=1):
        table = read_table(path)
        _require_columns(path, table, columns)
        lines = [(f"{path.name}:{line}", values) for line, values in table.rows]
        rows += [Row(split, name, *_pair(values, *columns)) for name, values in lines]
        broken += [f"{path.name}:{line}" for line in table.broken]
        notes += table.notes
        if progress:
            progress(count, len(files))
    notes += _left_out_notes(root, rows, broken, strict)
    return _assemble(root, [row for row in rows if row.text and row.label], label_column, notes)


def _assemble(root: Path, rows: list[Row], label_column: str, notes: list[str]) -> TextData:
    classes = _classes(root, rows, label_column)
    position = {label: index for index, label in enumerate(classes)}
    return from_texts(
        source=str(root),
        texts=[row.text for row in rows],
        labels=[position[row.label] for row in rows],
        classes=classes,
        names=[row.name for row in rows],
        given=[row.split for row in rows],
        notes=notes,
    )


def _absolute(source: str) -> Path:
    return Path(os.path.abspath(os.path.expanduser(source)))


def _files_by_split(root: Path) -> tuple[dict[str, Path], list[str]]:
    """Return the file of each split, and notes on other files."""
    if not root.is_dir():
        if not root.exists():
            siblings = os.listdir(root.parent) if os.access(root.parent, os.R_OK) else []
            raise UserError(f"no file {root}{nearest(root.name, siblings)}")
        return {UNDIVIDED: root}, []
    names = _tables_in(root)
    if len(names) == 1 and not _split_of(names[0]):
        return {UNDIVIDED: root / names[0]}, []
    files: dict[str, Path] = {}
    for name in names:
        split = _split_of(name)
        if split in files:
            raise UserError(f"{root} has {files[split].name} and {name}; keep one file for {split}")
        if split:
            files[split] = root / name
    if "train" not in files:
        raise UserError(
            f"cannot tell which file of {root} to train on ({listed(names)}); "
            "put train, val and test in their names, or give one file"
        )
    others = [name for name in names if not _split_of(name)]
    notes = [f"left out files of no split ({len(others)}): {listed(others)}"] if others else []
    return {split: files[split] for split in SPLITS if split in files}, notes


def _tables_in(folder: Path) -> list[str]:
    return [name for name in visible(folder, os.path.isfile) if is_table(name)]


def _split_of(name: str) -> str | None:
    """Return the split that a file is named after, as in `imdb_train.jsonl`."""
    words = re.split(r"[^a-z]+", stem(name))
    return next((SPLIT_NAMES[word] for word in words if word in SPLIT_NAMES), None)


def _require_columns(path: Path, table: Table, wanted: Sequence[str]) -> None:
    for option, name in zip(("text", "label"), wanted, strict=True):
        if name not in table.columns:
            shown = [_shown(column) for column in table.columns]
            raise UserError(
                f"{path} has no column {name!r} but {listed(shown)}"
                f"{nearest(name, table.columns)}; name it with --{option}-column"
            )


def _pair(values: dict[str, Any], text_column: str, label_column: str) -> tuple[str, str]:
    """Return text and label as strings, empty where there is none."""
    text, label = values.get(text_column), values.get(label_column)
    if isinstance(label, bool):
        label = str(label).lower()
    elif isinstance(label, float) and label.is_integer():
        label = int(label)
    text = tidy(text) if isinstance(text, str) else ""
    label = tidy(str(label)) if isinstance(label, (str, int)) else ""
    return text, " ".join(label.split())


def _left_out_notes(root: Path, rows: list[Row], broken: list[str], strict: bool) -> list[str]:
    left_out = {
        "broken lines": broken,
        "lines without a text": [row.name for row in rows if not row.text],
        "lines without a label": [row.name for row in rows if row.text and not row.label],
    }
    notes = [f"{what} ({len(names)}): {listed(names)}" for what, names in left_out.items() if names]
    if notes and strict:
        raise UserError(f"{root} has {', '.join(notes)}; mend or remove them")
    return [f"left out {note}" for note in notes]


def _classes(root: Path, rows: list[Row], label_column: str) -> list[str]:
    """Return the labels in order, whole numbers by their value."""
    classes = sorted({row.label for row in rows}, key=_number_or_word)
    if not classes:
        raise UserError(f"no line of {root} has both a text and a label")
    if len(classes) > max(2, len(rows) / 2):
        raise UserError(
            f"column {label_column!r} of {root} has {len(classes)} different labels in "
            f"{len(rows)} lines, as in {_shown(classes[0])}; name the column with --label-column"
        )
    return classes


def _shown(text: str) -> str:
    return repr(text if len(text) <= SHOWN else f"{text[:SHOWN]}…")


def _number_or_word(label: str) -> tuple[bool, int, str]:
    is_number = bool(re.fullmatch(r"-?[0-9]{1,18}", label))
    return not is_number, int(label) if is_number else 0, label
