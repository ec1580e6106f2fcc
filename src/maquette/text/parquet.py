"""Read and write Parquet tables."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maquette.errors import UserError
from maquette.text.reading import GZIP

if TYPE_CHECKING:
    import pyarrow

PARQUET_SUFFIXES = (".parquet", ".pq")


def read_parquet(path: Path) -> tuple[list[str], list[dict[str, Any]]]:
    """Read a Parquet file, packed with gzip or not.

    Args:
        path: path of the file.

    Returns:
        The names of the columns, and the values of each row by column: numbers, strings, booleans,
        dates and so on as Python has them, `None` where there is none.

    Raises:
        UserError: the file cannot be read, or pyarrow is missing.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise UserError(f"reading {path} takes pyarrow: pip install pyarrow") from None
    try:
        with path.open("rb") as file:
            is_packed = file.read(len(GZIP)) == GZIP
        source = pyarrow.BufferReader(gzip.decompress(path.read_bytes())) if is_packed else path
        table = parquet.ParquetFile(source).read()
        return table.column_names, _plain(table).to_pylist()
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or "damaged gzip or Parquet file"
        raise UserError(f"cannot read {path} as a table: {reason}") from None
    except (pyarrow.ArrowException, ValueError, OverflowError) as error:
        reason = str(error).partition("\n")[0].rstrip(".")
        raise UserError(f"cannot read {path} as a Parquet table: {reason}") from None


def write_parquet(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write rows as `read_parquet` returns them."""
    import pyarrow
    from pyarrow import parquet

    parquet.write_table(pyarrow.Table.from_pylist(rows), path)


def _plain(table: pyarrow.Table) -> pyarrow.Table:
    """Return the table with times that Python can hold: to the microsecond."""
    from pyarrow import timestamp, types

    for index, field in enumerate(table.schema):
        if types.is_timestamp(field.type) and field.type.unit == "ns":
            times = table.column(index).cast(timestamp("us", field.type.tz), safe=False)
            table = table.set_column(index, field.name, times)
    return table
