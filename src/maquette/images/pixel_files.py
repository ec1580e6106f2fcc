"""Decoded images in files of the cache: each is a row, found by the digest of its contents.

A file is a header, a table of a SHA-256 and a checksum for each row, and the rows: uint8, all of
one shape. It is written beside and renamed when it is whole. A row is compared with its checksum
when it is first read, so that damage costs one decoding and never changes what a network sees.
"""

from __future__ import annotations

import hashlib
import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkstemp

import numpy as np
import PIL

from maquette.cache_folder import cache_folder, make_room, mark_used
from maquette.files import TEMPORARY
from maquette.positioned_file import PositionedFile

Shape = tuple[int, int, int]

FOLDER = "pixels"
MARK = b"maquette"
HEADER = struct.Struct("<8s32sIIIQI")  # mark, decoder, height, width, channels, rows, checksum
# Other decoders give other pixels: what they left is passed over, and deleted when room is needed.
DECODER = hashlib.sha256(f"1 {PIL.__version__}".encode()).digest()
ROW = np.dtype([("digest", "u1", 32), ("checksum", "<u4"), ("is_there", "?")])


class PixelFile:
    """A file of decoded images, open for reading.

    Args:
        path: where it lies.

    Raises:
        OSError: it cannot be read.
        ValueError: it is damaged, or of another version.
    """

    def __init__(self, path: Path):
        self.path = path
        self._file = PositionedFile(path, "rb")
        header = self._file.read(0, HEADER.size)
        if len(header) < HEADER.size or header[:40] != MARK + DECODER:
            raise ValueError(f"{path} is of another version")
        *_, height, width, channels, count, checksum = HEADER.unpack(header)
        self._layout = _Layout((height, width, channels), count)
        if path.stat().st_size != self._layout.size:
            raise ValueError(f"{path} is not whole")
        table = self._file.read(HEADER.size, count * ROW.itemsize)
        if zlib.crc32(table) != checksum:
            raise ValueError(f"{path} is damaged")
        self._table = np.frombuffer(table, ROW)
        self._is_checked = np.zeros(count, bool)

    def find(self, digests: np.ndarray) -> np.ndarray:
        """Return the row of each digest, -1 where there is none.

        Args:
            digests: SHA-256, uint8, shape `(n, 32)`.
        """
        there = np.flatnonzero(self._table["is_there"])
        if not len(there):
            return np.full(len(digests), -1)
        own = self._table["digest"][there]
        keys = _first_bytes(own)
        order = np.argsort(keys)
        places = np.searchsorted(keys, _first_bytes(digests), sorter=order)
        found = order[np.minimum(places, len(keys) - 1)]
        return np.where((own[found] == digests).all(axis=1), there[found], -1)

    def read(self, row: int, out: np.ndarray) -> bool:
        """Read one image into `out`, and return whether it is what was written.

        Args:
            row: its number.
            out: uint8, contiguous, of the shape of the images.
        """
        if not self._file.read_into(self._layout.start_of(row), out):
            return False
        if not self._is_checked[row]:
            self._is_checked[row] = zlib.crc32(out) == self._table["checksum"][row]
        return bool(self._is_checked[row])


class PixelWriter:
    """A file of decoded images that any number of threads write.

    Args:
        path: an empty file.
        shape: of each image, `(height, width, channels)`.
        count: how many there may be.
    """

    def __init__(self, path: Path, shape: Shape, count: int):
        self.shape = shape
        self._layout = _Layout(shape, count)
        self._table = np.zeros(count, ROW)
        self._file = PositionedFile(path, "r+b")

    def put(self, row: int, digest: bytes | np.ndarray, pixels: np.ndarray) -> None:
        """Write one image; where that fails, as on a full disk, the file will do without it.

        Args:
            row: its number.
            digest: SHA-256 of its contents.
            pixels: uint8.
        """
        with suppress(OSError):
            self._file.write(self._layout.start_of(row), pixels)
            self._table[row] = np.frombuffer(digest, np.uint8), zlib.crc32(pixels), True

    @property
    def holds_any(self) -> bool:
        """Whether any image was written: of files that cannot be read, none is."""
        return bool(self._table["is_there"].any())

    def finish(self) -> str:
        """Write the table, close the file, and return the name that its contents ask for."""
        table = self._table.tobytes()
        numbers = *self.shape, len(self._table), zlib.crc32(table)
        head = HEADER.pack(MARK, DECODER, *numbers) + table
        self._file.write(0, head)
        self._file.extend(self._layout.size)
        self._file.close()
        return f"{_prefix(self.shape)}{hashlib.sha256(head).hexdigest()[:24]}"


class KeptPixels:
    """Where in the cache decoded images lie.

    Args:
        shape: of each image, `(height, width, channels)`.
        digests: SHA-256 of their contents, uint8, shape `(n, 32)`.
    """

    def __init__(self, shape: Shape, digests: np.ndarray):
        self._files: list[PixelFile] = []
        self._file_of = np.full(len(digests), -1)
        self._row_of = np.full(len(digests), -1)
        for file in _files_of(shape):
            rows = file.find(digests)
            if (new := (rows >= 0) & (self._file_of < 0)).any():
                self._file_of[new], self._row_of[new] = len(self._files), rows[new]
                self._files.append(file)
                mark_used(file.path)

    @property
    def missing(self) -> np.ndarray:
        """The indices of images that are not there."""
        return np.flatnonzero(self._file_of < 0)

    def read(self, index: int, out: np.ndarray) -> bool:
        """Read one image into `out`, and return whether it is there and undamaged."""
        number = self._file_of[index]
        return number >= 0 and self._files[number].read(self._row_of[index], out)


@contextmanager
def pixel_writer(shape: Shape | None, count: int) -> Iterator[PixelWriter | None]:
    """Yield what writes decoded images to the cache; `None` where there is no room for them.

    Args:
        shape: of each image, `(height, width, channels)`; `None` to write none.
        count: how many there are.
    """
    path = _new_file(_Layout(shape, count).size) if shape and count else None
    if path is None:
        yield None
        return
    try:
        writer = PixelWriter(path, shape, count)
        yield writer
        if writer.holds_any:
            with suppress(OSError):  # a full disk, or another process that made room
                path.replace(path.with_name(writer.finish()))
    finally:
        with suppress(OSError):
            path.unlink()


def _new_file(size: int) -> Path | None:
    """Return an empty file in the cache; `None` where there is no room, or no writing."""
    folder = cache_folder(FOLDER)
    try:
        if folder is None or not make_room(folder, size):
            return None
        handle, name = mkstemp(prefix=TEMPORARY, dir=folder)
    except OSError:
        return None
    os.close(handle)
    return Path(name)


class _Layout:
    """Where things stand in a file of `count` images of a shape."""

    def __init__(self, shape: Shape, count: int):
        self._row = int(np.prod(shape, dtype=np.int64))
        self._rows = HEADER.size + count * ROW.itemsize
        self.size = self._rows + count * self._row

    def start_of(self, row: int) -> int:
        return self._rows + int(row) * self._row


def _files_of(shape: Shape) -> Iterator[PixelFile]:
    folder = cache_folder(FOLDER)
    for path in sorted(folder.glob(f"{_prefix(shape)}*")) if folder else ():
        with suppress(OSError, ValueError):
            yield PixelFile(path)


def _prefix(shape: Shape) -> str:
    return "x".join(map(str, shape)) + "-"


def _first_bytes(digests: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(digests[:, :8]).view("<u8")[:, 0]
