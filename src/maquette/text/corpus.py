"""Text of any size as one long row of word ids, read in two passes and never held whole.

The first pass counts words, the second writes the ids of those that are frequent enough to a
temporary file. Memory is bounded by the number of different words and by the size of a block.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import repeat
from tempfile import TemporaryFile
from typing import Self

import numpy as np

from maquette.errors import UserError
from maquette.progress import waiting
from maquette.text.vocabulary import PADDING, RESERVED, Vocabulary

MEMORY_BUDGET = 1 << 28  # bytes of ids; what is larger stays on disk
MOST_DIFFERENT = 10_000_000  # words counted at a time
ASCII = bytes(
    ord(chr(code).lower()) if chr(code).isalnum() or chr(code) == "'" else ord(" ")
    for code in range(256)
)


@dataclass(frozen=True)
class RawCorpus:
    """Text that can be read again and again.

    Attributes:
        source: Name or path of the text.
        fingerprint: SHA-256 of the content.
        notes: Lines for the user.
        documents: Returns the documents, each as blocks of text that end where a word ends.
    """

    source: str
    fingerprint: str
    notes: tuple[str, ...]
    documents: Callable[[], Iterable[Iterable[str]]]


@dataclass(frozen=True)
class WordRow:
    """Word ids one after the other, 0 several times between documents.

    Attributes:
        ids: int32, shape `(n,)`; an array, or a file mapped into memory.
    """

    ids: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class Corpus:
    """A text as word ids.

    Attributes:
        raw: The text.
        vocabulary: The words that have ids.
        counts: How often each entry of the vocabulary occurs, int64, shape `(entries,)`.
        words: Words of the text, rare ones included.
        gap: Zeros between documents.
        chunk: Most words that a model sees at a time.
        splits: All ids, as `"train"`, or as `"test"` where a model of another text is judged.
    """

    raw: RawCorpus
    vocabulary: Vocabulary
    counts: np.ndarray
    words: int
    gap: int
    chunk: int
    splits: dict[str, WordRow]

    @property
    def source(self) -> str:
        """Name or path of the text."""
        return self.raw.source

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the content."""
        return self.raw.fingerprint

    @property
    def notes(self) -> tuple[str, ...]:
        """Lines for the user."""
        known = self.counts.sum()
        return (
            *self.raw.notes,
            f"{self.words} words; vectors for {len(self.vocabulary.words)} different ones, which "
            f"are {known / max(self.words, 1):.1%} of the text",
        )

    def numbered_by(self, vocabulary: Vocabulary) -> Self:
        """Return the same text with the ids of another vocabulary."""
        if vocabulary == self.vocabulary:
            return self
        return encode(self.raw, gap=self.gap, chunk=self.chunk, vocabulary=vocabulary)

    def as_test_if_undivided(self) -> Self:
        """Return the same text as a test split."""
        return replace(self, splits={"test": self.splits["train"]})


class Chunks:
    """A row of ids cut into pieces of nearly equal length, each filled up with 0.

    Args:
        row: The ids.
        length: Most ids in a piece.
        multiple: The number of pieces is a multiple of this.
    """

    dtype = np.dtype(np.int32)

    def __init__(self, row: WordRow, length: int, multiple: int = 1):
        count = multiple * max(1, -(-len(row) // (length * multiple)))
        self.row, self.shape = row, (count, max(1, -(-len(row) // count)))

    def __getitem__(self, indices: np.ndarray) -> np.ndarray:
        chunks = np.full((len(indices), self.shape[1]), PADDING, np.int32)
        for chunk, index in zip(chunks, map(int, indices), strict=True):
            start, end = (i * len(self.row) // self.shape[0] for i in (index, index + 1))
            chunk[: end - start] = self.row.ids[start:end]
        return chunks


def split_words(text: str) -> list[bytes]:
    """Return the words of a text as `maquette.text.vocabulary` takes them apart, much faster.

    Example:
        >>> split_words("Don't PANIC, 'he said'.")
        [b"don't", b'panic', b'he', b'said']
    """
    if text.isascii():
        pieces = text.encode().translate(ASCII).split()
    else:
        text = text.replace("İ", "i").replace("\u2019", "'").lower().translate(_LETTERS)
        pieces = text.encode("utf-8", "replace").split()
    if "'" not in text:
        return pieces
    return [word for piece in pieces if (word := piece.strip(b"'"))]


class _Letters(dict):
    """A table for `str.translate` that fills itself: what is no part of a word is a space."""

    def __missing__(self, code: int) -> int:
        is_part = chr(code) == "'" or unicodedata.category(chr(code))[0] in "LMN"
        self[code] = code if is_part else ord(" ")
        return self[code]


_LETTERS = _Letters()


def count_words(documents: Iterable[Iterable[str]]) -> Counter[bytes]:
    """Return how often each word occurs.

    Where there are more different words than fit into memory, the rarest are forgotten on the way
    as in word2vec's `ReduceVocab`.
    """
    counts: Counter[bytes] = Counter()
    fewest = 1
    for document in documents:
        for block in document:
            counts.update(split_words(block))
            while len(counts) > MOST_DIFFERENT:
                fewest += 1
                counts = Counter({word: n for word, n in counts.items() if n >= fewest})
    return counts


def encode(
    raw: RawCorpus,
    min_count: int = 1,
    size: int | None = None,
    gap: int = 1,
    chunk: int = 4096,
    vocabulary: Vocabulary | None = None,
) -> Corpus:
    """Number the words of a text.

    Args:
        raw: The text.
        min_count: How often a word must occur to get an id.
        size: Most entries of the vocabulary, reserved ones included.
        gap: Zeros between documents.
        chunk: Most words that a model sees at a time.
        vocabulary: Words and ids to use instead of making new ones.

    Raises:
        UserError: not even two words occur often enough.
    """
    with waiting(f"counting the words of {raw.source}"):
        found = count_words(raw.documents())
    vocabulary = vocabulary or _frequent(found, min_count, size)
    if len(vocabulary.words) < 2:
        raise UserError(
            f"{raw.source} has {len(vocabulary.words)} words that occur {min_count} times or more; "
            "give more text, or a lower --min-count"
        )
    words = [word.encode() for word in vocabulary.words]
    counts = np.array([0] * len(RESERVED) + [found[word] for word in words], np.int64)
    numbers = {word: number for number, word in enumerate(words, len(RESERVED))}
    with waiting(f"numbering the words of {raw.source}"):
        row = WordRow(_written(_numbered(raw.documents(), numbers, gap)))
    return Corpus(raw, vocabulary, counts, found.total(), gap, chunk, {"train": row})


def _frequent(counts: Counter[bytes], min_count: int, size: int | None) -> Vocabulary:
    """Return the words that occur often enough, the most frequent first."""
    known = [word for word, count in counts.items() if count >= min_count]
    known.sort(key=lambda word: (-counts[word], word))
    most = len(known) if size is None else max(size - len(RESERVED), 0)
    return Vocabulary(tuple(word.decode() for word in known[:most]))


def _numbered(
    documents: Iterable[Iterable[str]], numbers: dict[bytes, int], gap: int
) -> Iterator[np.ndarray]:
    """Yield the ids of block after block, without unknown words, and zeros after each document."""
    for document in documents:
        for block in document:
            words = split_words(block)
            ids = np.fromiter(map(numbers.get, words, repeat(PADDING)), np.int32, len(words))
            yield ids[ids != PADDING]
        yield np.full(gap, PADDING, np.int32)


def _written(parts: Iterable[np.ndarray]) -> np.ndarray:
    """Return the parts in one row, which stays in a temporary file where it is too long."""
    with TemporaryFile(prefix="maquette-") as file:
        size = sum(file.write(part.data) for part in parts)
        file.flush()
        file.seek(0)
        if size > MEMORY_BUDGET:
            return np.memmap(file, np.int32, "r")
        return np.fromfile(file, np.int32)
