"""Smoothed curves: an exponentially weighted average without a bias to its start."""

import numpy as np
import pytest

from maquette.reporting import plots
from maquette.reporting.curves import smoothed


def test_it_is_the_weighted_mean_of_all_values_so_far():
    values, weight = np.array([3.0, -1.0, 4.0, 1.0, 5.0]), 0.7
    shares = [weight ** np.arange(n + 1)[::-1] for n in range(len(values))]
    expected = [np.average(values[: len(w)], weights=w) for w in shares]
    np.testing.assert_allclose(smoothed(values, weight), expected)


def test_a_constant_stays_what_it_is_from_the_first_value_on():
    np.testing.assert_allclose(smoothed([2.5] * 20, 0.99), 2.5)


def test_with_weight_zero_nothing_changes():
    np.testing.assert_array_equal(smoothed([1.0, 5.0, 2.0], 0.0), [1.0, 5.0, 2.0])


def test_a_value_that_is_no_number_does_not_spread():
    result = smoothed([1.0, np.nan, np.inf, 1.0])
    np.testing.assert_array_equal(result, [1.0, np.nan, np.inf, 1.0])


def test_nothing_is_smoothed_to_nothing():
    assert smoothed([]).shape == (0,)


@pytest.mark.parametrize("weight", [-0.1, 1.0, 2.0])
def test_a_weight_out_of_range_is_refused(weight):
    with pytest.raises(ValueError, match="weight must be at least 0 and below 1"):
        smoothed([1.0], weight)


def lines(epochs: int) -> list:
    rows = [
        {"stage": "head" if n < epochs // 2 else "top", "loss": float(n % 2), "val_loss": 1.0}
        for n in range(epochs)
    ]
    (axes,) = plots.learning_curves(rows, ["loss"]).axes
    return [line for line in axes.lines if len(line.get_xdata()) == epochs]


def test_many_epochs_are_drawn_thin_and_their_average_thick():
    raw, average, *_ = lines(24)
    assert raw.get_linewidth() < 2 <= average.get_linewidth()
    np.testing.assert_array_equal(raw.get_ydata(), [n % 2 for n in range(24)])
    np.testing.assert_allclose(average.get_ydata()[:12], smoothed([n % 2 for n in range(12)]))
    # Each stage is averaged by itself.
    np.testing.assert_allclose(average.get_ydata()[12:], smoothed([n % 2 for n in range(12)]))


def test_few_epochs_are_drawn_as_they_are():
    assert len(lines(20)) == 2
    assert len(lines(21)) == 4
