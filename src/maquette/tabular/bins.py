"""Numbers in bins of about as many training values each: what a model knows of a number's size.

A model is told the mean of a bin, and where the bin lies among all values, as a quantile of the
normal distribution. Both are small numbers whatever the unit of the column, an outlier does no
harm, and rounding cannot change them.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from maquette.tabular.columns import MISSING

BINS = 256
EDGES = BINS - 1
UNREACHED = 2**31 - 1
LARGEST = 4.0  # standard deviations from the mean
FEATURES = 3  # mean of the bin, its normal quantile, whether the value is missing


def bins_of(codes: np.ndarray, are_dates: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return where the bins of a column begin, and what a model is told of each.

    Args:
        codes: Training codes of the column, int32, shape `(n,)`.
        are_dates: Whether they are minutes and not ordered numbers.

    Returns:
        Edges, int32, shape `(EDGES,)`: a code is in the bin of as many edges as are not above it.
        Features, float32, shape `(1 + BINS, FEATURES)`: of what is missing, then of each bin.
    """
    present = np.sort(codes[codes != MISSING]).astype(np.int64)
    edges = _edges(present)
    features = np.zeros((1 + BINS, FEATURES), np.float32)
    features[0, 2] = 1
    if len(present):
        values = present.astype(np.float64) if are_dates else _numbers(present)
        features[1 : 2 + len(edges), :2] = _features(
            values, np.searchsorted(edges, present, "right")
        )
    padded = np.full(EDGES, UNREACHED, np.int32)
    padded[: len(edges)] = edges
    return padded, features


def _edges(present: np.ndarray) -> np.ndarray:
    """Return codes halfway between neighbours, for at most `BINS` bins."""
    different = np.unique(present)
    if len(different) <= BINS:
        lower, upper = different[:-1], different[1:]
    else:
        cuts = np.linspace(0, len(present), BINS + 1)[1:-1].astype(int)
        upper = np.unique(present[cuts])
        upper = upper[upper > present[0]]
        lower = different[np.searchsorted(different, upper) - 1]
    return lower + (upper - lower + 1) // 2


def _features(values: np.ndarray, bins: np.ndarray) -> np.ndarray:
    """Return the standardised mean and the normal quantile of each bin, `(bins, 2)`."""
    counts = np.bincount(bins)
    means = np.bincount(bins, values) / counts
    spread = values.std() or 1.0
    middles = (np.cumsum(counts) - counts / 2) / len(values)
    quantiles = [NormalDist().inv_cdf(middle) for middle in middles]
    both = np.stack([(means - values.mean()) / spread, quantiles], axis=1)
    return both.clip(-LARGEST, LARGEST)


def _numbers(codes: np.ndarray) -> np.ndarray:
    """Return the numbers that ordered codes stand for; see `columns.ordered`."""
    bits = np.where(codes < 0, -codes - 2**31, codes).astype(np.int32)
    return bits.view(np.float32).astype(np.float64)
