"""How well gradients reach the layers of a model, measured on one batch without a trace in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from inspect import signature
from typing import Any

import keras
import numpy as np
from keras import ops, tree

from maquette.model_state import leaf_layers

RELUS = (keras.activations.relu, keras.activations.relu6)
SMALL = 1e-3  # what weights that begin as zeros count as, root mean square


def relative_gradient_norms(model: keras.Model, x: Any, y: Any = None) -> dict[str, float]:
    """Return |dL/dw| / |w| of the weights of each layer, by the layer's path.

    The loss is that of the model, in training mode. Nothing of the model changes.

    Args:
        model: A compiled model, built.
        x: Inputs of a batch.
        y: Their targets; `None` for a model that learns without.
    """
    variables = model.trainable_variables
    gradients = _gradients(lambda values: _loss(model, x, y, variables, values), variables)
    squares: dict[str, np.ndarray] = {}
    for variable, gradient in zip(variables, gradients, strict=True):
        weights = np.asarray(ops.convert_to_numpy(variable), np.float64)
        sums = np.array([np.sum(np.square(gradient)), np.sum(weights**2), weights.size])
        layer = _name(model, variable.path.rpartition("/")[0])
        squares[layer] = squares.get(layer, 0) + sums
    return {
        layer: float(np.sqrt(gradient / max(weights, SMALL**2 * count)))
        for layer, (gradient, weights, count) in squares.items()
    }


def dead_relu_shares(
    model: keras.Model, x: Any, y: Any = None, batch_size: int = 32
) -> dict[str, float]:
    """Return the share of the units of each ReLU layer that are 0 for all examples.

    A unit of a convolution is a channel: it is dead if it is 0 everywhere in every image.

    Args:
        model: A compiled model, built.
        x: Inputs; of few, units that are merely selective count as dead.
        y: Their targets; `None` for a model that learns without.
        batch_size: Examples that are looked at together.
    """
    relus = [layer for layer in leaf_layers(model) if is_relu(layer)]
    if not relus:
        return {}
    with _recorded(relus) as alive:
        for start in range(0, len(tree.flatten(x)[0]), batch_size):
            _loss(model, *(first_of(part, batch_size, start) for part in (x, y)))
    shares: dict[str, float] = {}
    for layer, units in zip(relus, alive, strict=True):
        if units is not None and units.size > 1:  # neither unused, nor a single number
            name = _name(model, layer.path or layer.name)
            twins = sum(other.partition(" ")[0] == name for other in shares)
            shares[f"{name} {twins + 1}" if twins else name] = float(1 - units.mean())
    return shares


def first_of(part: Any, count: int, start: int = 0) -> Any:
    """Return so many examples of inputs or targets, which may be nested or `None`."""
    return tree.map_structure(lambda a: None if a is None else a[start : start + count], part)


def is_relu(layer: keras.Layer) -> bool:
    """Return whether what a layer puts out is 0 where it is not positive."""
    if isinstance(layer, keras.layers.ReLU):
        return not layer.negative_slope
    return getattr(layer, "activation", None) in RELUS


def _loss(
    model: keras.Model,
    x: Any,
    y: Any,
    variables: Sequence[keras.Variable] = (),
    values: Sequence[Any] = (),
) -> Any:
    """Return the loss in training mode with other values of some variables, and change nothing."""
    x, y = (tree.map_structure(_tensor, part) for part in (x, y))
    mode = {"training": True} if "training" in signature(model.call).parameters else {}
    # What is assigned within, such as statistics, random seeds and metrics, ends with the scope.
    with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))):
        return model.compute_loss(x=x, y=y, y_pred=model(x, **mode))


def _tensor(value: Any) -> Any:
    return None if value is None else ops.convert_to_tensor(value)


def _gradients(
    loss: Callable[[list], Any], variables: Sequence[keras.Variable]
) -> list[np.ndarray]:
    """Return the gradients of a loss, a function of the variables' values."""
    values = [ops.copy(variable.value) for variable in variables]
    if keras.backend.backend() == "jax":
        import jax

        return [np.asarray(gradient, np.float64) for gradient in jax.grad(loss)(values)]
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(values)
        value = loss(values)
    gradients = tape.gradient(value, values, unconnected_gradients="zero")
    return [np.asarray(tf.convert_to_tensor(gradient), np.float64) for gradient in gradients]


@contextmanager
def _recorded(layers: Sequence[keras.Layer]) -> Iterator[list[np.ndarray | None]]:
    """Yield which units of each of the layers were ever above 0 while the context lasts."""
    alive: list[np.ndarray | None] = [None] * len(layers)

    def recording(index: int, call: Callable[..., Any]) -> Callable[..., Any]:
        def record(*args: Any, **kwargs: Any) -> Any:
            result = call(*args, **kwargs)
            positive = np.asarray(result) > 0
            units = positive.any(axis=tuple(range(positive.ndim - 1)))
            alive[index] = units if alive[index] is None else units | alive[index]
            return result

        return record

    for index, layer in enumerate(layers):
        layer.call = recording(index, layer.call)
    try:
        yield alive
    finally:
        for layer in layers:
            del layer.call


def _name(model: keras.Model, path: str) -> str:
    return path.removeprefix(f"{model.name}/")
