"""Read text files of any common encoding, and say in words why a file cannot be read."""

from __future__ import annotations

import codecs
import gzip
import os
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from maquette.errors import UserError
from maquette.splits import listed

TEXT_SUFFIXES = frozenset({".txt"})
GZIP = b"\x1f\x8b"
UTF_8, WINDOWS = "UTF-8", "Windows-1252"
# The mark of UTF-32 begins with that of UTF-16.
MARKS = {
    codecs.BOM_UTF8: UTF_8,
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
CONTROLS = bytes(byte for byte in range(32) if byte not in b"\t\n\v\f\r\x1a\x1b")
MOST_CONTROLS = 0.01


class UnreadableText(ValueError):
    """The bytes are not text that can be read. The message is a short reason."""


@dataclass(frozen=True)
class Decoded:
    """A text and how it was read.

    Attributes:
        text: as it is in the file, without its byte order mark.
        encoding: "UTF-8", "UTF-16", "UTF-32" or "Windows-1252".
        damaged: whether some bytes were not valid and were replaced by U+FFFD, or are 0.
    """

    text: str
    encoding: str
    damaged: bool


def decode(data: bytes) -> Decoded:
    """Turn the bytes of a file into text.

    They are UTF-8 or what their byte order mark says. Without a mark, bytes that are not UTF-8 are
    Windows-1252, unless most characters beyond ASCII are UTF-8: then it is damaged UTF-8.

    Args:
        data: the bytes; those of a gzip file are unpacked.

    Raises:
        UnreadableText: they are not text, or a gzip file is damaged.
    """
    data = _unpacked(data)
    mark = next((mark for mark in MARKS if data.startswith(mark)), b"")
    encoding = MARKS.get(mark, UTF_8)
    if encoding == UTF_8:
        _refuse_binary(data)
        data = data.removeprefix(mark)
        if not mark and not _is_mostly_utf8(data):
            encoding = WINDOWS
    text = data.decode(encoding, "replace")
    damaged = "\0" in text or ("\ufffd" in text and not _is_valid(data, encoding))
    return Decoded(text, encoding, damaged)


def tidy(text: str) -> str:
    """Return a text with Unix ends of lines, nothing blank around it, and valid Unicode."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", " ").strip()
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def read(path: Path) -> Decoded:
    """Read a text file.

    Raises:
        UnreadableText: the file is missing, cannot be opened, is empty, or is not text.
    """
    if not os.path.isfile(path):
        raise UnreadableText("not a file")
    try:
        decoded = decode(path.read_bytes())
    except OSError as error:
        raise UnreadableText(f"cannot be opened: {error.strerror}") from error
    if not decoded.text.strip():
        raise UnreadableText("empty file")
    return decoded


def read_all(
    paths: Sequence[Path], progress: Callable[[int, int], None] | None = None
) -> list[Decoded | UnreadableText]:
    """Read many text files.

    Args:
        paths: paths of text files.
        progress: called with the number of files done and their total.

    Returns:
        For each path what `read` returned, or the error that it raised.
    """
    outcomes: list[Decoded | UnreadableText] = []
    for path in paths:
        try:
            outcomes.append(read(path))
        except UnreadableText as error:
            outcomes.append(error.with_traceback(None))
        if progress:
            progress(len(outcomes), len(paths))
    return outcomes


def read_text(path: Path) -> str:
    """Read a text file for a user who named it.

    Raises:
        UserError: the file is missing, is empty, or is not text.
    """
    try:
        return tidy(read(path).text)
    except UnreadableText as error:
        raise UserError(f"cannot read {path} as text: {error}") from error


def text_files(paths: Sequence[Path]) -> list[Path]:
    """Return the paths, each folder replaced by the .txt files below it, in order.

    Raises:
        UserError: a folder has none.
    """
    return [file for path in paths for file in (_below(path) if path.is_dir() else [path])]


def encoding_notes(decoded: Iterable[tuple[str, Decoded]]) -> list[str]:
    """Tell of files that are not UTF-8, and of those with damage.

    Args:
        decoded: names of files, and what was read of them.
    """
    files = list(decoded)
    foreign = [name for name, file in files if file.encoding == WINDOWS]
    damaged = [name for name, file in files if file.damaged]
    notes = []
    if foreign:
        notes.append(f"not UTF-8, so read as {WINDOWS} ({len(foreign)}): {listed(foreign)}")
    if damaged:
        notes.append(
            f"some bytes are not valid and were replaced ({len(damaged)}): {listed(damaged)}"
        )
    return notes


def _below(folder: Path) -> list[Path]:
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in TEXT_SUFFIXES)
    files = [path for path in paths if path.is_file() and not _is_hidden(path, folder)]
    if not files:
        raise UserError(f"no texts in {folder}; looked for {' '.join(sorted(TEXT_SUFFIXES))}")
    return files


def _is_hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def _unpacked(data: bytes) -> bytes:
    if not data.startswith(GZIP):
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise UnreadableText("damaged gzip file") from error


def _refuse_binary(data: bytes) -> None:
    controls = len(data) - len(data.translate(None, CONTROLS))
    if controls > MOST_CONTROLS * len(data):
        raise UnreadableText("not text: it has control characters in it")


def _is_mostly_utf8(data: bytes) -> bool:
    if _is_valid(data, UTF_8):
        return True
    text = data.decode(UTF_8, "replace")
    characters = sum(character > "\x7f" for character in text)
    return characters > 2 * text.count("\ufffd")


def _is_valid(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
