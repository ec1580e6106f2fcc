"""Your own text: one file of any size, plain or packed with gzip, as a corpus without labels.

It is read in blocks and never held whole, so its size is bounded by the disk alone: the word ids,
4 bytes each, go to a temporary file where they are many (TMPDIR says where). Lines mean nothing;
the whole file is one document. UTF-8 is read, UTF-16 and UTF-32 with their marks, and where a file
is none of these, Windows-1252.
"""

from __future__ import annotations

import codecs
import gzip
import hashlib
import os
import re
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from maquette.errors import UserError
from maquette.paths import absolute
from maquette.text.corpus import RawCorpus
from maquette.text.reading import CONTROLS, GZIP, MARKS, MOST_CONTROLS, UTF_8, WINDOWS
from maquette.text.tables import is_table

KIND = "corpus"
FORM = "corpus.txt.gz"
LAST = True
SUFFIXES = (".txt", ".txt.gz")
BLOCK = 1 << 20
LONGEST_WORD = 1 << 20
CODECS = {UTF_8: "utf-8-sig", WINDOWS: "cp1252", "UTF-16": "utf-16", "UTF-32": "utf-32"}


class _FirstLook:
    """What all bytes of a file together tell: whether they are text, and in which encoding.

    Attributes:
        sha256: of the bytes, unpacked.
        size: number of bytes.
        marked: the encoding of the byte order mark, or UTF-8 where there is none.
    """

    def __init__(self, start: bytes):
        self.sha256 = hashlib.sha256()
        mark = next((mark for mark in MARKS if start.startswith(mark)), b"")
        self.marked = MARKS.get(mark, UTF_8)
        self.size = self._controls = self._beyond_ascii = self._invalid = 0
        self._may_be_windows = not mark
        self._decoder = codecs.getincrementaldecoder(CODECS[self.marked])("replace")

    def add(self, data: bytes, is_last: bool = False) -> None:
        self.sha256.update(data)
        self.size += len(data)
        self._controls += len(data) - len(data.translate(None, CONTROLS))
        text = self._decoder.decode(data, is_last)
        if not text.isascii():
            self._beyond_ascii += len(text) - len(text.encode("ascii", "ignore"))
            self._invalid += text.count("\ufffd")

    @property
    def is_text(self) -> bool:
        return self.marked != UTF_8 or self._controls <= MOST_CONTROLS * self.size

    @property
    def encoding(self) -> str:
        is_mostly_invalid = 2 * self._invalid >= self._beyond_ascii > 0
        return WINDOWS if self._may_be_windows and is_mostly_invalid else self.marked

    @property
    def invalid(self) -> int:
        """Characters that cannot be read."""
        return 0 if self.encoding == WINDOWS else self._invalid


def matches(source: str) -> bool:
    """Return whether `source` is named like a text, or is a file other than a table."""
    is_file = os.path.isfile(os.path.expanduser(source)) and not is_table(source)
    is_url = re.match(r"\w{2,}:", source)
    return not is_url and (is_file or is_text_file(source))


def is_text_file(name: str) -> bool:
    """Return whether a name is that of a text."""
    return name.lower().endswith(SUFFIXES)


def load(
    source: str, strict: bool = False, progress: Callable[[int, int], None] | None = None
) -> RawCorpus:
    """Look through the file, and return how to read it.

    Args:
        source: path of the file.
        strict: refuse a file with characters that cannot be read.
        progress: called with the number of bytes read and their total.

    Raises:
        UserError: the file is missing, empty, damaged or no text, or `strict` and some characters
            cannot be read.
    """
    path = absolute(source)
    try:
        found = _look_through(path, progress)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise UserError(f"cannot read {path} as text: damaged gzip file") from None
    except OSError as error:
        raise UserError(f"cannot read {path} as text: {error.strerror}") from None
    if strict and found.invalid:
        raise UserError(f"{path} has {found.invalid} characters that are not {found.encoding}")
    return RawCorpus(
        source=str(path),
        fingerprint=found.sha256.hexdigest(),
        notes=_notes(found),
        documents=lambda: [_blocks(path, CODECS[found.encoding])],
    )


def _look_through(path: Path, progress: Callable[[int, int], None] | None) -> _FirstLook:
    found = None
    for data in _read(path, progress):
        found = found or _FirstLook(data)
        found.add(data)
    if found is None:
        raise UserError(f"cannot read {path} as text: empty file")
    found.add(b"", is_last=True)
    if not found.is_text:
        raise UserError(f"cannot read {path} as text: it has control characters in it")
    return found


def _notes(found: _FirstLook) -> tuple[str, ...]:
    if found.encoding == WINDOWS:
        return (f"not UTF-8, so read as {WINDOWS}",)
    if found.invalid:
        return (f"{found.invalid} characters are not {found.encoding} and were replaced",)
    return ()


def _blocks(path: Path, codec: str) -> Iterator[str]:
    """Yield the text in pieces that end where a word ends."""
    decoder = codecs.getincrementaldecoder(codec)("replace")
    rest = ""
    for data in _read(path):
        text = rest + decoder.decode(data)
        end = max(text.rfind(" "), text.rfind("\n")) + 1
        if not end and len(text) > LONGEST_WORD:
            end = len(text)
        rest = text[end:]
        yield text[:end]
    yield rest + decoder.decode(b"", final=True)


def _read(path: Path, progress: Callable[[int, int], None] | None = None) -> Iterator[bytes]:
    """Yield the bytes of a file in blocks, unpacked."""
    with path.open("rb") as packed:
        is_gzip = packed.read(len(GZIP)) == GZIP
        packed.seek(0)
        file: BinaryIO = gzip.GzipFile(fileobj=packed) if is_gzip else packed
        total = os.fstat(packed.fileno()).st_size
        while data := file.read(BLOCK):
            yield data
            if progress:
                progress(packed.tell(), total)
