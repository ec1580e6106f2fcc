"""Your own text: the column of texts of a table, as a corpus without labels.

CSV, TSV, JSON lines or Parquet, each also with .gz, or a folder with train and test files of these
kinds, which are read together. `--text-column` names the column; by default it is "text". Each text
is a document. Rows without one are counted and left out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from maquette.errors import UserError
from maquette.paths import absolute
from maquette.text.corpus import RawCorpus
from maquette.text.reading import tidy
from maquette.text.table_files import (
    files_by_split,
    left_out_notes,
    names_tables,
    numbered_rows,
    require_column,
)
from maquette.text.tables import read_table

KIND = "corpus"
FORM = "reviews.csv --text-column review"


def matches(source: str) -> bool:
    """Return whether `source` is named like a table, or is a folder that holds tables."""
    return names_tables(source)


def load(
    source: str,
    strict: bool = False,
    progress: Callable[[int, int], None] | None = None,
    text_column: str = "text",
) -> RawCorpus:
    """Read the texts of a table, or of a folder of tables, into memory.

    Args:
        source: path of the file or the folder.
        strict: refuse lines that are broken or lack a text, in place of leaving them out.
        progress: called with the number of files read and their total, after each.
        text_column: name of the column of texts.

    Raises:
        UserError: a file or the column is missing, there are no texts, or `strict` and a line is
            of no use.
    """
    root = absolute(source)
    files, notes = files_by_split(root)
    texts, empty, broken = [], [], []
    for count, path in enumerate(files.values(), start=1):
        table = read_table(path)
        require_column(path, table.columns, text_column, "--text-column")
        for name, values in numbered_rows(path, table):
            value = values.get(text_column)
            if text := tidy(value) if isinstance(value, str) else "":
                texts.append(text)
            else:
                empty.append(name)
        broken += [f"{path.name}:{line}" for line in table.broken]
        notes += table.notes
        if progress:
            progress(count, len(files))
    left_out = {"broken lines": broken, "lines without a text": empty}
    notes += left_out_notes(root, left_out, strict)
    if not texts:
        raise UserError(f"column {text_column!r} of {root} has no texts")
    digest = hashlib.sha256("\0".join(texts).encode("utf-8", "replace"))
    return RawCorpus(str(root), digest.hexdigest(), tuple(notes), lambda: ([t] for t in texts))
