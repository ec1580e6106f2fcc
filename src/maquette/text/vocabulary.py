r"""Words of a text, and their numbers.

There is one way to take a text apart, the same in training, on a server and on a phone: lower
case, then the runs of letters, marks, digits and apostrophes, without apostrophes at the edges. In
plain Python:

    text = text.replace("İ", "i").replace("\u2019", "'").lower()
    parts = "".join(c if c == "'" or category(c)[0] in "LMN" else " " for c in text).split()
    words = [part.strip("'") for part in parts if part.strip("'")]

with `unicodedata.category`. A word's number is its line in vocabulary.txt, counted from 0; a word
that is not there has the number of `<unknown>`, 1. Scripts without spaces between words, such as
Chinese, are not taken apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Self

import numpy as np

from maquette.errors import UserError

if TYPE_CHECKING:
    import tensorflow as tf

PADDING, UNKNOWN = 0, 1
RESERVED = ("<pad>", "<unknown>")
BATCH = 512  # texts

# TensorFlow's lower() follows the language of the machine, Turkish and Lithuanian having rules of
# their own for these letters, and it ends a text at the first NUL.
ALIKE_EVERYWHERE = dict(zip("İÌÍĨĮ\u2019\0", "iìíĩį' ", strict=True))
IN_WORD = r"\p{L}\p{M}\p{N}"
BREAK = rf"(?:^|'*[^{IN_WORD}'])[^{IN_WORD}]*|'+$"


def split_words(texts: tf.Tensor) -> tf.RaggedTensor:
    """Return the words of each text, in TensorFlow operations that a SavedModel can hold.

    Example:
        >>> split_words(["Don't PANIC, 'he said'."]).to_list()
        [[b"don't", b'panic', b'he', b'said']]

    Args:
        texts: strings in UTF-8, shape `(n,)`.

    Returns:
        Strings in UTF-8, shape `(n, words)`, ragged.
    """
    import tensorflow as tf

    texts = tf.strings.lower(texts)  # ASCII alone, the same in every language
    for letter, lower in ALIKE_EVERYWHERE.items():
        texts = tf.strings.regex_replace(texts, letter, lower)
    texts = tf.strings.lower(texts, encoding="utf-8")
    return tf.strings.split(tf.strings.regex_replace(texts, BREAK, " "))


@dataclass(frozen=True)
class Vocabulary:
    """The words that a model knows, and their numbers: 0 pads, 1 is any unknown word.

    Example:
        >>> vocabulary = Vocabulary.of(["the film", "the end"], size=4)
        >>> vocabulary.words
        ('the', 'end')
        >>> vocabulary.encode(["The film ends. The end!"], length=6)
        array([[2, 1, 1, 2, 3, 0]], dtype=int32)

    Attributes:
        words: the words of the numbers 2, 3, and so on.
    """

    words: tuple[str, ...]

    @classmethod
    def of(cls, texts: Sequence[str], size: int, min_count: int = 1) -> Self:
        """Return the most frequent words of some texts; equally frequent ones in order.

        Args:
            texts: what to count in, normally the training texts alone.
            size: most entries, padding and unknown included.
            min_count: how often a word must occur.
        """
        counts: Counter[bytes] = Counter()
        for _, batch in _batches(texts):
            counts.update(split_words(batch).values.numpy().tolist())
        known = [word for word, count in counts.items() if count >= min_count]
        known.sort(key=lambda word: (-counts[word], word))
        return cls(tuple(word.decode() for word in known[: max(size - len(RESERVED), 0)]))

    def __len__(self) -> int:
        """Return the number of entries, padding and unknown included."""
        return len(RESERVED) + len(self.words)

    @cached_property
    def table(self) -> tf.lookup.StaticHashTable:
        """The lookup from words to numbers; who uses `ids` in a SavedModel must hold on to it."""
        import tensorflow as tf

        numbers = np.arange(len(self), dtype=np.int32)
        entries = tf.lookup.KeyValueTensorInitializer([*RESERVED, *self.words], numbers)
        return tf.lookup.StaticHashTable(entries, default_value=UNKNOWN)

    def ids(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Return the numbers of the words of each text, in TensorFlow operations.

        Args:
            texts: strings in UTF-8, shape `(n,)`.

        Returns:
            Numbers, int32, shape `(n, words)`, ragged.
        """
        words = split_words(texts)
        return words.with_values(self.table.lookup(words.values))

    def padded_ids(self, texts: tf.Tensor, length: int) -> tf.Tensor:
        """Return the numbers of the first `length` words of each text, 0 after its end.

        Args:
            texts: strings in UTF-8, shape `(n,)`.
            length: words that are kept.

        Returns:
            Numbers, int32, shape `(n, length)`.
        """
        return self.ids(texts).to_tensor(PADDING, shape=(None, length))

    def encode(self, texts: Sequence[str], length: int) -> np.ndarray:
        """Return what `padded_ids` does for any number of texts, as an array.

        Args:
            texts: any number of texts.
            length: words that are kept.

        Returns:
            Numbers, int32, shape `(len(texts), length)`.
        """
        ids = np.empty((len(texts), length), np.int32)
        for start, batch in _batches(texts):
            ids[start : start + BATCH] = self.padded_ids(batch, length)
        return ids

    def to_text(self) -> str:
        """Return the content of vocabulary.txt: one entry a line, its number the line's."""
        return "".join(f"{entry}\n" for entry in (*RESERVED, *self.words))

    @classmethod
    def from_text(cls, text: str, name: str = "vocabulary.txt") -> Self:
        """Read what `to_text` returned.

        Args:
            text: content of a vocabulary file.
            name: its name, for messages.

        Raises:
            UserError: it is damaged.
        """
        entries = text.removesuffix("\n").split("\n")
        if tuple(entries[:2]) != RESERVED:
            raise UserError(f"{name} is no vocabulary: its first lines are not {RESERVED}")
        lines: dict[str, int] = {}
        for number, entry in enumerate(entries, start=1):
            if entry.split() != [entry]:
                raise UserError(f"{name} is damaged: line {number} holds {entry!r}, not one word")
            if entry in lines:
                raise UserError(
                    f"{name} is damaged: line {number} repeats {entry!r} of line {lines[entry]}"
                )
            lines[entry] = number
        return cls(tuple(entries[2:]))


def _batches(texts: Sequence[str]) -> Iterator[tuple[int, tf.Tensor]]:
    """Yield the texts in pieces that TensorFlow can hold, each with its position."""
    import tensorflow as tf

    for start in range(0, len(texts), BATCH):
        # A lone half of a surrogate pair, as JSON may have it, is no UTF-8.
        batch = [text.encode("utf-8", "replace") for text in texts[start : start + BATCH]]
        yield start, tf.constant(batch)
