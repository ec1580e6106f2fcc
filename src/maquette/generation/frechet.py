"""Fréchet distance between two sets of features."""

from __future__ import annotations

import numpy as np


def frechet_distance(first: np.ndarray, second: np.ndarray) -> float:
    """Return the squared Fréchet distance between the normal distributions of two sets.

    With means m and covariances C of the sets A and B it is

        |m_A - m_B|^2 + tr(C_A + C_B - 2 (C_A C_B)^1/2)

    (Heusel et al. 2017, equation 6; Dowson and Landau 1982). It is 0 for equal means and
    covariances and grows with what one set has and the other lacks. Few examples make it larger
    than it is, so sets are compared with as many as possible, and the same number each time.

    Example:
        >>> frechet_distance(features_of_images, features_of_samples)

    Args:
        first: Features of one set, shape `(n, features)`, n at least 2.
        second: Features of the other, shape `(m, features)`, m at least 2.

    Raises:
        ValueError: the shapes do not fit.
    """
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or min(len(a), len(b)) < 2:
        raise ValueError(f"two arrays (n, features) are needed; received {a.shape} and {b.shape}")
    apart = np.sum((a.mean(0) - b.mean(0)) ** 2)
    covariance_a, covariance_b = _covariance(a), _covariance(b)
    spread = np.trace(covariance_a) + np.trace(covariance_b)
    return float(max(apart + spread - 2 * _trace_of_root(covariance_a, covariance_b), 0))


def _covariance(features: np.ndarray) -> np.ndarray:
    return np.atleast_2d(np.cov(features, rowvar=False))


def _trace_of_root(a: np.ndarray, b: np.ndarray) -> float:
    """Return tr((AB)^1/2) of two covariances.

    AB has the eigenvalues of A^1/2 B A^1/2, which is symmetric, so that they are real and stay
    accurate where A or B is singular, as with fewer examples than features.
    """
    values, vectors = np.linalg.eigh(a)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    return float(np.sum(np.sqrt(np.maximum(np.linalg.eigvalsh(root @ b @ root), 0))))
