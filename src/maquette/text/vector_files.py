"""Files of word vectors: GloVe text, word2vec text and word2vec binary.

GloVe text has one line per word: the word, then its numbers. The files of word2vec begin with a
line `count dimension`; in the binary one, 4-byte floats in little-endian order follow each word
and a space. Files of many gigabytes are read in one pass that keeps only the words asked for.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

import numpy as np

from maquette.errors import UserError
from maquette.files import written_whole

BLOCK = 1 << 20
LONGEST_LINE = 1 << 20
LONGEST_WORD = 1 << 12
MOST_DIMENSIONS = 1 << 16
HEADER = re.compile(rb"\s*(\d{1,12})[ \t]+(\d{1,6})\s*\n")
FOREIGN = {
    b"PK\x03\x04": "a zip archive; unpack it first",
    b"\x80": "a pickle, which could run code; save it with save_word2vec_format of gensim",
}


@dataclass(frozen=True)
class _Header:
    count: int | None  # None where the file does not tell
    dimension: int
    binary: bool


def read_vectors(path: str | Path, words: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Read the vectors of some words from a file of many.

    The format is told by the content, which may be packed with gzip. Of a word that the file has
    twice, the first vector counts.

    Example:
        >>> vectors, found = read_vectors("glove.6B.100d.txt", ["the", "film"])

    Args:
        path: A file in GloVe's text format or one of word2vec's two formats.
        words: The words wanted, as the file spells them.

    Returns:
        A float32 matrix of shape `(len(words), dimension)`, zero where a word is missing, and a
        boolean array of shape `(len(words),)` that says which words the file has.

    Raises:
        UserError: the file is missing, damaged, or of another kind.
    """
    path = Path(path)
    try:
        with _opened(path) as file:
            header = _read_header(file, path)
            entries = _binary_entries if header.binary else _text_entries
            return _collect(entries(file, header, path), header, words, path)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise _damaged(path, "its gzip stream is broken") from None
    except OSError as error:
        raise UserError(f"cannot read word vectors from {path}: {error.strerror}") from None


def text_format(words: Sequence[str], vectors: np.ndarray) -> bytes:
    """Return vectors in word2vec's text format; reading gives back the same float32 numbers."""
    lines = [f"{len(words)} {vectors.shape[1]}\n".encode()]
    for word, vector in zip(_checked(words), np.asarray(vectors, np.float32), strict=True):
        lines.append(word + b" " + " ".join(map(str, vector)).encode() + b"\n")
    return b"".join(lines)


def binary_format(words: Sequence[str], vectors: np.ndarray) -> bytes:
    """Return vectors in word2vec's binary format."""
    parts = [f"{len(words)} {vectors.shape[1]}\n".encode()]
    for word, vector in zip(_checked(words), np.asarray(vectors, "<f4"), strict=True):
        parts.append(word + b" " + vector.tobytes() + b"\n")
    return b"".join(parts)


def write_text(path: str | Path, words: Sequence[str], vectors: np.ndarray) -> None:
    """Write vectors in word2vec's text format.

    Args:
        path: File to write.
        words: One per vector, without white space.
        vectors: Shape `(len(words), dimension)`.

    Raises:
        UserError: a word is empty or holds white space.
    """
    _write(Path(path), text_format(words, vectors))


def write_binary(path: str | Path, words: Sequence[str], vectors: np.ndarray) -> None:
    """Write vectors in word2vec's binary format, with the arguments of `write_text`."""
    _write(Path(path), binary_format(words, vectors))


def _write(path: Path, content: bytes) -> None:
    with written_whole(path) as temporary:
        temporary.write_bytes(content)


def _checked(words: Sequence[str]) -> Iterator[bytes]:
    for word in words:
        if word.split() != [word]:
            raise UserError(f"word vector files cannot hold {word!r}: words have no white space")
        yield word.encode()


def _opened(path: Path) -> BinaryIO:
    file = path.open("rb", buffering=BLOCK)
    if file.peek(2).startswith(b"\x1f\x8b"):
        return BufferedReader(gzip.GzipFile(fileobj=file), BLOCK)
    return file


def _peeked(file: BinaryIO, size: int) -> bytes:
    """Return what comes next, `size` bytes where there are as many, without moving on."""
    position = file.tell()
    start = file.read(size)
    file.seek(position)
    return start


def _read_header(file: BinaryIO, path: Path) -> _Header:
    """Return what the beginning tells, and leave the file at its first word."""
    start = _peeked(file, LONGEST_LINE)
    if not start:
        raise UserError(f"{path} is empty; give a file of word vectors")
    for magic, kind in FOREIGN.items():
        if start.startswith(magic):
            raise UserError(f"{path} is no file of word vectors but {kind}")
    match = HEADER.match(start)
    if match is None:
        numbers = start.partition(b"\n")[0].split()[1:]
        if not numbers or not _are_numbers(numbers):
            raise _damaged(path, "it begins with neither `count dimension` nor a word and numbers")
        return _Header(None, len(numbers), binary=False)
    count, dimension = int(match[1]), int(match[2])
    if not count or not 0 < dimension <= MOST_DIMENSIONS:
        raise _damaged(path, f"it announces {count} words of {dimension} numbers")
    file.read(match.end())
    return _Header(count, dimension, _is_binary(start[match.end() :], dimension))


def _is_binary(start: bytes, dimension: int) -> bool:
    """Tell whether raw floats rather than digits follow the first word."""
    numbers = start.lstrip().partition(b" ")[2]
    fields = numbers.partition(b"\n")[0].split()
    if len(fields) == dimension and _are_numbers(fields):
        return False
    return any(byte < 9 or byte > 126 for byte in numbers[: 4 * dimension])


def _are_numbers(fields: Sequence[bytes]) -> bool:
    try:
        return bool(np.isfinite([float(field) for field in fields]).all())
    except ValueError:
        return False


def _text_entries(file: BinaryIO, header: _Header, path: Path) -> Iterator[tuple[bytes, bytes]]:
    """Yield each word with its numbers as they are written."""
    found, number = 0, 0 if header.count is None else 1
    while line := file.readline(LONGEST_LINE):
        number += 1
        if len(line) == LONGEST_LINE:
            raise _damaged(path, f"line {number} does not end")
        if line.isspace():
            continue
        # From the right, since some words of GloVe hold spaces.
        word, *numbers = line.rsplit(None, header.dimension)
        if len(numbers) != header.dimension:
            raise _damaged(path, f"line {number} has fewer than {header.dimension} numbers")
        found += 1
        yield word, line[len(word) :]
    if header.count not in (None, found):
        raise _damaged(path, f"it announces {header.count} words and has {found}")


def _binary_entries(file: BinaryIO, header: _Header, path: Path) -> Iterator[tuple[bytes, bytes]]:
    """Yield each word with its numbers as 4-byte floats."""
    size, data, position = 4 * header.dimension, b"", 0
    for number in range(1, header.count + 1):
        space = data.find(b" ", position)
        if space < 0 or space + size >= len(data):
            data = data[position:] + file.read(BLOCK + size)
            position, space = 0, data.find(b" ")
        end = space + 1 + size
        if not 0 <= space <= position + LONGEST_WORD or end > len(data):
            raise _damaged(path, f"word {number} of {header.count} is not whole")
        yield data[position:space].lstrip(b"\n"), data[space + 1 : end]
        position = end
    if (data[position:] + file.read(1)).strip(b"\n"):
        raise _damaged(path, f"it goes on after the {header.count} words that it announces")


def _collect(
    entries: Iterator[tuple[bytes, bytes]], header: _Header, words: Sequence[str], path: Path
) -> tuple[np.ndarray, np.ndarray]:
    rows = {word.encode(): row for row, word in enumerate(words) if word}
    vectors = np.zeros((len(words), header.dimension), np.float32)
    found = np.zeros(len(words), bool)
    parse = _floats if header.binary else _decimals
    for word, numbers in entries:
        row = rows.get(word)
        if row is None or found[row]:
            continue
        vector = parse(numbers)
        if vector is None or not np.isfinite(vector).all():
            raise _damaged(path, f"the vector of {words[row]!r} holds something else than numbers")
        vectors[row], found[row] = vector, True
    return vectors, found


def _floats(numbers: bytes) -> np.ndarray:
    return np.frombuffer(numbers, "<f4")


def _decimals(numbers: bytes) -> np.ndarray | None:
    try:
        with np.errstate(over="ignore"):
            return np.array([float(number) for number in numbers.split()], np.float32)
    except ValueError:
        return None


def _damaged(path: Path, reason: str) -> UserError:
    return UserError(f"{path} is no whole file of word vectors: {reason}")
