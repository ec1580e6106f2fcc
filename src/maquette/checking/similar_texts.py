"""Find texts that are nearly the same, among very many, by MinHash.

A text is the set of its pairs of neighbouring words, without case and punctuation. Texts share a
smallest hash with a probability that is the share of pairs they have in common (Broder, 1997);
those that agree in a whole band of such hashes are compared in full.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

BANDS, PER_BAND = 20, 5
LEAST_IN_COMMON = 0.75  # of the pairs of words of both texts together
FEWEST_WORDS = 5  # of shorter texts, many are alike by chance
LARGEST_BAND = 50  # texts that agree in a band; of more, neighbours in order are compared
CHUNK = 2048
WORD = re.compile(r"\w+")


def similar_texts(texts: Sequence[str]) -> np.ndarray:
    """Return pairs of texts that are nearly the same.

    Args:
        texts: any number of texts, all different.

    Returns:
        Positions, shape (pairs, 2), the lower one first, in order.
    """
    known: dict[str, int] = {}
    sets = [_pairs_of_words(text, known) for text in texts]
    long = np.array([i for i, pairs in enumerate(sets) if len(pairs) >= FEWEST_WORDS - 1], np.intp)
    parts = [long[start : start + CHUNK] for start in range(0, len(long), CHUNK)]
    hashes = [_smallest_hashes([sets[i] for i in part]) for part in parts]
    if not hashes:
        return np.empty((0, 2), np.intp)
    candidates = _agreeing(np.concatenate(hashes))
    pairs = [
        (long[a], long[b])
        for a, b in candidates
        if _in_common(sets[long[a]], sets[long[b]]) >= LEAST_IN_COMMON
    ]
    return np.array(sorted(pairs), np.intp).reshape(-1, 2)


def _pairs_of_words(text: str, known: dict[str, int]) -> np.ndarray:
    """Return the different pairs of neighbouring words as numbers, uint64."""
    words = [known.setdefault(word, len(known)) for word in WORD.findall(text.casefold())]
    numbers = np.array(words, np.uint64)
    return np.unique((numbers[:-1] << np.uint64(32)) | numbers[1:])


def _smallest_hashes(sets: Sequence[np.ndarray]) -> np.ndarray:
    """Return the smallest of each hash over each set, shape (sets, bands, hashes in a band)."""
    values = _mixed(np.concatenate(sets))
    starts = np.cumsum([0, *(len(pairs) for pairs in sets[:-1])])
    generator = np.random.default_rng(0)
    factors = generator.integers(0, 1 << 63, BANDS * PER_BAND, dtype=np.uint64) * 2 + 1
    smallest = [
        np.minimum.reduceat((values * factor) >> np.uint64(32), starts) for factor in factors
    ]
    return np.stack(smallest, axis=1).astype(np.uint32).reshape(len(sets), BANDS, PER_BAND)


def _mixed(values: np.ndarray) -> np.ndarray:
    """Return numbers in which each bit depends on all bits of the given ones."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _agreeing(hashes: np.ndarray) -> set[tuple[int, int]]:
    """Return pairs of rows that agree in a band."""
    pairs = set()
    for band in range(BANDS):
        rows = defaultdict(list)
        for row, key in enumerate(np.ascontiguousarray(hashes[:, band])):
            rows[key.tobytes()].append(row)
        for members in rows.values():
            reach = len(members) if len(members) <= LARGEST_BAND else 2
            pairs.update((a, b) for i, a in enumerate(members) for b in members[i + 1 : i + reach])
    return pairs


def _in_common(first: np.ndarray, second: np.ndarray) -> float:
    both = len(np.intersect1d(first, second, assume_unique=True))
    return both / (len(first) + len(second) - both)
