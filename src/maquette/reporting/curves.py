"""Curves of values over time, made easier to read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def smoothed(values: Sequence[float], weight: float = 0.6) -> np.ndarray:
    """Return the exponentially weighted average of the values up to each one.

    The average m = weight m + (1 - weight) value starts at zero, so that the first ones are too
    small by the factor 1 - weight^t; dividing by it takes this bias away (Kingma and Ba 2015,
    section 3). A value that is no number is left out of the average and stays what it is.

    Example:
        >>> smoothed([1.0, 3.0], weight=0.5)
        array([1.        , 2.33333333])

    Args:
        values: Values in order.
        weight: Weight of the past, 0 (no smoothing) to below 1. Defaults to 0.6.

    Returns:
        Floats, as many as values.

    Raises:
        ValueError: the weight is not in 0 to 1, 1 excluded.
    """
    if not 0 <= weight < 1:
        raise ValueError(f"weight must be at least 0 and below 1. Received: {weight}")
    result = np.array(values, np.float64)
    average, share = 0.0, 0.0  # share: the weights of all values so far, 1 - weight^t
    for i in np.flatnonzero(np.isfinite(result)):
        average = weight * average + (1 - weight) * result[i]
        share = weight * share + (1 - weight)
        result[i] = average / share
    return result
