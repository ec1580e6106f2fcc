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
SHARE_OF_FREE = 0.5  # of a disk; the rest is left to what matters more than a cache


def cache_folder(name: str = "") -> Path | None:
    """Return the folder, made where it was missing; `None` where it is off or cannot be made.

    Args:
        name: of a folder in it. Defaults to the whole.
    """
    chosen = os.environ.get(FOLDER, "")
    if chosen.lower() == "off":
        return None
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    folder = Path(chosen or Path(base) / "maquette").expanduser() / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder


def make_room(folder: Path, needed: int) -> bool:
    """Delete what was not used for longest until a new file fits, and return whether it does.

    A process that has a deleted file open reads on in it; where that cannot be, on Windows, the
    file stays.

    Args:
        folder: holds files alone.
        needed: bytes of the new one.

    Raises:
        UserError: `$MAQUETTE_CACHE_GB` is no number.
    """
    limit = _limit()
    if needed > limit:
        return False
    files = sorted(_files(folder), key=lambda file: file[1].st_mtime_ns)
    total = sum(stat.st_size for _, stat in files)
    for path, stat in files:
        if total + needed <= limit and _is_free(folder, needed):
            break
        with suppress(OSError):
            path.unlink()
            total -= stat.st_size
    return total + needed <= limit and _is_free(folder, needed)


def mark_used(path: Path) -> None:
    """Let a file count as used just now."""
    with suppress(OSError):
        os.utime(path)


def _limit() -> float:
    given = os.environ.get(GIGABYTES) or DEFAULT_GIGABYTES
    try:
        return float(given) * 1e9
    except ValueError:
        raise UserError(f"{GIGABYTES} is {given!r}; give a number of gigabytes, e.g. 50") from None


def _files(folder: Path) -> list[tuple[Path, os.stat_result]]:
    found = []
    for path in folder.iterdir():
        with suppress(OSError):  # another process may have deleted it
            found.append((path, path.stat()))
    return found


def _is_free(folder: Path, needed: int) -> bool:
    return needed <= SHARE_OF_FREE * shutil.disk_usage(folder).free
