"""Files for MediaPipe's TextClassifier: a text of one length, and no loop over its words.

MediaPipe Tasks takes most files of an export as they are. A text classifier it takes if its input
has a fixed length, and if the steps of its recurrent layers are written out.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import keras

from maquette.errors import UserError
from maquette.exporting.formats import Target
from maquette.exporting.job import Job
from maquette.exporting.ladder import climb
from maquette.exporting.rows import tflite_row
from maquette.exporting.workshop import Recipe, Workshop
from maquette.files import TEMPORARY
from maquette.tasks.tensors import Tensor

TARGET = Target("mediapipe", Recipe("float32", written_out=True))


def check_mediapipe(tensors: Mapping[str, Tensor]) -> None:
    """Raise a `UserError` for a task whose inputs are no texts."""
    if not any(tensor.length for tensor in tensors.values()):
        raise UserError(
            "--mediapipe is for classifiers of texts; MediaPipe takes the other files as they are"
        )


def write_for_mediapipe(job: Job, folder: Path, max_drop: float) -> dict[str, Any]:
    """Write `model_mediapipe.tflite` if it passes the gate, and return its row.

    Args:
        job: What is exported.
        folder: Of the export.
        max_drop: Score that the file may lose.
    """
    endpoints = {
        k: of_fixed_length(each, job.metadata.tensors) for k, each in job.endpoints.items()
    }
    fixed = replace(job, endpoints=endpoints)
    with (
        TemporaryDirectory(prefix=TEMPORARY, dir=folder.parent) as scratch,
        Workshop(fixed, Path(scratch), max_drop) as workshop,
    ):
        climbed = climb(workshop, TARGET.recipe)
        row = tflite_row(fixed, TARGET, climbed)
        if climbed.attempt.passed:
            shutil.copyfile(climbed.attempt.path, folder / TARGET.file)
        return row


def of_fixed_length(endpoint: keras.Model, tensors: Mapping[str, Tensor]) -> keras.Model:
    """Return an endpoint whose texts have the length that the task declares.

    Args:
        endpoint: A Functional model with named inputs.
        tensors: Meaning of its inputs, by name.
    """
    inputs = {
        tensor.name: keras.Input(_shape(tensor, tensors), dtype=tensor.dtype, name=tensor.name)
        for tensor in endpoint.inputs
    }
    # Nested, the endpoint would be traced for texts of any length as well.
    return keras.models.clone_model(endpoint, inputs, clone_function=lambda layer: layer)


def _shape(tensor: Any, tensors: Mapping[str, Tensor]) -> tuple[int | None, ...]:
    meaning = tensors.get(tensor.name)
    return (meaning.length,) if meaning and meaning.length else tensor.shape[1:]
