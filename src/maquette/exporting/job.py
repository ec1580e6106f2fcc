"""What is exported, and what it must agree with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from maquette.errors import UserError
from maquette.exporting.gate import Reference, run_in_batches
from maquette.exporting.metadata import Metadata
from maquette.progress import track
from maquette.run import Run
from maquette.tasks.task import Probe, Task

CALIBRATION_EXAMPLES = 200
GATE_EXAMPLES = 1000
UNTOLD = Metadata("")


@dataclass(frozen=True)
class Job:
    """What is exported, and what it must agree with.

    Args:
        task: The run's task.
        endpoints: What goes into every file, by name.
        server_endpoints: What goes into the SavedModel as well.
        reference: Keras' answers on validation data.
        calibration: Training examples of each endpoint, for int8.
        metadata: What its TFLite files tell of themselves.
    """

    task: Task
    endpoints: dict[str, keras.Model]
    server_endpoints: dict[str, keras.Model]
    reference: Reference
    calibration: dict[str, Probe]
    metadata: Metadata = UNTOLD


def job_of(run: Run, data: Any, **labelling: str) -> Job:
    """Return what a run exports; the data is as the run sees it.

    Args:
        run: With a trained model.
        data: Its data.
        **labelling: `author`, `license` and `version` for the metadata of its files.

    Raises:
        UserError: an endpoint has a layer whose code is not its own.
    """
    task = run.task
    endpoints, served = run.template.endpoints(run.model), task.server_endpoints(run)
    every, split = {**endpoints, **served}, "validation" if "validation" in data.splits else "train"
    _refuse_lambdas(every)
    probes = task.probes(run, data, split, GATE_EXAMPLES)
    outputs = {
        name: run_in_batches(_Keras(every), name, probes[name].inputs)
        for name in track(list(every), "answers of Keras", len(every))
    }
    return Job(
        task,
        endpoints,
        served,
        Reference(probes, outputs, task.agreement, task.judge),
        task.probes(run, data, "train", CALIBRATION_EXAMPLES),
        Metadata.of(run, **labelling),
    )


class _Keras:
    """The original endpoints, run like an exported file."""

    def __init__(self, endpoints: dict):
        self._endpoints = endpoints

    def run(self, endpoint: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        tensors = {name: keras.ops.convert_to_tensor(value) for name, value in inputs.items()}
        outputs = self._endpoints[endpoint].predict_on_batch(tensors)
        return {name: np.asarray(value) for name, value in outputs.items()}


def _refuse_lambdas(endpoints: dict[str, keras.Model]) -> None:
    for endpoint, model in endpoints.items():
        for layer in _layers(model):
            if isinstance(layer, keras.layers.Lambda):
                raise UserError(
                    f"layer {layer.name!r} of the endpoint {endpoint!r} is a Lambda, which hides "
                    f"any code; write it as a class derived from keras.layers.Layer"
                )


def _layers(layer: keras.layers.Layer) -> Iterator[keras.layers.Layer]:
    yield layer
    for inner in getattr(layer, "layers", []):
        yield from _layers(inner)
