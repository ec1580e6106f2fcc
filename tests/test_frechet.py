"""The Fréchet distance: against closed forms, and against a matrix root of another library."""

import numpy as np
import pytest
import scipy.linalg

from maquette.generation.frechet import frechet_distance

RNG = np.random.default_rng(0)


def with_moments(mean: np.ndarray, covariance: np.ndarray, count: int = 200) -> np.ndarray:
    """Return examples whose mean and covariance are exactly those given."""
    width = len(mean)
    values = RNG.normal(size=(count, width))
    values -= values.mean(0)
    values = values @ np.linalg.inv(np.linalg.cholesky(np.atleast_2d(np.cov(values.T)))).T
    return mean + values @ np.linalg.cholesky(covariance).T


def random_covariance(width: int) -> np.ndarray:
    factors = RNG.normal(size=(width, 2 * width))
    return factors @ factors.T / width


def test_independent_features_have_the_closed_form_of_their_means_and_deviations():
    means, deviations = RNG.normal(size=(2, 6)), RNG.uniform(0.1, 3, size=(2, 6))
    sets = [with_moments(m, np.diag(d**2)) for m, d in zip(means, deviations, strict=True)]
    expected = np.sum((means[0] - means[1]) ** 2) + np.sum((deviations[0] - deviations[1]) ** 2)
    assert frechet_distance(*sets) == pytest.approx(expected, rel=1e-9)


def test_dependent_features_agree_with_a_root_of_the_product_of_the_covariances():
    for width in (2, 5, 12):
        means, covariances = RNG.normal(size=(2, width)), [random_covariance(width) for _ in "ab"]
        sets = [with_moments(m, c) for m, c in zip(means, covariances, strict=True)]
        root = scipy.linalg.sqrtm(covariances[0] @ covariances[1]).real
        expected = np.sum((means[0] - means[1]) ** 2) + np.trace(sum(covariances) - 2 * root)
        assert frechet_distance(*sets) == pytest.approx(expected, rel=1e-6)


def test_single_features_need_no_matrix():
    first, second = with_moments(np.zeros(1), np.eye(1)), with_moments(np.ones(1), 9 * np.eye(1))
    assert frechet_distance(first, second) == pytest.approx(1 + (3 - 1) ** 2)


def test_equal_sets_are_at_distance_zero_and_the_order_does_not_matter():
    first, second = RNG.normal(size=(50, 8)), 2 + RNG.normal(size=(70, 8))
    assert frechet_distance(first, first[::-1]) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(first, second) == pytest.approx(frechet_distance(second, first))


def test_rotating_and_shifting_all_features_changes_nothing_and_scaling_squares():
    first, second = RNG.normal(size=(50, 5)), 1 + RNG.exponential(size=(60, 5))
    rotation = np.linalg.qr(RNG.normal(size=(5, 5)))[0]
    distance = frechet_distance(first, second)
    moved = frechet_distance(first @ rotation + 7, second @ rotation + 7)
    assert moved == pytest.approx(distance, rel=1e-9)
    assert frechet_distance(3 * first, 3 * second) == pytest.approx(9 * distance)


def test_fewer_examples_than_features_give_no_complex_and_no_negative_number():
    few = RNG.normal(size=(5, 40)).astype(np.float32)
    others = np.concatenate([few, few])
    others[:, :20] = 0  # a singular covariance beside another
    assert frechet_distance(few, few) == pytest.approx(0, abs=1e-6)
    expected = scipy.linalg.sqrtm(
        np.cov(few.T.astype(float)) @ np.cov(others.T.astype(float)) + 1e-12 * np.eye(40)
    ).real
    spread = np.trace(np.cov(few.T)) + np.trace(np.cov(others.T)) - 2 * np.trace(expected)
    apart = np.sum((few.mean(0) - others.mean(0)) ** 2)
    assert frechet_distance(few, others) == pytest.approx(apart + spread, rel=1e-3)


@pytest.mark.parametrize("shapes", [((5, 3), (5, 4)), ((1, 3), (5, 3)), ((5,), (5,))])
def test_sets_that_cannot_be_compared_are_refused(shapes):
    with pytest.raises(ValueError, match="received"):
        frechet_distance(*(np.zeros(shape) for shape in shapes))
