"""Folding batch normalization into the convolutions before it, for speed where nothing learns."""

from __future__ import annotations

import keras
import numpy as np

CONVOLUTIONS = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)


def fold_batch_normalization(model: keras.Model) -> keras.Model:
    """Return a model for inference that computes the same with fewer operations.

    In inference, batch normalization multiplies each channel by gamma / sqrt(variance + epsilon)
    and adds a constant; a convolution just before it can do both (Jacob et al. 2018, section 3.2).

    Example:
        >>> fast = fold_batch_normalization(backbone)
        >>> features = fast.predict(images)

    Args:
        model: A Functional model. It is left as it is; the result has weights of its own.
    """
    pairs = _pairs(model)
    normalizations = {pair.name for pair in pairs.values()}

    def clone(layer: keras.Layer) -> keras.Layer:
        if layer.name in normalizations:
            return keras.layers.Identity(name=layer.name)
        config = layer.get_config()
        if layer.name in pairs:
            config["use_bias"] = True
        return type(layer).from_config(config)

    def call(layer: keras.Layer, *inputs, **options):
        # Normalization was called with a mask, which its stand-in does not take.
        return layer(*inputs) if layer.name in normalizations else layer(*inputs, **options)

    folded = keras.models.clone_model(model, clone_function=clone, call_function=call)
    for layer in model.layers:
        if layer.name in pairs:
            values = _folded_weights(layer, pairs[layer.name])
            folded.get_layer(layer.name).set_weights(values)
        elif layer.weights and layer.name not in normalizations:
            copied = folded.get_layer(layer.name)
            copied.set_weights(layer.get_weights())
            if isinstance(copied, keras.layers.Normalization):
                copied.finalize_state()  # It computes with values derived from its weights.
    return folded


def _pairs(model: keras.Model) -> dict[str, keras.layers.BatchNormalization]:
    """Return the normalization to fold into each convolution, by the convolution's name."""
    pairs = {}
    for layer in model.layers:
        if not isinstance(layer, CONVOLUTIONS) or layer.activation is not keras.activations.linear:
            continue
        # A set: a model that is used in another one lists its connections once more.
        consumers = {node.operation for node in layer._outbound_nodes}
        consumer = consumers.pop()
        if not consumers and isinstance(consumer, keras.layers.BatchNormalization):
            pairs[layer.name] = consumer
    return pairs


def _folded_weights(
    convolution: keras.Layer, normalization: keras.layers.BatchNormalization
) -> list[np.ndarray]:
    """Return kernel and bias of a convolution that includes the normalization after it."""
    kernel, *bias = convolution.get_weights()
    mean = np.asarray(normalization.moving_mean)
    deviation = np.sqrt(np.asarray(normalization.moving_variance) + normalization.epsilon)
    factor = (np.asarray(normalization.gamma) if normalization.scale else 1.0) / deviation
    offset = np.asarray(normalization.beta) if normalization.center else 0.0
    depthwise = isinstance(convolution, keras.layers.DepthwiseConv2D)
    # Output channels are the last axis, or the last two of a depthwise kernel.
    scaled = kernel * (factor.reshape(kernel.shape[2:]) if depthwise else factor)
    return [scaled, (sum(bias) - mean) * factor + offset]
