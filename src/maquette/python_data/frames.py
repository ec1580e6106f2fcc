"""Write data frames, of pandas, Polars or Arrow, and dictionaries of columns, as Parquet."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from maquette.errors import UserError, nearest
from maquette.python_data.written import Written, file_of, source_of
from maquette.splits import listed


def write(folder: Path, parts: dict[str, Any], named: dict[str, str | None]) -> Written:
    """Write frames.

    Args:
        folder: Where to.
        parts: Frames by split.
        named: Columns that were named. Paths in that of the images are relative to where the
            program runs.

    Raises:
        UserError: a column is missing, or its values are of several kinds.
    """
    for split, frame in parts.items():
        write_table(folder / file_of(split, ".parquet"), frame, named)
    return Written(source_of(parts, ".parquet"))


def write_table(path: Path, frame: Any, named: dict[str, str | None] | None = None) -> None:
    """Write one frame to a file."""
    from pyarrow import parquet

    table = _arrow(frame).replace_schema_metadata(None)
    for argument, column in (named or {}).items():
        if column is not None and column not in table.column_names:
            raise UserError(
                f"the data has no column {column!r} but {listed(table.column_names)}"
                f"{nearest(column, table.column_names)}; name it with {argument}"
            )
    if image := (named or {}).get("image_column"):
        paths = [None if p is None else os.path.abspath(str(p)) for p in table[image].to_pylist()]
        table = table.set_column(table.column_names.index(image), image, [paths])
    with _told():
        parquet.write_table(table, path)


def _arrow(frame: Any) -> Any:
    import pyarrow

    with _told():
        if hasattr(frame, "iloc"):
            return pyarrow.Table.from_pandas(frame, preserve_index=False)
        return pyarrow.table(frame)


@contextmanager
def _told() -> Iterator[None]:
    """Turn what Arrow says of values that it cannot write into one line."""
    import pyarrow

    try:
        yield
    except (pyarrow.ArrowException, TypeError, ValueError) as error:
        reason = " ".join(str(part) for part in error.args).partition("\n")[0]
        raise UserError(f"cannot write the data frame as a table: {reason}") from None
