"""Reading and writing at a position of a file, from any number of threads at once."""

from __future__ import annotations

import os
import threading
import weakref
from pathlib import Path

import numpy as np

AT_ONCE = hasattr(os, "preadv") and hasattr(os, "pwritev")  # on Windows, threads take turns


class PositionedFile:
    """A file that is read and written at positions, without a place of its own to keep.

    What is read this way lies in the system's cache of files, not in the process's memory.

    Args:
        path: where it lies.
        mode: `"rb"` or `"r+b"`.
    """

    def __init__(self, path: Path, mode: str):
        self._file = path.open(mode, buffering=0)
        weakref.finalize(self, self._file.close)
        self._turn = threading.Lock()

    def read(self, position: int, length: int) -> bytes:
        """Return bytes; fewer where the file ends."""
        with self._turn:
            self._file.seek(position)
            return self._file.read(length)

    def read_into(self, position: int, out: np.ndarray) -> bool:
        """Fill a contiguous array, and return whether the file held enough for that."""
        try:
            if AT_ONCE:
                return os.preadv(self._file.fileno(), [out], position) == out.nbytes
            with self._turn:
                self._file.seek(position)
                return self._file.readinto(out) == out.nbytes
        except OSError:
            return False

    def write(self, position: int, data: bytes | np.ndarray) -> None:
        """Write all of some bytes.

        Raises:
            OSError: the disk is full, for one.
        """
        view = memoryview(data).cast("B")
        while len(view):
            if AT_ONCE:
                written = os.pwritev(self._file.fileno(), [view], position)
            else:
                with self._turn:
                    self._file.seek(position)
                    written = self._file.write(view)
            view, position = view[written:], position + written

    def extend(self, size: int) -> None:
        """Make the file this many bytes long; what is not written reads as zeros."""
        self._file.truncate(size)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
