"""Writing endpoints as a SavedModel with named signatures, and running it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf


def write_saved_model(
    endpoints: dict[str, keras.Model],
    path: Path,
    assets: Sequence[Path] = (),
    shapes: dict[str, dict[str, tuple[int, ...]]] | None = None,
) -> None:
    """Write one SavedModel with a signature per endpoint.

    Inputs and outputs keep their names, and the first dimension of each is the batch, of any
    size. The first endpoint is also the default signature of servers.

    Args:
        endpoints: Functional models with named inputs and a dictionary of outputs.
        path: Folder to write.
        assets: Files that travel in the SavedModel's `assets/`.
        shapes: Whole shape of each input, by endpoint and name, where it shall be fixed.
    """
    archive = keras.export.ExportArchive()
    for name, endpoint in endpoints.items():
        # Keras counts unnamed models, and the count would change the bytes of each export.
        endpoint.name = name
        archive.track(endpoint)
        archive.add_endpoint(name, _signature(endpoint, (shapes or {}).get(name, {})))
    # The archive has no public way to take assets; its trackable does.
    for file in assets:
        setattr(archive._tf_trackable, file.stem, tf.saved_model.Asset(str(file)))
    archive.write_out(str(path), verbose=False)


class SavedModel:
    """A SavedModel's signatures, run with NumPy arrays.

    Args:
        path: Folder of the SavedModel.
    """

    def __init__(self, path: Path):
        self._signatures = tf.saved_model.load(str(path)).signatures

    def run(self, endpoint: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return an endpoint's outputs by name."""
        tensors = {name: tf.constant(value) for name, value in inputs.items()}
        return {k: v.numpy() for k, v in self._signatures[endpoint](**tensors).items()}


def _signature(endpoint: keras.Model, shapes: dict[str, tuple[int, ...]]) -> Any:
    specs = {
        tensor.name: tf.TensorSpec(
            shapes.get(tensor.name, (None, *tensor.shape[1:])), tensor.dtype, name=tensor.name
        )
        for tensor in endpoint.inputs
    }

    def call(**inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        return endpoint(inputs, training=False)

    function = tf.function(call, autograph=False)
    function.get_concrete_function(**specs)
    return function
