"""How endpoints are traced, so that what a converter makes of them computes what Keras does."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import keras
import tensorflow as tf
from keras.src import backend

from maquette.exporting.attention import phone_masks
from maquette.exporting.recurrent import phone_recurrence
from maquette.exporting.saved_model import write_saved_model
from maquette.tasks.task import Probe


@dataclass(frozen=True)
class Tracing:
    """A way to trace endpoints for the converter.

    Args:
        masks_of_keras: Whether what attention masks has the score that Keras gives it, and not -30.
        written_out: Whether recurrent layers are traced step by step, without a loop.
        fixed_sizes: Whether all sizes but the batch are those of the examples, and not any.
        batch_of_one: Whether a file takes one example at a time, and not as many as it gets.
        for_onnx: Whether the converter is that to ONNX, which reads Keras' recurrent layers, but
            makes something else, without a word, of the loops that the one to TFLite reads.
    """

    masks_of_keras: bool = False
    written_out: bool = False
    fixed_sizes: bool = False
    batch_of_one: bool = False
    for_onnx: bool = False


def write_convertible(
    endpoints: dict[str, keras.Model],
    tracing: Tracing,
    path: Path,
    examples: Mapping[str, Probe] | None = None,
) -> set[str]:
    """Write a SavedModel for the converter, and return which of `"loops"`, `"masks"` it met.

    Args:
        endpoints: Functional models with named inputs and a dictionary of outputs.
        tracing: How to trace them.
        path: Folder to write.
        examples: Inputs of each endpoint, for fixed sizes.
    """
    batch = 1 if tracing.batch_of_one else None
    shapes = {
        endpoint: {name: (batch, *array.shape[1:]) for name, array in probe.inputs.items()}
        for endpoint, probe in (examples or {}).items()
    }
    if tracing.written_out and tracing.fixed_sizes:
        endpoints = {name: _resized(each, shapes[name]) for name, each in endpoints.items()}
    with phone_tracing(tracing) as met:
        write_saved_model(endpoints, path, shapes=shapes if tracing.fixed_sizes else None)
    return met


def _resized(endpoint: keras.Model, shapes: Mapping[str, tuple]) -> keras.Model:
    """Return an endpoint with inputs of other shapes; Keras traces it by its own as well."""
    inputs = {
        tensor.name: keras.Input(shapes[tensor.name][1:], dtype=tensor.dtype, name=tensor.name)
        for tensor in endpoint.inputs
    }
    return keras.models.clone_model(endpoint, inputs, clone_function=lambda layer: layer)


@contextmanager
def phone_tracing(tracing: Tracing = Tracing()) -> Iterator[set[str]]:
    """Trace what runs inside for phones; yield the set that takes in what was met.

    Example:
        >>> with phone_tracing() as met:
        ...     function.get_concrete_function(image=tf.TensorSpec((None, 28, 28, 1)))
        >>> met
        {'loops'}
    """
    met: set[str] = set()
    with ExitStack() as stack:
        if tracing.for_onnx:
            stack.enter_context(mock.patch.object(backend.nn, "gelu", _gelu(backend.nn.gelu)))
        else:
            stack.enter_context(phone_recurrence(tracing.written_out, met))
        if not tracing.masks_of_keras:
            stack.enter_context(phone_masks(met))
        stack.enter_context(mock.patch.object(backend.nn, "softplus", softplus))
        stack.enter_context(mock.patch.object(backend.nn, "log_sigmoid", log_sigmoid))
        yield met


def _gelu(of_keras: Callable) -> Callable:
    """Return GELU by the error function; TensorFlow takes its complement, which ONNX lacks."""

    def gelu(x: tf.Tensor, approximate: bool = True) -> tf.Tensor:
        if approximate:
            return of_keras(x, approximate=True)
        x = tf.convert_to_tensor(x)
        return 0.5 * x * (1 + tf.math.erf(x * math.sqrt(0.5)))

    return gelu


def softplus(x: tf.Tensor) -> tf.Tensor:
    """Return log(1 + exp(x)); of large x the converter would make infinity."""
    x = tf.convert_to_tensor(x)
    return tf.nn.relu(x) + tf.math.log1p(tf.exp(-tf.abs(x)))


def log_sigmoid(x: tf.Tensor) -> tf.Tensor:
    """Return log(sigmoid(x)); of small x the converter would make minus infinity."""
    return -softplus(-tf.convert_to_tensor(x))
