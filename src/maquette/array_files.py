"""Read .npz files: named arrays, mapped into memory where they are not packed."""

from __future__ import annotations

import math
import shutil
import struct
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy

from maquette.errors import UserError
from maquette.files import TEMPORARY

LOCAL_HEADER = struct.Struct("<4s22xHH")  # of a member of a zip file: mark, lengths of name, extra
HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
MEMORY_BUDGET = 1 << 28  # bytes; what is packed and larger is unpacked to a temporary file


class ArrayFile:
    """An .npz file, open for reading; nothing in it is unpickled.

    Args:
        path: where it lies.

    Raises:
        UserError: it is missing or damaged, or holds Python objects.
    """

    def __init__(self, path: Path):
        self.path = path
        self._members: dict[str, zipfile.ZipInfo] = {}
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.dtypes: dict[str, np.dtype] = {}
        try:
            with zipfile.ZipFile(path) as archive:
                for member in archive.infolist():
                    if member.filename.endswith(".npy"):
                        self._add(archive, member)
        except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise self._refusal(error) from None

    def __contains__(self, name: str) -> bool:
        return name in self._members

    @property
    def names(self) -> list[str]:
        """Names of the arrays, in the order of the file."""
        return list(self._members)

    def array(self, name: str) -> np.ndarray:
        """Return an array: mapped from the file, or read where it is packed.

        Raises:
            UserError: it is damaged.
        """
        member, shape, dtype = self._members[name], self.shapes[name], self.dtypes[name]
        is_mapped = member.compress_type == zipfile.ZIP_STORED and math.prod(shape) > 0
        try:
            if is_mapped:
                with self.path.open("rb") as file:
                    file.seek(member.header_offset)
                    _mark, *lengths = LOCAL_HEADER.unpack(file.read(LOCAL_HEADER.size))
                    file.seek(sum(lengths), 1)
                    return self._mapped(file, member.file_size)
            with zipfile.ZipFile(self.path) as archive, archive.open(member) as packed:
                if math.prod(shape) * dtype.itemsize <= MEMORY_BUDGET:
                    return npy.read_array(packed, allow_pickle=False)
                with tempfile.TemporaryFile(prefix=TEMPORARY) as unpacked:
                    shutil.copyfileobj(packed, unpacked)
                    unpacked.seek(0)
                    return self._mapped(unpacked, member.file_size)
        except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise self._refusal(error) from None

    def _add(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
        name = member.filename.removesuffix(".npy")
        with archive.open(member) as file:
            shape, _, dtype = _read_header(file)
            if dtype.hasobject:
                raise UserError(
                    f"{self.path}: {name!r} holds Python objects, which could run code; "
                    "save plain arrays of numbers or strings"
                )
            # A header is not to be trusted with memory.
            if member.file_size != file.tell() + math.prod(shape) * dtype.itemsize:
                raise ValueError(f"{name!r} is not as long as its header says")
        self._members[name] = member
        self.shapes[name], self.dtypes[name] = shape, dtype

    def _mapped(self, file: IO[bytes], size: int) -> np.ndarray:
        start = file.tell()
        shape, is_fortran, dtype = _read_header(file)
        if start + size < file.tell() + math.prod(shape) * dtype.itemsize:
            raise ValueError("an array is not as long as its header says")
        order = "F" if is_fortran else "C"
        return np.memmap(file, dtype, "r", file.tell(), shape, order)

    def _refusal(self, error: Exception) -> UserError:
        reason = getattr(error, "strerror", None) or str(error) or "it ends too early"
        return UserError(f"cannot read {self.path} as .npz: {reason}")


def _read_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    version = npy.read_magic(file)
    if version not in HEADERS:
        raise ValueError(f"version {version} of the .npy format")
    return HEADERS[version](file)
