"""Balanced batches: a few classes, several examples of each, the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.errors import UserError
from maquette.orders import ClassBalanced
from maquette.pipeline import Examples

LABELS = np.repeat(np.arange(9), [5, 8, 3, 20, 4, 4, 1, 7, 6])
CLASSES, EACH = 4, 3


def batches(count: int, seed: int = 0, first_step: int = 0) -> list[tuple[np.ndarray, np.ndarray]]:
    order = ClassBalanced(LABELS, CLASSES, EACH)
    examples = Examples(np.arange(len(LABELS)), LABELS, order=order)
    stream = examples.shuffled(batch_size=999, seed=seed, first_step=first_step)
    return [(x, y) for x, y in stream.take(count).as_numpy_iterator()]


def test_a_batch_holds_different_examples_of_different_classes():
    for x, y in batches(50):
        assert len(set(x)) == CLASSES * EACH
        assert len(set(y)) == CLASSES
        assert all(len(set(group)) == 1 for group in y.reshape(CLASSES, EACH))
        np.testing.assert_array_equal(LABELS[x], y)


def test_every_example_has_its_turn_but_those_of_classes_that_are_too_small():
    seen = {int(index) for x, _ in batches(400) for index in x}
    assert seen == set(np.flatnonzero(LABELS != 6))


def test_classes_come_equally_often_whatever_their_size():
    labels = np.concatenate([y[::EACH] for _, y in batches(2000)])
    shares = np.bincount(labels, minlength=9)[[0, 1, 2, 3, 4, 5, 7, 8]] / len(labels)
    np.testing.assert_allclose(shares, 1 / 8, atol=0.015)


def test_batches_depend_on_seed_and_step_alone():
    whole, later = batches(6), batches(2, first_step=4)
    for (x, _), (again, _) in zip(whole[4:], later, strict=True):
        np.testing.assert_array_equal(x, again)
    assert any((x != other).any() for (x, _), (other, _) in zip(whole, batches(6, 1), strict=True))


def test_an_epoch_is_as_many_batches_as_hold_all_examples():
    assert Examples(LABELS, LABELS, ClassBalanced(LABELS, CLASSES, EACH)).steps(1) == 57 // 12
    assert Examples(LABELS, LABELS, ClassBalanced(LABELS, 99, 5)).steps(1) == 46 // 25


def test_one_usable_class_is_refused():
    with pytest.raises(UserError, match="1 classes have 20 or more training examples; two are"):
        ClassBalanced(LABELS, CLASSES, 20)
