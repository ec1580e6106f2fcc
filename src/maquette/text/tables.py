"""Read tables: CSV and its relatives, JSON lines, and Parquet."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maquette.errors import UserError
from maquette.text.parquet import PARQUET_SUFFIXES, read_parquet
from maquette.text.reading import UnreadableText, encoding_notes, read

JSON_SUFFIXES = (".jsonl", ".ndjson", ".json")
TABLE_SUFFIXES = (".csv", ".tsv", *JSON_SUFFIXES, *PARQUET_SUFFIXES)
DELIMITERS = ",;\t|"
LONGEST_FIELD = 2**31 - 1
QUOTED = re.compile(r'"[^"]*"')
ESCAPED_HALF = re.compile(r"\\u[dD][89a-fA-F]")


@dataclass(frozen=True)
class Table:
    """Rows of a file.

    Attributes:
        columns: names, in the order in which they come.
        rows: for each good row the line that it begins on, from 1, and its values by column:
            strings where the file is CSV or TSV, typed values where it is JSON lines or Parquet.
            Parquet has no lines; there it is the number of the row.
        broken: for each other row its line and what is wrong, as in "12 (not a JSON object)".
        notes: lines for the user on how the file was read.
    """

    columns: list[str]
    rows: list[tuple[int, dict[str, Any]]]
    broken: list[str]
    notes: list[str]


def is_table(name: str) -> bool:
    """Return whether a file's suffix is that of a table."""
    return bool(_suffix(name))


def stem(name: str) -> str:
    """Return the name of a table without its suffixes."""
    return name.lower().removesuffix(".gz").removesuffix(_suffix(name))


def read_table(path: Path) -> Table:
    """Read a table, by its suffix: one of `TABLE_SUFFIXES`, also with .gz.

    The first line of CSV and TSV names the columns; commas, semicolons, tabs or bars part them,
    whichever that line has most of outside quotes. JSON lines have one object each; an array of
    objects is read as well.

    Raises:
        UserError: the file cannot be read, or has no good row.
    """
    if _suffix(path.name) in PARQUET_SUFFIXES:
        return _parquet(path)
    try:
        decoded = read(path)
    except UnreadableText as error:
        raise UserError(f"cannot read {path} as a table: {error}") from error
    notes = encoding_notes([(path.name, decoded)])
    is_json = _suffix(path.name) in JSON_SUFFIXES
    table = (_json_lines if is_json else _delimited)(decoded.text, notes)
    if not table.rows:
        first = f": line {table.broken[0]}" if table.broken else ""
        wanted = "one JSON object on each line" if is_json else "a line of names, then rows"
        raise UserError(f"{path} has no good row{first}; expected {wanted}")
    return table


def _parquet(path: Path) -> Table:
    columns, rows = read_parquet(path)
    if not rows:
        raise UserError(f"{path} has no rows")
    return Table(columns, list(enumerate(rows, start=1)), [], [])


def _suffix(name: str) -> str:
    name = name.lower().removesuffix(".gz")
    return next((suffix for suffix in TABLE_SUFFIXES if name.endswith(suffix)), "")


def _json_lines(text: str, notes: list[str]) -> Table:
    rows, broken = [], []
    for number, values in _array(text) or _lines(text):
        if isinstance(values, dict):
            rows.append((number, values))
        else:
            broken.append(f"{number} (not a JSON object)")
    columns = dict.fromkeys(name for _, values in rows for name in values)
    return Table(list(columns), rows, broken, notes)


def _array(text: str) -> list[tuple[int, Any]]:
    """Return the objects of a JSON array, numbered; none where the text is no such array."""
    values = _json_value(text) if text.lstrip().startswith("[") else None
    is_array = isinstance(values, list) and all(isinstance(value, dict) for value in values)
    return list(enumerate(values, start=1)) if is_array else []


def _lines(text: str) -> Iterator[tuple[int, Any]]:
    lines = enumerate(text.split("\n"), start=1)
    return ((number, _json_value(line)) for number, line in lines if line.strip())


def _json_value(text: str) -> Any:
    """Return what a JSON text holds, `None` where it is damaged."""
    try:
        value = json.loads(text)
        if ESCAPED_HALF.search(text):  # Half of a surrogate pair alone can never be written.
            value = json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
        return value
    except (ValueError, RecursionError):
        return None


def _delimited(text: str, notes: list[str]) -> Table:
    names = QUOTED.sub("", re.search(r"[^\r\n]*\S[^\r\n]*", text)[0])
    delimiter = max(DELIMITERS, key=names.count)
    tables = [_parsed(text, delimiter, csv.QUOTE_MINIMAL, notes)]
    if delimiter == "\t" and tables[0].broken:  # in many such files a quote is just a quote
        tables.append(_parsed(text, delimiter, csv.QUOTE_NONE, notes))
    return min(tables, key=lambda table: len(table.broken))


def _parsed(text: str, delimiter: str, quoting: int, notes: list[str]) -> Table:
    columns, rows, broken = None, [], []
    for line, fields in _records(text, delimiter, quoting):
        if isinstance(fields, str):
            broken.append(f"{line} ({fields})")
        elif columns is None:
            columns = [name.strip() for name in fields]
        elif len(fields) != len(columns):
            broken.append(f"{line} ({len(fields)} fields in place of {len(columns)})")
        else:
            rows.append((line, dict(zip(columns, fields, strict=True))))
    return Table(columns or [], rows, broken, notes)


def _records(text: str, delimiter: str, quoting: int) -> Iterator[tuple[int, list[str] | str]]:
    """Yield the line that each record begins on, and its fields or what is wrong with it."""
    before = csv.field_size_limit(LONGEST_FIELD)
    lines, start = list(io.StringIO(text, newline="")), 0
    style = {"delimiter": delimiter, "quoting": quoting, "strict": True}
    try:
        while start < len(lines):
            rest = (lines[index] for index in range(start, len(lines)))
            reader, first = csv.reader(rest, **style), start + 1
            try:
                for fields in reader:
                    if fields and not (len(fields) == 1 and fields[0].isspace()):
                        yield first, fields
                    first = start + reader.line_num + 1
                return
            except csv.Error as error:
                yield first, str(error)
                start = first  # A quote that is not closed has swallowed lines that may be good.
    finally:
        csv.field_size_limit(before)
