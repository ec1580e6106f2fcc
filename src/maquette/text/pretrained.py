"""Word vectors from a file, put into a model."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np

from maquette.errors import UserError
from maquette.progress import say
from maquette.text.vector_files import read_vectors
from maquette.text.vocabulary import RESERVED, Vocabulary

NAMED_WORDS = 5


def load_vectors(
    embedding: keras.layers.Embedding, path: str | Path, vocabulary: Vocabulary
) -> None:
    """Put the vectors of a file into an embedding, and tell how many words have one.

    The other words keep their random vectors, stretched to the spread of those in the file.

    Args:
        embedding: A built layer with one row for each word of the vocabulary.
        path: A file in GloVe's text format, or in word2vec's text or binary one.
        vocabulary: The words, in the order of the rows.

    Raises:
        UserError: the file cannot be read, its vectors are of another size, or it has none of the
            words.
    """
    words = vocabulary.words
    vectors, found = read_vectors(path, words)
    if vectors.shape[1] != embedding.output_dim:
        raise UserError(
            f"{path} has vectors of {vectors.shape[1]} numbers, --embedding-dim is "
            f"{embedding.output_dim}; give --embedding-dim {vectors.shape[1]}"
        )
    if not found.any():
        raise UserError(f"{path} has no vector for any word of the texts, e.g. {words[0]!r}")
    table = np.array(embedding.get_weights()[0])  # (words, embedding_dim)
    table *= vectors[found].std() / max(table.std(), 1e-9)
    table[len(RESERVED) :][found] = vectors[found]
    embedding.set_weights([table])
    say(_coverage(path, words, found))


def _coverage(path: str | Path, words: tuple[str, ...], found: np.ndarray) -> str:
    missing = [word for word, is_found in zip(words, found, strict=True) if not is_found]
    line = f"note: {Path(path).name} has vectors for {found.sum()} of {len(words)} words"
    return f"{line}; it lacks {', '.join(missing[:NAMED_WORDS])}" if missing else line
