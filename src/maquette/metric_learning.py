"""Metric learning: losses that bring the embeddings of a class together, and a verdict on pairs.

Both losses take a whole batch of embeddings and labels, and form the pairs and triplets inside it.
"""

from __future__ import annotations

from typing import Literal

import keras
from keras import ops

Mining = Literal["batch_all", "batch_hard", "semi_hard"]
FAR = 1e9  # more than any distance


def pairwise_distances(embeddings: keras.KerasTensor) -> keras.KerasTensor:
    """Return the Euclidean distance of each two embeddings.

    Where two embeddings are equal, the distance and its gradient are 0.

    Input shape: `(batch, embedding_dim)`.
    Output shape: `(batch, batch)`.
    """
    products = ops.matmul(embeddings, ops.transpose(embeddings))  # (batch, batch)
    lengths = ops.sum(ops.square(embeddings), axis=-1)  # (batch,)
    squared = lengths[:, None] + lengths[None, :] - 2 * products
    squared = squared * (1 - ops.eye(ops.shape(squared)[0], dtype=squared.dtype))
    is_apart = squared > 0
    # The slope of the root at 0 is infinite, and would stay so behind a single `where`.
    return ops.where(is_apart, ops.sqrt(ops.where(is_apart, squared, 1.0)), 0.0)


@keras.saving.register_keras_serializable("maquette")
class ContrastiveLoss(keras.losses.Loss):
    """Draw the embeddings of one class together, and push those of two apart up to a margin.

    Over all pairs of a batch with distance d: max(0, d - positive_margin)²/2 where the labels are
    the same, and max(0, margin - d)²/2 where they differ (Hadsell, Chopra and LeCun 2006, equation
    4, whose positive margin is 0). The first are averaged by themselves, and of the second those
    within the margin: nearly all pairs of a batch are of two classes that are far apart already,
    and would hide the others. A positive margin leaves room for what tells the images of a class
    apart, which may be what tells new classes apart.

    Example:
        >>> model.compile("adam", loss=ContrastiveLoss(margin=1.0, positive_margin=0.5))

    Args:
        margin: Distance from which on two classes are far enough apart. Defaults to 1.
        positive_margin: Distance up to which one class is near enough together. Defaults to 0.
        name: Name of the loss.

    Input shape: integer labels `(batch,)`, embeddings `(batch, embedding_dim)`.
    Output shape: a scalar; 0 for a batch without pairs.
    """

    def __init__(
        self,
        margin: float = 1.0,
        positive_margin: float = 0.0,
        name: str = "contrastive_loss",
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        self.margin, self.positive_margin = margin, positive_margin

    def call(self, y_true, y_pred):
        distances = pairwise_distances(y_pred)  # (batch, batch)
        same, different = _relations(y_true)
        together = _mean(ops.square(ops.relu(distances - self.positive_margin)) / 2, same)
        within = ops.logical_and(different, distances < self.margin)
        apart = _mean(ops.square(self.margin - distances) / 2, within)
        return together + apart

    def get_config(self):
        margins = {"margin": self.margin, "positive_margin": self.positive_margin}
        return {**super().get_config(), **margins}


@keras.saving.register_keras_serializable("maquette")
class TripletLoss(keras.losses.Loss):
    """Have each example nearer to its own class than to any other, by a margin.

    Of an anchor, a positive of its class and a negative of another, the loss is
    max(0, d(anchor, positive) - d(anchor, negative) + margin). Which triplets of a batch count:

    - `batch_all`: every one, averaged over those that are not 0 (Hermans, Beyer and Leibe 2017);
    - `batch_hard`: of each anchor the farthest positive and the nearest negative (the same paper);
    - `semi_hard`: of each anchor and positive the nearest of the negatives that are farther than
      the positive, or else the farthest negative (Schroff, Kalenichenko and Philbin 2015).

    Example:
        >>> model.compile("adam", loss=TripletLoss(margin=0.2, mining="batch_hard"))

    Args:
        margin: By how much the negative must be farther than the positive. Defaults to 0.2.
        mining: Which triplets count. Defaults to `"batch_all"`.
        name: Name of the loss.

    Input shape: integer labels `(batch,)`, embeddings `(batch, embedding_dim)`.
    Output shape: a scalar; 0 for a batch without triplets.
    """

    def __init__(
        self,
        margin: float = 0.2,
        mining: Mining = "batch_all",
        name: str = "triplet_loss",
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        self.margin, self.mining = margin, mining

    def call(self, y_true, y_pred):
        distances = pairwise_distances(y_pred)  # (batch, batch)
        same, different = _relations(y_true)
        losses = {"batch_all": _batch_all, "batch_hard": _batch_hard, "semi_hard": _semi_hard}
        return losses[self.mining](distances, same, different, self.margin)

    def get_config(self):
        return {**super().get_config(), "margin": self.margin, "mining": self.mining}


def _relations(labels):
    """Return which pairs are of the same class, but not the same example, and which are not."""
    labels = ops.reshape(labels, (-1,))
    equal = ops.equal(labels[:, None], labels[None, :])  # (batch, batch)
    itself = ops.eye(ops.shape(labels)[0], dtype="bool")
    return ops.logical_and(equal, ops.logical_not(itself)), ops.logical_not(equal)


def _mean(values, chosen):
    """Return the mean of the chosen values, 0 where there are none."""
    chosen = ops.cast(chosen, values.dtype)
    return ops.sum(values * chosen) / ops.maximum(ops.sum(chosen), 1.0)


def _batch_all(distances, same, different, margin):
    hinge = distances[:, :, None] - distances[:, None, :] + margin  # (anchor, positive, negative)
    valid = ops.logical_and(same[:, :, None], different[:, None, :])
    return _mean(hinge, ops.logical_and(valid, hinge > 0))


def _batch_hard(distances, same, different, margin):
    positive = ops.max(ops.where(same, distances, 0.0), axis=1)  # (anchor,)
    negative = ops.min(ops.where(different, distances, FAR), axis=1)
    valid = ops.logical_and(ops.any(same, axis=1), ops.any(different, axis=1))
    return _mean(ops.relu(positive - negative + margin), valid)


def _semi_hard(distances, same, different, margin):
    farther = distances[:, None, :] > distances[:, :, None]  # (anchor, positive, negative)
    farther = ops.logical_and(farther, different[:, None, :])
    nearest = ops.min(ops.where(farther, distances[:, None, :], FAR), axis=2)
    farthest = ops.max(ops.where(different, distances, 0.0), axis=1)  # (anchor,)
    negative = ops.where(ops.any(farther, axis=2), nearest, farthest[:, None])
    valid = ops.logical_and(same, ops.any(different, axis=1)[:, None])  # (anchor, positive)
    return _mean(ops.relu(distances - negative + margin), valid)


@keras.saving.register_keras_serializable("maquette")
class Calibration(keras.layers.Layer):
    """Pass embeddings on, and keep with the model what `SameClass` judges pairs of them by.

    The two numbers, `threshold` and `slope`, are found by looking at pairs after the training, not
    by gradients. Both are 1 at first.

    Input shape: `(batch, embedding_dim)`.
    Output shape: the same.
    """

    def build(self, input_shape):
        options = {"shape": (), "initializer": "ones", "trainable": False}
        self.threshold = self.add_weight(name="threshold", **options)
        self.slope = self.add_weight(name="slope", **options)

    def call(self, embeddings):
        return embeddings


class SameClass(keras.layers.Layer):
    """Judge two embeddings: P(same class) = sigmoid(slope * (threshold - distance)).

    Example:
        >>> verdict = SameClass(calibration)(embedding_a, embedding_b)
        >>> verdict["probability"]

    Args:
        calibration: The layer that keeps threshold and slope, built.

    Input shape: two times `(batch, embedding_dim)`.
    Output shape: `distance`, Euclidean, and `probability`, each `(batch, 1)`.
    """

    def __init__(self, calibration: Calibration, **kwargs):
        super().__init__(**kwargs)
        self.calibration = calibration

    def call(self, first, second):
        squared = ops.sum(ops.square(first - second), axis=-1, keepdims=True)
        distance = ops.sqrt(squared)  # (batch, 1)
        threshold, slope = self.calibration.threshold, self.calibration.slope
        return {"distance": distance, "probability": ops.sigmoid(slope * (threshold - distance))}
