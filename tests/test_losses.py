"""Losses: their formulas, and that they survive being saved."""

import keras
import numpy as np
import pytest
from scipy.special import log_softmax

from maquette.losses import SmoothedCrossentropy

CLASSES = 4
LABELS = np.array([0, 3, 1, 1, 2], np.int32)
LOGITS = np.random.default_rng(0).normal(0, 3, (5, CLASSES)).astype(np.float32)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_smoothing_gives_a_part_of_the_target_to_all_classes_equally(smoothing):
    targets = np.full((5, CLASSES), smoothing / CLASSES)
    targets[np.arange(5), LABELS] += 1 - smoothing
    expected = -(targets * log_softmax(LOGITS.astype(np.float64), axis=1)).sum(1)
    loss = SmoothedCrossentropy(smoothing, reduction="none")
    np.testing.assert_allclose(loss(LABELS, LOGITS), expected, rtol=1e-5)
    mean = SmoothedCrossentropy(smoothing)(LABELS, LOGITS)
    np.testing.assert_allclose(mean, expected.mean(), rtol=1e-5)


def test_without_smoothing_it_is_the_cross_entropy_of_keras():
    theirs = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    np.testing.assert_allclose(
        SmoothedCrossentropy()(LABELS, LOGITS), theirs(LABELS, LOGITS), rtol=1e-6
    )


def test_with_smoothing_it_is_what_keras_computes_from_one_hot_targets():
    theirs = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.2)
    one_hot = np.eye(CLASSES, dtype=np.float32)[LABELS]
    np.testing.assert_allclose(
        SmoothedCrossentropy(0.2)(LABELS, LOGITS), theirs(one_hot, LOGITS), rtol=1e-6
    )


def test_labels_in_a_column_count_as_those_in_a_row():
    loss = SmoothedCrossentropy(0.1, reduction="none")
    np.testing.assert_array_equal(loss(LABELS[:, None], LOGITS), loss(LABELS, LOGITS))


def test_large_logits_stay_finite():
    assert np.isfinite(SmoothedCrossentropy(0.1)(LABELS, LOGITS * 1e6))


def test_a_saved_model_keeps_the_loss_and_its_smoothing(tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(CLASSES)])
    model.compile("sgd", SmoothedCrossentropy(0.3))
    model.save(tmp_path / "model.keras")
    loss = keras.models.load_model(tmp_path / "model.keras").loss
    assert isinstance(loss, SmoothedCrossentropy)
    assert loss.label_smoothing == 0.3
    np.testing.assert_array_equal(loss(LABELS, LOGITS), model.loss(LABELS, LOGITS))
