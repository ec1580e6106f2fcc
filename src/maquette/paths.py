"""Paths that a user named, and what to say where nothing is there."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from maquette.errors import UserError, nearest

# What a path cannot be looked at for; what is merely missing may be a name of another kind.
CLOSED = frozenset({errno.EACCES, errno.ELOOP, errno.ENAMETOOLONG})
SHOWN = 60  # letters


def absolute(source: str) -> Path:
    """Return the absolute path of what the user named; `~` is the home folder."""
    return Path(os.path.abspath(os.path.expanduser(source)))


def require_possible(source: str) -> None:
    """Make sure that it can be told whether something lies at a path.

    Raises:
        UserError: it is longer than any path, holds a zero byte, goes in circles, or leads through
            a folder that may not be read.
    """
    try:
        os.stat(os.path.expanduser(source))
    except ValueError:
        raise UserError(f"no path has a zero byte in it; received {_shown(source)}") from None
    except OSError as error:
        if error.errno in CLOSED:
            raise UserError(f"cannot open {_shown(source)}: {error.strerror}") from None


def require_file(path: Path) -> None:
    """Make sure that a file is there.

    Raises:
        UserError: it is not; tells the nearest name beside it.
    """
    if not os.path.exists(path):
        raise UserError(f"no file {path}{nearest_sibling(path)}")


def nearest_sibling(path: Path) -> str:
    """Return `"; perhaps you meant 'x'"` for what beside a missing path is named most like it."""
    try:
        return nearest(path.name, os.listdir(path.parent))
    except OSError:
        return ""


def _shown(source: str) -> str:
    return repr(source if len(source) <= SHOWN else f"{source[:SHOWN]}…")
