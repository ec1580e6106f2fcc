"""Losses over the pairs and triplets of a batch, against plain loops over all of them."""

from __future__ import annotations

from itertools import product

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from maquette.metric_learning import (
    Calibration,
    ContrastiveLoss,
    SameClass,
    TripletLoss,
    pairwise_distances,
)

LABELS = {
    "several of each": [3, 3, 3, -1, -1, 70_000, 70_000, 70_000, 70_000],
    "some alone": [5, 1, 1, 9, 1, 2, 2, 7],
    "two classes": [0, 1, 0, 1],
    "shuffled": [2, 0, 1, 1, 2, 0, 0, 2, 1, 1],
}
WITHOUT_TRIPLETS = {"one class": [4, 4, 4], "all alone": [1, 2, 3], "one example": [1]}
MINING = ("batch_all", "batch_hard", "semi_hard")


def embeddings(count: int, seed: int, scale: float = 0.6) -> np.ndarray:
    points = np.random.default_rng(seed).normal(scale=scale, size=(count, 3))
    return points.astype("float32")


def distance_table(points: np.ndarray) -> np.ndarray:
    table = np.zeros((len(points), len(points)))
    for i, j in product(range(len(points)), repeat=2):
        table[i, j] = np.sqrt(np.sum((points[i].astype(float) - points[j]) ** 2))
    return table


def contrastive(labels, points, margin, positive_margin=0.0):
    table = distance_table(points)
    together, apart = [], []
    for i, j in product(range(len(labels)), repeat=2):
        if i < j and labels[i] == labels[j]:
            together.append(max(0, table[i, j] - positive_margin) ** 2 / 2)
        elif i < j and table[i, j] < margin:
            apart.append((margin - table[i, j]) ** 2 / 2)
    return sum(np.mean(kind) for kind in (together, apart) if kind)


def batch_all(labels, points, margin):
    table, losses = distance_table(points), []
    for a, p, n in product(range(len(labels)), repeat=3):
        if a != p and labels[a] == labels[p] and labels[a] != labels[n]:
            losses.append(table[a, p] - table[a, n] + margin)
    positive = [loss for loss in losses if loss > 0]
    return np.mean(positive) if positive else 0.0


def others_of(labels, a):
    everyone = range(len(labels))
    same = [i for i in everyone if i != a and labels[i] == labels[a]]
    return same, [i for i in everyone if labels[i] != labels[a]]


def batch_hard(labels, points, margin):
    table, losses = distance_table(points), []
    for a in range(len(labels)):
        same, different = others_of(labels, a)
        if same and different:
            farthest, nearest = max(table[a, same]), min(table[a, different])
            losses.append(max(0, farthest - nearest + margin))
    return np.mean(losses) if losses else 0.0


def semi_hard(labels, points, margin):
    table, losses = distance_table(points), []
    for a in range(len(labels)):
        same, different = others_of(labels, a)
        for p in same if different else []:
            farther = [table[a, n] for n in different if table[a, n] > table[a, p]]
            negative = min(farther) if farther else max(table[a, different])
            losses.append(max(0, table[a, p] - negative + margin))
    return np.mean(losses) if losses else 0.0


REFERENCE = {"batch_all": batch_all, "batch_hard": batch_hard, "semi_hard": semi_hard}


def gradient(loss: keras.losses.Loss, labels, points: np.ndarray, compiled=False) -> np.ndarray:
    @tf.function(jit_compile=compiled)
    def of(embedded):
        with tf.GradientTape() as tape:
            tape.watch(embedded)
            value = loss(np.array(labels), embedded)
        return tape.gradient(value, embedded)

    return np.asarray(of(tf.constant(points)))


def test_distances_are_those_of_each_two_points():
    points = embeddings(9, seed=1)
    np.testing.assert_allclose(pairwise_distances(points), distance_table(points), atol=2e-6)


def test_distances_of_equal_points_and_their_slope_are_zero():
    points = np.repeat(embeddings(3, seed=2), 2, axis=0)
    assert np.asarray(pairwise_distances(points))[0, 1] == 0
    assert np.all(np.diag(pairwise_distances(points * 1000)) == 0)


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
@pytest.mark.parametrize("margin", [0.3, 2.5])
@pytest.mark.parametrize("seed", [3, 4])
def test_losses_are_what_a_loop_over_all_pairs_and_triplets_gives(labels, margin, seed):
    points = embeddings(len(labels), seed)
    for margins in ((margin,), (margin, 0.7 * margin)):
        got = ContrastiveLoss(*margins)(np.array(labels), points)
        assert float(got) == pytest.approx(contrastive(labels, points, *margins), abs=1e-5)
    for mining in MINING:
        got = TripletLoss(margin, mining)(np.array(labels), points)
        expected = REFERENCE[mining](labels, points, margin)
        assert float(got) == pytest.approx(expected, abs=1e-5), mining


@pytest.mark.parametrize("labels", WITHOUT_TRIPLETS.values(), ids=WITHOUT_TRIPLETS)
def test_a_batch_without_triplets_gives_nothing_to_learn(labels):
    points = embeddings(len(labels), seed=5)
    for mining in MINING:
        loss = TripletLoss(0.5, mining)
        assert float(loss(np.array(labels), points)) == 0
        np.testing.assert_array_equal(gradient(loss, labels, points), 0)


@pytest.mark.parametrize("labels", WITHOUT_TRIPLETS.values(), ids=WITHOUT_TRIPLETS)
def test_contrastive_loss_takes_the_pairs_that_there_are(labels):
    points = embeddings(len(labels), seed=6)
    value = float(ContrastiveLoss(1.5)(np.array(labels), points))
    assert value == pytest.approx(contrastive(labels, points, 1.5), abs=1e-6)


def test_losses_are_zero_where_classes_are_farther_apart_than_the_margin():
    labels, points = [0, 0, 1, 1], np.array([[0, 0], [0, 0], [9, 0], [9, 0]], "float32")
    for loss in (ContrastiveLoss(1.0), *(TripletLoss(1.0, mining) for mining in MINING)):
        assert float(loss(np.array(labels), points)) == 0


@pytest.mark.parametrize("loss", [ContrastiveLoss(), *(TripletLoss(0.2, m) for m in MINING)])
def test_gradients_are_finite_where_embeddings_are_equal(loss):
    # XLA, as other backends, takes 0 / 0 for no number where TensorFlow's own kernel gives 0.
    for points in (np.zeros((4, 3)), np.repeat(embeddings(2, seed=7), 2, axis=0)):
        slope = gradient(loss, [0, 0, 1, 1], points.astype("float32"), compiled=True)
        assert np.all(np.isfinite(slope))


@pytest.mark.parametrize("loss", [ContrastiveLoss(), *(TripletLoss(0.2, m) for m in MINING)])
def test_gradients_are_those_of_small_differences(loss):
    labels, points, step = LABELS["shuffled"], embeddings(10, seed=8), 1e-2
    slope = gradient(loss, labels, points)
    for index in ((0, 0), (4, 1), (9, 2)):
        moved = np.zeros_like(points)
        moved[index] = step
        ahead, behind = (float(loss(np.array(labels), points + sign * moved)) for sign in (1, -1))
        assert slope[index] == pytest.approx((ahead - behind) / (2 * step), abs=0.02)


def test_labels_may_stand_in_a_column():
    labels, points = np.array(LABELS["some alone"]), embeddings(8, seed=9)
    for loss in (ContrastiveLoss(), TripletLoss()):
        assert float(loss(labels[:, None], points)) == float(loss(labels, points))


@pytest.mark.parametrize(
    "loss", [ContrastiveLoss(0.7), TripletLoss(0.4, "semi_hard")], ids=lambda loss: loss.name
)
def test_losses_survive_saving(loss):
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert type(again) is type(loss)
    assert again.get_config() == loss.get_config()


def test_verdict_falls_with_the_distance_and_is_even_at_the_threshold():
    calibration = Calibration()
    calibration.build((None, 2))
    calibration.threshold.assign(2.0)
    calibration.slope.assign(3.0)
    first = np.zeros((3, 2), "float32")
    second = np.array([[0, 0], [0, 2], [3, 4]], "float32")
    verdict = SameClass(calibration)(first, second)
    np.testing.assert_allclose(verdict["distance"], [[0], [2], [5]], rtol=1e-6)
    expected = 1 / (1 + np.exp(-3 * (2 - np.array([[0], [2], [5]]))))
    np.testing.assert_allclose(verdict["probability"], expected, rtol=1e-5)


def test_calibration_is_saved_but_not_trained(tmp_path):
    image = keras.Input((2,))
    model = keras.Model(image, Calibration(name="calibration")(keras.layers.Dense(2)(image)))
    model.get_layer("calibration").threshold.assign(0.25)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert float(loaded.get_layer("calibration").threshold) == 0.25
    assert len(loaded.trainable_weights) == 2
    x = embeddings(4, seed=10)[:, :2]
    np.testing.assert_array_equal(loaded(x), ops.convert_to_numpy(model(x)))
