"""What the counts of words decide: which stay in a text, which are noise, which are shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from maquette.text.vocabulary import PADDING, RESERVED

if TYPE_CHECKING:
    import tensorflow as tf

CANDIDATES = 4  # for each word that is shown


def keep_probabilities(counts: np.ndarray, threshold: float) -> np.ndarray:
    """Return with which probability each word stays in the text.

    Of a word with the share f of all words sqrt(t / f) + t / f stay, as in the program word2vec;
    the paper (Mikolov et al. 2013, equation 5) has sqrt(t / f) alone.

    Args:
        counts: How often each word occurs, shape `(words,)`.
        threshold: The share t; 0 keeps all.

    Returns:
        Probabilities, float32, shape `(words,)`; 1 for the reserved entries.
    """
    ratios = threshold * counts.sum() / np.maximum(counts, 1)
    probabilities = np.minimum(np.sqrt(ratios) + ratios, 1) if threshold else np.ones(len(counts))
    probabilities[: len(RESERVED)] = 1
    return probabilities.astype(np.float32)


def noise_shares(counts: np.ndarray) -> np.ndarray:
    """Return how often each word is drawn as noise: in proportion to its count to the power 3/4.

    Args:
        counts: How often each word occurs, shape `(words,)`.

    Returns:
        Shares that sum to 1, float64, shape `(words,)`; 0 for the reserved entries.
    """
    powers = np.power(counts, 0.75)
    powers[: len(RESERVED)] = 0
    return powers / powers.sum()


def telling_words(vectors: np.ndarray, most: int) -> np.ndarray:
    """Return the ids of frequent words of content, the most frequent first.

    Of words that are equally frequent, those that keep to few surroundings have longer vectors
    than those that stand anywhere (Schakel and Wilson 2015, Measuring word significance using
    distributed representations of words). So the longer ones of the most frequent are taken.

    Args:
        vectors: The most frequent word first, after the reserved entries, `(words, dimension)`.
        most: How many ids at most.
    """
    frequent = np.arange(len(RESERVED), len(vectors))[: CANDIDATES * most]
    lengths = np.linalg.norm(vectors[frequent], axis=1)
    return np.sort(frequent[np.argsort(-lengths, kind="stable")[:most]])


@dataclass(frozen=True)
class Subsampling:
    """A change of training batches: pieces of text one after the other, without some words.

    Args:
        probabilities: With which each word stays, shape `(words,)`.
        gap: Zeros after each piece, so that it is no context of the next.
    """

    probabilities: np.ndarray
    gap: int

    def __call__(self, x: tf.Tensor, y: tf.Tensor, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return ids of shape `(1, words)`, made of ids of shape `(batch, length)`."""
        import tensorflow as tf

        ids = tf.reshape(tf.pad(x, [[0, 0], [0, self.gap]], constant_values=PADDING), [-1])
        drawn = tf.random.stateless_uniform(tf.shape(ids), seed)
        kept = tf.boolean_mask(ids, drawn < tf.gather(self.probabilities, ids))
        return kept[tf.newaxis], y[:1]
