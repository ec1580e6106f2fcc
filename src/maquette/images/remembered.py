"""What inspections found, remembered from one command to the next for files that did not change.

A file counts as unchanged while its size and its times of change are the same, to the nanosecond.
The times of a file that changed a moment ago say little: such a file is not remembered.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing, suppress
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import PIL

from maquette.cache_folder import cache_folder

if TYPE_CHECKING:
    from maquette.images.inspection import ImageInfo

Result = TypeVar("Result")

NAME = "inspections.sqlite"
VERSION = 2  # to be raised where an inspection tells something else of the same file
MOST = 1_000_000  # files, of about 1,000 bytes each; the oldest are forgotten first
MOMENT = 2_000_000_000  # nanoseconds; the times of some file systems are that coarse
PATIENCE = 10.0  # seconds to wait while another process writes
ASKED_AT_ONCE = 500
TABLE = (
    "CREATE TABLE IF NOT EXISTS inspections "
    "(path BLOB PRIMARY KEY, stamp TEXT, found TEXT, checksum INTEGER)"
)


def stamp_of(path: Path) -> str | None:
    """Return what changes when a file does; `None` of one that is missing or changed just now."""
    try:
        stat = path.stat()
    except (OSError, ValueError):  # A table may name what no file can be called.
        return None
    if abs(time.time_ns() - max(stat.st_mtime_ns, stat.st_ctime_ns)) < MOMENT:
        return None
    return f"{VERSION} {PIL.__version__} {stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns}"


def recall(kind: type[ImageInfo], stamps: Mapping[Path, str]) -> dict[Path, ImageInfo]:
    """Return what is remembered of files.

    Args:
        kind: What was found of each.
        stamps: Paths of files, and what `stamp_of` returns for them now.
    """
    keys = {os.fsencode(path.absolute()): path for path in stamps}

    def look_up(database: sqlite3.Connection) -> dict[Path, ImageInfo]:
        found, names = {}, list(keys)
        for start in range(0, len(names), ASKED_AT_ONCE):
            asked = names[start : start + ASKED_AT_ONCE]
            marks = ", ".join("?" * len(asked))
            for name, stamp, text, checksum in database.execute(
                f"SELECT path, stamp, found, checksum FROM inspections WHERE path IN ({marks})",
                asked,
            ):
                path = keys[name]
                if stamp == stamps[path] and checksum == zlib.crc32(text.encode()):
                    found[path] = _from_text(kind, text)
        return {path: info for path, info in found.items() if info is not None}

    return _in_database(look_up, {}) if keys else {}


def remember(found: Iterable[tuple[Path, str, ImageInfo]]) -> None:
    """Remember what was found of files.

    Args:
        found: Paths, what `stamp_of` returned for them before they were read, and what was found.
    """
    rows = []
    for path, stamp, info in found:
        text = _to_text(info)
        rows.append((os.fsencode(path.absolute()), stamp, text, zlib.crc32(text.encode())))

    def write(database: sqlite3.Connection) -> None:
        database.executemany("REPLACE INTO inspections VALUES (?, ?, ?, ?)", rows)
        newest = "SELECT max(rowid) FROM inspections"
        database.execute(f"DELETE FROM inspections WHERE rowid <= ({newest}) - ?", [MOST])

    if rows:
        _in_database(write, None)


def _in_database(work: Callable[[sqlite3.Connection], Result], otherwise: Result) -> Result:
    """Return what work on the database comes to; nothing depends on there being one."""
    folder = cache_folder()
    if folder is None:
        return otherwise
    path = folder / NAME
    try:
        with closing(sqlite3.connect(path, timeout=PATIENCE)) as database, database:
            database.execute(TABLE)
            return work(database)
    except sqlite3.OperationalError:  # locked for too long, full, or not to be written
        return otherwise
    except sqlite3.DatabaseError:  # damaged
        with suppress(OSError):
            path.unlink()
        return otherwise


def _to_text(info: ImageInfo) -> str:
    values = asdict(info).items()
    return json.dumps({k: v.hex() if isinstance(v, bytes) else v for k, v in values})


def _from_text(kind: type[ImageInfo], text: str) -> ImageInfo | None:
    """Return what was written, `None` where it had other fields."""
    values = json.loads(text)
    types = {field.name: field.type for field in fields(kind)}
    if values.keys() != types.keys():
        return None
    values = {k: bytes.fromhex(v) if types[k] == "bytes" else v for k, v in values.items()}
    return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})
