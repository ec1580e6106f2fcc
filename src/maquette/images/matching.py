"""How well distances between embeddings tell classes apart, also classes never seen before."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

PAIRS = 10_000
RECALLS = (1, 5, 10)


@dataclass(frozen=True)
class EmbeddedImages:
    """Images with their embeddings, and pairs of them with their distances.

    Args:
        images: Shape `(n, height, width, channels)`.
        labels: Class of each, shape `(n,)`.
        embeddings: Shape `(n, embedding_dim)`.
        threshold: Distance below which two count as of one class.
        pairs: Positions of the two of each pair, shape `(pairs, 2)`.
        same: Whether a pair is of one class, shape `(pairs,)`.
    """

    images: np.ndarray
    labels: np.ndarray
    embeddings: np.ndarray
    threshold: float
    pairs: np.ndarray
    same: np.ndarray

    @classmethod
    def of(
        cls, images: np.ndarray, labels: np.ndarray, embeddings: np.ndarray, threshold: float
    ) -> Self:
        """Return the images with balanced pairs, drawn the same way every time."""
        return cls(images, labels, embeddings, threshold, *balanced_pairs(labels, PAIRS))

    @cached_property
    def distance(self) -> np.ndarray:
        """Distance of each pair, shape `(pairs,)`."""
        first, second = (self.embeddings[side] for side in self.pairs.T)
        return np.linalg.norm(first - second, axis=1)

    @cached_property
    def neighbours(self) -> np.ndarray:
        """Positions of the nearest others of each image, shape `(n, 10)` or all others."""
        return nearest_neighbours(self.embeddings, min(max(RECALLS), len(self.embeddings) - 1))


def members(labels: np.ndarray, fewest: int = 1) -> list[np.ndarray]:
    """Return the positions of each class' examples, of classes with `fewest` or more."""
    groups = (np.flatnonzero(labels == label) for label in np.unique(labels))
    return [group for group in groups if len(group) >= fewest]


def one_shot_accuracy(
    embeddings: np.ndarray, labels: np.ndarray, ways: int, trials: int, seed: int = 0
) -> float:
    """Return how often the nearest of single examples is that of the right class.

    Each trial draws `ways` classes, and two examples of each: one is known, the other is given the
    class of the nearest known one (Lake, Salakhutdinov and Tenenbaum 2015). Chance is 1 / `ways`.

    Args:
        embeddings: Shape `(n, embedding_dim)`.
        labels: Class of each, shape `(n,)`.
        ways: Classes in a trial, at most as many as have two examples.
        trials: Number of trials; each gives `ways` answers.
        seed: Decides what is drawn. Defaults to 0.
    """
    groups, random = members(labels, fewest=2), np.random.default_rng(seed)
    right = 0
    for _ in range(trials):
        classes = random.choice(len(groups), ways, replace=False)
        pairs = np.array([random.choice(groups[c], 2, replace=False) for c in classes])
        known, asked = embeddings[pairs[:, 0]], embeddings[pairs[:, 1]]
        nearest = distances(asked, known).argmin(axis=1)
        right += np.sum(nearest == np.arange(ways))
    return float(right / (ways * trials))


def nearest_neighbours(embeddings: np.ndarray, count: int) -> np.ndarray:
    """Return the positions of the nearest others of each embedding, nearest first.

    Args:
        embeddings: Shape `(n, embedding_dim)`.
        count: Neighbours of each, less than n.

    Returns:
        Positions, shape `(n, count)`.
    """
    nearest = []
    for start in range(0, len(embeddings), 1000):
        rows = distances(embeddings[start : start + 1000], embeddings)
        rows[np.arange(len(rows)), start + np.arange(len(rows))] = np.inf
        nearest.append(np.argsort(rows, axis=1, kind="stable")[:, :count])
    return np.concatenate(nearest)


def recall_at(neighbours: np.ndarray, labels: np.ndarray, count: int) -> float:
    """Return the share of examples with one of their class among their `count` nearest others.

    Examples that are the only ones of their class are not counted.
    """
    return float(np.mean(found_at(neighbours, labels, count)))


def found_at(neighbours: np.ndarray, labels: np.ndarray, count: int) -> np.ndarray:
    """Return which examples have one of their class among their `count` nearest others.

    Args:
        neighbours: Positions of the nearest others of each example, shape `(n, most)`.
        labels: Class of each example, shape `(n,)`.
        count: Neighbours that are looked at, at most as many as there are.

    Returns:
        Booleans, one for each example that is not the only one of its class.
    """
    found = labels[neighbours[:, :count]] == labels[:, None]
    has_others = np.isin(np.arange(len(labels)), np.concatenate(members(labels, fewest=2)))
    return found.any(axis=1)[has_others]


def balanced_pairs(labels: np.ndarray, count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Draw pairs of examples, every second one of the same class, each class as often.

    Args:
        labels: Class of each example; two or more classes, one or more with two examples.
        count: Number of pairs.
        seed: Decides what is drawn. Defaults to 0.

    Returns:
        Positions, shape `(count, 2)`, and whether they are of one class, boolean, `(count,)`.
    """
    random = np.random.default_rng(seed)
    every, pairable = members(labels), members(labels, fewest=2)
    pairs = np.empty((count, 2), np.intp)
    for i in range(0, count, 2):
        pairs[i] = random.choice(pairable[random.integers(len(pairable))], 2, replace=False)
    for i in range(1, count, 2):
        first, second = random.choice(len(every), 2, replace=False)
        pairs[i] = random.choice(every[first]), random.choice(every[second])
    return pairs, np.arange(count) % 2 == 0


def equal_error_rate(false_positives: np.ndarray, true_positives: np.ndarray) -> float:
    """Return the error rate at the threshold where both kinds of error are equally frequent.

    Args:
        false_positives: Rates along an ROC curve, rising from 0 to 1.
        true_positives: The same of the true positives.
    """
    # Where the curve crosses the falling diagonal, which may lie between two of its points.
    difference = false_positives + true_positives - 1
    return float(np.interp(0, difference, false_positives))


def logistic_threshold(distance: np.ndarray, same: np.ndarray) -> tuple[float, float]:
    """Fit P(same) = sigmoid(slope * (threshold - distance)) to pairs.

    Args:
        distance: Distance of each pair, shape `(n,)`.
        same: Whether it is of one class, shape `(n,)`.

    Returns:
        Threshold and slope; the slope is positive, also where distances tell nothing.
    """
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression().fit(distance[:, None], same)
    weight, bias = float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
    if weight >= 0:
        return float(np.median(distance)), 1e-3
    return -bias / weight, -weight


def distances(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return Euclidean distances, `(n, m)`, of `first`, `(n, d)`, to `second`, `(m, d)`."""
    lengths = np.sum(first**2, axis=1)[:, None] + np.sum(second**2, axis=1)
    return np.sqrt(np.maximum(lengths - 2 * first @ second.T, 0))
