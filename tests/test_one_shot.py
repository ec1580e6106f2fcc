"""What is measured on embeddings: one-shot tests, neighbours, and verdicts on pairs."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.images import matching
from maquette.images.matching import EmbeddedImages

LABELS = np.repeat([3, 8, 11, 40], 5)


def apart() -> np.ndarray:
    """Return embeddings whose classes lie far from each other."""
    random = np.random.default_rng(0)
    return np.eye(4)[np.unique(LABELS, return_inverse=True)[1]] * 10 + random.normal(size=(20, 4))


def test_one_shot_accuracy_of_well_separated_classes_is_perfect():
    assert matching.one_shot_accuracy(apart(), LABELS, ways=4, trials=30) == 1


def test_one_shot_accuracy_of_collapsed_embeddings_is_chance():
    same = np.zeros((20, 4))
    assert matching.one_shot_accuracy(same, LABELS, ways=4, trials=30) == 0.25


def test_one_shot_accuracy_of_noise_is_near_chance():
    noise = np.random.default_rng(1).normal(size=(20, 4))
    found = matching.one_shot_accuracy(noise, LABELS, ways=2, trials=2000)
    assert found == pytest.approx(0.5, abs=0.08)


def test_one_shot_tests_ask_for_another_image_than_the_known_one():
    # Each image lies nearest to itself, then to one of another class.
    embeddings = np.array([[0.0], [9.0], [1.0], [10.0]])
    assert matching.one_shot_accuracy(embeddings, np.array([0, 0, 1, 1]), 2, 50) < 0.5


def test_one_shot_tests_are_the_same_every_time():
    noise = np.random.default_rng(2).normal(size=(20, 4))
    values = [matching.one_shot_accuracy(noise, LABELS, 3, 40, seed) for seed in (0, 0, 1)]
    assert values[0] == values[1] != values[2]


def test_one_shot_tests_leave_out_classes_of_one_image():
    labels = np.array([0, 0, 1, 1, 2])
    embeddings = np.array([[0.0], [0.1], [5.0], [5.1], [5.05]])
    assert matching.one_shot_accuracy(embeddings, labels, ways=2, trials=50) == 1


def test_neighbours_are_the_nearest_others_in_order():
    embeddings = np.random.default_rng(3).normal(size=(1203, 3))
    found = matching.nearest_neighbours(embeddings, 4)
    for index in (0, 7, 999, 1000, 1202):
        distance = np.linalg.norm(embeddings - embeddings[index], axis=1)
        distance[index] = np.inf
        np.testing.assert_array_equal(found[index], np.argsort(distance)[:4])


def test_recall_counts_images_with_one_of_their_class_among_the_nearest():
    labels = np.array([0, 0, 0, 1, 1, 2])
    neighbours = np.array([[1, 3], [3, 2], [4, 5], [0, 1], [3, 0], [0, 1]])
    # The last is the only one of its class, and not counted.
    assert matching.recall_at(neighbours, labels, 1) == pytest.approx(2 / 5)
    assert matching.recall_at(neighbours, labels, 2) == pytest.approx(3 / 5)


def test_pairs_are_balanced_and_of_two_images():
    labels = np.array([5] * 60 + [6] * 2 + [7])
    pairs, same = matching.balanced_pairs(labels, 600)
    assert np.all(pairs[:, 0] != pairs[:, 1])
    np.testing.assert_array_equal(labels[pairs[:, 0]] == labels[pairs[:, 1]], same)
    assert same.sum() == 300
    # Each class as often, however many images it has.
    assert np.mean(labels[pairs[same][:, 0]] == 6) == pytest.approx(0.5, abs=0.1)
    assert np.mean((labels[pairs[~same]] == 7).any(axis=1)) == pytest.approx(2 / 3, abs=0.1)
    assert set(pairs[same].ravel()) > set(range(55))


def test_pairs_are_the_same_every_time():
    first, second, other = (matching.balanced_pairs(LABELS, 30, seed)[0] for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)


def test_equal_error_rate_is_where_both_errors_meet():
    assert matching.equal_error_rate(np.array([0, 0, 1]), np.array([0, 1, 1])) == 0
    assert matching.equal_error_rate(np.array([0, 1]), np.array([0, 1])) == 0.5
    false, true = np.array([0, 0.2, 0.4, 1]), np.array([0, 0.7, 0.9, 1])
    # Between the second and third point: 0.2 + t/5 is 1 - (0.7 + t/5) at t = 1/4.
    assert matching.equal_error_rate(false, true) == pytest.approx(0.25)


def test_fitted_threshold_and_slope_are_those_the_pairs_were_drawn_with():
    random = np.random.default_rng(4)
    distance = random.uniform(0, 2, 20_000)
    same = random.uniform(size=20_000) < 1 / (1 + np.exp(-6 * (0.7 - distance)))
    threshold, slope = matching.logistic_threshold(distance, same)
    assert threshold == pytest.approx(0.7, abs=0.02)
    assert slope == pytest.approx(6, rel=0.05)


def test_distances_that_mislead_give_a_verdict_that_still_falls_with_distance():
    distance = np.linspace(0, 1, 100)
    threshold, slope = matching.logistic_threshold(distance, distance > 0.5)
    assert slope > 0
    assert 0 < threshold < 1


def test_distances_are_euclidean():
    first, second = np.array([[0.0, 0], [3, 4]]), np.array([[0.0, 0], [6, 8], [3, 4]])
    expected = [[0, 10, 5], [5, 5, 0]]
    np.testing.assert_allclose(matching.distances(first, second), expected, atol=1e-6)


def test_embedded_images_know_the_distances_of_their_pairs():
    points = apart()
    images = EmbeddedImages.of(np.zeros((20, 2, 2, 1)), LABELS, points, threshold=5)
    first, second = images.pairs[7]
    assert images.distance[7] == pytest.approx(np.linalg.norm(points[first] - points[second]))
    assert np.all(images.distance[images.same] < 8)
    assert images.neighbours.shape == (20, 10)
