"""Reading and setting the variables of a model, also while it is being trained."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras


def sync(model: keras.Model) -> None:
    """Bring the variables up to date between two steps of `fit`, for reading and for setting.

    On JAX the state of a training lies beside the variables until the epoch ends; elsewhere
    there is nothing to do.
    """
    if hasattr(model, "jax_state_sync"):
        model.jax_state_sync()


def build_optimizer(model: keras.Model) -> None:
    """Make the optimizer's variables, which Keras may do in the first step only."""
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)


def number(variable: keras.Variable) -> float:
    """Return the value of a variable without axes, also where each replica has its own of it."""
    return float(np.array(variable))


def values_of(variables: Sequence[keras.Variable]) -> list[np.ndarray]:
    """Return copies of the values of variables."""
    return [np.array(variable) for variable in variables]


def set_values(variables: Sequence[keras.Variable], values: Sequence[np.ndarray]) -> None:
    """Set variables to values."""
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def leaf_layers(model: keras.Model) -> Iterator[keras.Layer]:
    """Yield each layer once, those of nested models in their place, from input to output."""
    seen: set[int] = set()
    for layer in model.layers:
        for leaf in leaf_layers(layer) if hasattr(layer, "layers") else (layer,):
            if id(leaf) not in seen:
                seen.add(id(leaf))
                yield leaf
