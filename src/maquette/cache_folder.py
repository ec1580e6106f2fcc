"""The folder of what is costly to work out again and may be deleted at any time.

It is `maquette` in `$XDG_CACHE_HOME`, by default in `~/.cache`. `$MAQUETTE_CACHE` names another
folder, or switches it off with `off`; `$MAQUETTE_CACHE_GB` bounds what its files may take.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

from maquette.errors import UserError

FOLDER, GIGABYTES = "MAQUETTE_CACHE", "MAQUETTE_CACHE_GB"
DEFAULT_GIGABYTES = 20.0
SHARE_OF_FREE = 0.5  # of what a disk has for it; the rest is left to what matters more


def cache_folder(name: str = "") -> Path | None:
    """Return the folder, made where it was missing; `None` where it is off or has no place.

    Args:
        name: of a folder in it. Defaults to the whole.

    Raises:
        UserError: `$MAQUETTE_CACHE` cannot be made or is no folder.
    """
    chosen = os.environ.get(FOLDER, "")
    if chosen.lower() == "off":
        return None
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    folder = Path(chosen or Path(base) / "maquette").expanduser() / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        if not chosen:
            return None
        raise UserError(
            f"{FOLDER} is {chosen!r}: {error.strerror}; name a folder to write to, or off"
        ) from None
    return folder


def make_room(folder: Path, needed: int) -> bool:
    """Delete what was not used for longest until a new file fits, and return whether it does.

    A process that has a deleted file open reads on in it; where that cannot be, on Windows, the
    file stays.

    Args:
        folder: holds files alone.
        needed: bytes of the new one.

    Raises:
        UserError: `$MAQUETTE_CACHE_GB` is no size.
    """
    files = sorted(_files(folder), key=lambda file: file[1].st_mtime_ns)
    total = sum(stat.st_size for _, stat in files)
    limit = min(_limit(), SHARE_OF_FREE * (shutil.disk_usage(folder).free + total))
    if needed > limit:
        return False
    for path, stat in files:
        if total + needed <= limit:
            break
        with suppress(OSError):
            path.unlink()
            total -= stat.st_size
    return total + needed <= limit


def cache_state() -> str:
    """Return a line on where the cache is and what it takes.

    Raises:
        UserError: `$MAQUETTE_CACHE` or `$MAQUETTE_CACHE_GB` cannot be used.
    """
    folder = cache_folder()
    if folder is None:
        return "off"
    used = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return f"{folder}: {used / 1e9:.1f} of at most {_limit() / 1e9:g} GB"


def mark_used(path: Path) -> None:
    """Let a file count as used just now."""
    with suppress(OSError):
        os.utime(path)


def _limit() -> float:
    given = os.environ.get(GIGABYTES) or DEFAULT_GIGABYTES
    try:
        size = float(given) * 1e9
    except ValueError:
        size = -1.0
    if not size >= 0:  # as of nan
        raise UserError(f"{GIGABYTES} is {given!r}; give a number of gigabytes, e.g. 50")
    return size


def _files(folder: Path) -> list[tuple[Path, os.stat_result]]:
    found = []
    for path in folder.iterdir():
        with suppress(OSError):  # another process may have deleted it
            found.append((path, path.stat()))
    return found
