"""Find the tables of a data source, and what their columns and labels are called."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from maquette.errors import UserError, nearest
from maquette.images.class_folders import visible
from maquette.paths import absolute, require_file
from maquette.splits import SPLIT_NAMES, UNDIVIDED, listed
from maquette.text.reading import tidy
from maquette.text.tables import Table, is_table, stem

SPLITS = ("train", "validation", "test")
SHOWN = 30  # letters


def names_tables(source: str) -> bool:
    """Return whether `source` is named like a table, or is a folder that holds tables."""
    path = absolute(source)
    if not path.is_dir():
        return is_table(source) and not re.match(r"\w{2,}:", source)
    names = _tables_in(path)
    is_divided = any(_split_of(name) for name in names)
    return is_divided or (bool(names) and not visible(path, os.path.isdir))


def files_by_split(root: Path) -> tuple[dict[str, Path], list[str]]:
    """Return the table of each split, and notes on other files.

    Args:
        root: one table, which is `UNDIVIDED`, or a folder with files named after splits.

    Raises:
        UserError: there is no such file, or it cannot be told which one to train on.
    """
    if not root.is_dir():
        require_file(root)
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


def require_column(path: Path, columns: Collection[str], name: str, option: str) -> None:
    """Make sure that a table has a column.

    Args:
        path: the table.
        columns: those it has.
        name: the one that is wanted.
        option: what the user names it by, e.g. "--target".

    Raises:
        UserError: it has none of that name, and the nearest is told; or it has two.
    """
    if list(columns).count(name) > 1:
        raise UserError(f"{path} has the column {name!r} twice; rename one")
    if name not in columns:
        there_are = listed([_shown(column) for column in columns])
        raise UserError(
            f"{path} has no column {name!r} but {there_are}{nearest(name, columns)}; "
            f"name it with {option}"
        )


def numbered_rows(path: Path, table: Table) -> list[tuple[str, dict[str, Any]]]:
    """Return for each row where it stands, as in "reviews.csv:12", and its values."""
    return [(f"{path.name}:{line}", values) for line, values in table.rows]


def label_of(value: Any) -> str:
    """Return a label as a string, empty where there is none."""
    if isinstance(value, bool):
        value = str(value).lower()
    elif isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, (str, int)):
        return ""
    # The same letter with its accent apart, as macOS writes names, is no other class.
    return unicodedata.normalize("NFC", " ".join(tidy(str(value)).split()))


def classes_of(labels: Sequence[str], source: Path, target: str) -> list[str]:
    """Return the different labels in order, whole numbers by their value.

    Args:
        labels: one for each example.
        source: what they were read from, for messages.
        target: the column, for messages.

    Raises:
        UserError: there are none, or nearly as many as there are examples.
    """
    classes = sorted(set(labels), key=number_or_word)
    if not classes:
        raise UserError(f"no line of {source} has all that an example needs")
    if len(classes) > max(2, len(labels) / 2):
        raise UserError(
            f"column {target!r} of {source} has {len(classes)} different labels in "
            f"{len(labels)} lines, as in {_shown(classes[0])}; name the column with --target"
        )
    return classes


def number_or_word(label: str) -> tuple[bool, int, str]:
    """Return what to sort labels by: whole numbers by their value, then words."""
    is_number = bool(re.fullmatch(r"-?[0-9]{1,18}", label))
    return not is_number, int(label) if is_number else 0, label


def left_out_notes(root: Path, left_out: dict[str, Sequence[str]], strict: bool) -> list[str]:
    """Return lines on what is left out.

    Args:
        root: what was read.
        left_out: names of examples, by what is the matter with them.
        strict: refuse to leave anything out.

    Raises:
        UserError: `strict`, and something would be left out.
    """
    notes = [f"{what} ({len(names)}): {listed(names)}" for what, names in left_out.items() if names]
    if notes and strict:
        raise UserError(f"{root} has {', '.join(notes)}; mend or remove them")
    return [f"left out {note}" for note in notes]


def _tables_in(folder: Path) -> list[str]:
    return [name for name in visible(folder, os.path.isfile) if is_table(name)]


def _split_of(name: str) -> str | None:
    """Return the split that a file is named after, as in `imdb_train.jsonl`."""
    words = re.split(r"[^a-z]+", stem(name))
    return next((SPLIT_NAMES[word] for word in words if word in SPLIT_NAMES), None)


def _shown(text: str) -> str:
    return repr(text if len(text) <= SHOWN else f"{text[:SHOWN]}…")
