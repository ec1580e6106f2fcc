"""Your own texts: a folder with one sub-folder of .txt files for each class.

Two layouts are understood:

    FOLDER/CLASS/text.txt          divided by us: 70 % train, 15 % validation, 15 % test
    FOLDER/train/CLASS/text.txt    divided by you: train/, and val/ and test/ where there are any

UTF-8 is read, UTF-16 with its mark, and where a file is neither, Windows-1252. Hidden files are
ignored. Files that are empty or no text are named and left out. Texts are divided by a hash of
their contents, so the parts are the same every time and equal texts stay together.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from maquette.datasets import text_table
from maquette.errors import UserError
from maquette.images.class_folders import FileKind, find_files, is_path, left_out_notes
from maquette.left_out import LeftOut
from maquette.text.data import TextData, from_texts
from maquette.text.reading import (
    TEXT_SUFFIXES,
    Decoded,
    UnreadableText,
    encoding_notes,
    read_all,
    tidy,
)
from maquette.text.tables import TABLE_SUFFIXES

KIND = "text"
FORM = "FOLDER/CLASS/text.txt"
COPIED = "files"
LAST = True
TEXTS = FileKind("texts", TEXT_SUFFIXES)


def matches(source: str) -> bool:
    """Return whether `source` is meant as a folder, and as one of texts in place of tables."""
    return is_path(source) and not text_table.matches(source)


def load(
    source: str, strict: bool = False, progress: Callable[[int, int], None] | None = None
) -> TextData:
    """Read every text of a folder.

    Args:
        source: path of the folder.
        strict: refuse a folder with files that cannot be read or classes that cannot be learned or
            judged, in place of leaving them out.
        progress: called with the number of texts read and their total, after each.

    Returns:
        The data, in memory.

    Raises:
        UserError: the folder is missing or its layout is not understood, fewer than two classes
            can be learned, or `strict` and something is amiss.
    """
    if os.path.isfile(os.path.expanduser(source)):
        raise UserError(
            f"{source} is no labelled text; give a folder with one sub-folder of .txt files for "
            f"each class, or a table: {' '.join(TABLE_SUFFIXES)}, each also with .gz"
        )
    found = find_files(source, TEXTS, strict)
    outcomes = read_all([found.root / entry.name for entry in found.entries], progress)
    pairs = list(zip(found.entries, outcomes, strict=True))
    unreadable = [LeftOut(e.name, str(why)) for e, why in pairs if isinstance(why, UnreadableText)]
    if unreadable and (strict or len(unreadable) == len(pairs)):
        raise UserError(
            f"{len(unreadable)} of {len(pairs)} texts in {found.root} cannot be read, "
            f"the first {unreadable[0]}; replace or remove them"
        )
    readable = [(entry, text) for entry, text in pairs if isinstance(text, Decoded)]
    entries = [entry for entry, _ in readable]
    encodings = encoding_notes((entry.name, text) for entry, text in readable)
    return from_texts(
        source=str(found.root),
        texts=[tidy(text.text) for _, text in readable],
        labels=[found.classes.index(entry.label) for entry in entries],
        classes=found.classes,
        names=[entry.name for entry in entries],
        given=[entry.split for entry in entries],
        notes=(*found.notes, *left_out_notes(found, unreadable), *encodings),
        left_out=found.left_out(unreadable),
        strict=strict,
    )
