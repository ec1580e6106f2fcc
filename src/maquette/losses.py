"""Losses that Keras lacks."""

from __future__ import annotations

import keras


@keras.saving.register_keras_serializable("maquette")
class SmoothedCrossentropy(keras.losses.Loss):
    """Cross-entropy of class indices and logits with label smoothing.

    The target of the true class is `1 - label_smoothing`, plus, like that of every class,
    `label_smoothing / classes` (Szegedy et al. 2016, section 7). Keras smooths one-hot targets
    only; indices take a fraction of their memory.

    Args:
        label_smoothing: Probability that the targets give away to all classes equally, 0 to 1.
            Defaults to 0.
        reduction: As in every Keras loss. Defaults to `"sum_over_batch_size"`.
        name: Name of the loss.

    Input shape: indices `(batch,)`, logits `(batch, classes)`.
    Output shape: a scalar, or `(batch,)` without reduction.
    """

    def __init__(
        self,
        label_smoothing: float = 0.0,
        reduction: str = "sum_over_batch_size",
        name: str = "smoothed_crossentropy",
        **kwargs,
    ):
        super().__init__(name=name, reduction=reduction, **kwargs)
        self.label_smoothing = label_smoothing

    def call(self, y_true, y_pred):
        logits = keras.ops.log_softmax(y_pred)  # (batch, classes)
        indices = keras.ops.reshape(y_true, (-1,))
        targets = keras.ops.one_hot(indices, logits.shape[-1], dtype=logits.dtype)
        smooth = self.label_smoothing
        targets = targets * (1 - smooth) + smooth / logits.shape[-1]
        return -keras.ops.sum(targets * logits, axis=-1)  # (batch,)

    def get_config(self):
        return {**super().get_config(), "label_smoothing": self.label_smoothing}
