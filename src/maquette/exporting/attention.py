"""Attention for export: masks by a number that int8 can hold beside the real scores."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import keras
import tensorflow as tf
from keras.src import backend

# exp(-30) = 1e-13 of the weight of a score of zero. Keras' -1e9 would take up the whole int8
# scale, and all real scores would become one.
MASKED = -30.0


@contextmanager
def phone_masks(met: set[str]) -> Iterator[None]:
    """Trace attention so that what is masked has a score of -30, in all layers of Keras.

    A query that may look at nothing gets what Keras gives it.

    Example:
        >>> with phone_masks(set()):
        ...     function.get_concrete_function(ids=tf.TensorSpec((None, 16), tf.int32))

    Args:
        met: Takes in `"masks"` once a mask was traced.
    """
    softmax, attention = keras.layers.Softmax, keras.layers.Attention
    replaced = (
        (backend.nn, "_apply_masks", _masked_scores(met)),
        (softmax, "call", _masked_softmax(softmax.call, met)),
        (attention, "_apply_scores", _masked_attention(attention._apply_scores, met)),
    )
    with ExitStack() as stack:
        for where, name, new in replaced:
            stack.enter_context(mock.patch.object(where, name, new))
        yield


def _masked_scores(met: set[str]) -> Callable:
    """Return what `keras.ops.dot_product_attention` masks its scores with."""

    def masked(scores: tf.Tensor, mask: tf.Tensor | None, is_causal: bool) -> tf.Tensor:
        if mask is None and not is_causal:
            return scores  # (batch, heads, queries, keys)
        met.add("masks")
        allowed = _not_later(scores) if is_causal else tf.constant(True)
        if mask is not None:
            allowed = tf.logical_and(allowed, mask)
        return tf.where(allowed, scores, tf.cast(MASKED, scores.dtype))

    return masked


def _not_later(scores: tf.Tensor) -> tf.Tensor:
    """Return which keys stand no later than the query, shape `(queries, keys)`."""
    queries, keys = (tf.range(scores.shape[axis] or tf.shape(scores)[axis]) for axis in (-2, -1))
    return tf.expand_dims(queries, 1) >= tf.expand_dims(keys, 0)


def _masked_softmax(call: Callable, met: set[str]) -> Callable:
    def masked(self: Any, inputs: tf.Tensor, mask: tf.Tensor | None = None) -> tf.Tensor:
        if mask is None:
            return call(self, inputs)
        met.add("masks")
        allowed = mask if mask.dtype == tf.bool else mask > 0.5
        weights = call(self, tf.where(allowed, inputs, tf.cast(MASKED, inputs.dtype)))
        return tf.where(allowed, weights, tf.zeros((), weights.dtype))

    return masked


def _masked_attention(apply_scores: Callable, met: set[str]) -> Callable:
    def masked(
        self: Any, scores: tf.Tensor, value: tf.Tensor, scores_mask: Any = None, **options: Any
    ) -> tuple[tf.Tensor, tf.Tensor]:
        if scores_mask is None:
            return apply_scores(self, scores, value, **options)
        met.add("masks")
        mask = tf.expand_dims(scores_mask, -2) if len(scores_mask.shape) == 2 else scores_mask
        scores = tf.where(mask, scores, tf.cast(MASKED, scores.dtype))
        return apply_scores(self, scores, value, **options)

    return masked
