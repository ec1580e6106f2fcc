"""Which examples a training step sees, as a pure function of the seed and the step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import tensorflow as tf

from maquette.errors import UserError


class Order(Protocol):
    """Which examples a training step sees: a pure function of the seed and the step."""

    def steps(self, count: int, batch_size: int) -> int:
        """Return the number of batches in an epoch over `count` examples."""

    def indices(self, step: tf.Tensor, count: int, batch_size: int, seed: int) -> tf.Tensor:
        """Return the indices, int64, of a step's batch; steps are counted over all epochs."""


@dataclass(frozen=True)
class Shuffled:
    """Every example once an epoch, each epoch in an order of its own."""

    def steps(self, count: int, batch_size: int) -> int:
        """Return the number of batches in an epoch; the last one may be smaller."""
        return -(-count // batch_size)

    def indices(self, step: tf.Tensor, count: int, batch_size: int, seed: int) -> tf.Tensor:
        """Return the indices, int64, of a step's batch."""
        per_epoch = self.steps(count, batch_size)
        batch = positions(step % per_epoch, batch_size, count)
        epoch_seed = tf.stack([tf.constant(seed, tf.int64), step // per_epoch])
        return tf.random.experimental.index_shuffle(batch, epoch_seed, count - 1)


SHUFFLED = Shuffled()


@dataclass(frozen=True)
class OfLength:
    """Another order, divided into epochs of any number of steps.

    It begins a new pass over the examples when it is through with one, not when an epoch begins.

    Args:
        order: The other order.
        length: Steps of an epoch.
    """

    order: Order
    length: int

    def steps(self, count: int, batch_size: int) -> int:
        """Return the number of batches in an epoch."""
        return self.length

    def indices(self, step: tf.Tensor, count: int, batch_size: int, seed: int) -> tf.Tensor:
        """Return the indices, int64, of a step's batch."""
        return self.order.indices(step, count, batch_size, seed)


class ClassBalanced:
    """Batches of a few classes with several examples each, as losses over pairs need them.

    A batch holds `classes_per_batch * examples_per_class` different examples, those of one class
    side by side; the batch size asked for plays no part. Classes with fewer examples than that
    are left out.

    Args:
        labels: Class of each example, shape `(n,)`.
        classes_per_batch: Different classes in a batch; at most all there are.
        examples_per_class: Different examples of each.

    Raises:
        UserError: fewer than two classes have enough examples.
    """

    def __init__(self, labels: np.ndarray, classes_per_batch: int, examples_per_class: int):
        groups = [np.flatnonzero(labels == label) for label in np.unique(labels)]
        groups = [group for group in groups if len(group) >= examples_per_class]
        if len(groups) < 2:
            raise UserError(
                f"{len(groups)} classes have {examples_per_class} or more training examples; "
                "two are needed"
            )
        self.classes_per_batch = min(classes_per_batch, len(groups))
        self.examples_per_class = examples_per_class
        self._sizes = np.array([len(group) for group in groups])
        self._starts = np.cumsum(self._sizes) - self._sizes
        self._members = np.concatenate(groups)

    def steps(self, count: int, batch_size: int) -> int:
        """Return the number of batches that hold as many examples as there are."""
        return max(1, len(self._members) // (self.classes_per_batch * self.examples_per_class))

    def indices(self, step: tf.Tensor, count: int, batch_size: int, seed: int) -> tf.Tensor:
        """Return the indices, int64, of a step's batch."""
        step_seed = tf.stack([tf.constant(seed, tf.int64), step])
        classes = tf.random.experimental.index_shuffle(
            tf.range(self.classes_per_batch, dtype=tf.int64), step_seed, len(self._sizes) - 1
        )
        sizes = tf.gather(tf.constant(self._sizes, tf.int64), classes)
        # The examples_per_class largest of random keys, one key for each member of a class.
        shape = (self.classes_per_batch, int(self._sizes.max()))
        keys = tf.random.stateless_uniform(shape, step_seed)
        keys = tf.where(tf.sequence_mask(sizes, shape[1]), keys, -1.0)
        _, chosen = tf.math.top_k(keys, self.examples_per_class)
        starts = tf.gather(tf.constant(self._starts, tf.int64), classes)
        members = tf.reshape(starts[:, None] + tf.cast(chosen, tf.int64), [-1])
        return tf.gather(tf.constant(self._members, tf.int64), members)


def positions(step: tf.Tensor, batch_size: int, count: int) -> tf.Tensor:
    """Return the positions, in an epoch of `count`, that its batch number `step` covers."""
    start = step * batch_size
    return tf.range(start, tf.minimum(start + batch_size, count))
