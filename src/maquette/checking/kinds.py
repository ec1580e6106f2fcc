"""What kind of data a source holds, where no template says it, and where on the disk it lies."""

from __future__ import annotations

import os
from collections import Counter
from itertools import islice
from pathlib import Path

from maquette.datasets import text_file
from maquette.images.decoding import IMAGE_SUFFIXES
from maquette.paths import absolute
from maquette.sources import KINDS, Source, kind_of
from maquette.text.reading import TEXT_SUFFIXES
from maquette.text.tables import is_table, read_table

LOOKED_AT = 10_000  # files
TEXT_COLUMN = "text"


def natural_kind(source: str) -> str:
    """Return "images", "text", "corpus" or "table": what a user would call it.

    Raises:
        UserError: there is no such data.
    """
    asked = Source.of(source)
    path = path_of(source)
    if asked.image:
        return "images"
    if asked.text:
        return "text"
    if path is not None and path.is_dir():
        return _of_folder(path, source)
    if path is not None and is_table(path.name):
        columns = read_table(path).columns
        return "text" if TEXT_COLUMN in columns else kind_of(source, ("table", "images", "text"))
    if path is not None and text_file.is_text_file(path.name):
        return "corpus"
    return kind_of(source, KINDS)


def path_of(source: str) -> Path | None:
    """Return the file or folder that a source names, if it names one that exists."""
    path = absolute(Source.of(source).name)
    return path if os.path.exists(path) else None


def _of_folder(path: Path, source: str) -> str:
    files = (name for _, _, names in os.walk(path) for name in names if not name.startswith("."))
    counts = Counter(filter(None, map(_kind_of_file, islice(files, LOOKED_AT))))
    if not counts:
        return kind_of(source, KINDS)
    kind = counts.most_common(1)[0][0]
    return kind if kind != "table" else kind_of(source, ("table", "text"))


def _kind_of_file(name: str) -> str | None:
    suffix = os.path.splitext(name)[1].lower()
    if suffix in IMAGE_SUFFIXES:
        return "images"
    if suffix in TEXT_SUFFIXES:
        return "text"
    return "table" if is_table(name) else None
