"""Trainings by two devices beside those by one, in a process of their own.

A processor is divided into devices before its first use, so the tests run this as a script:
`python two_devices.py FILE`, where FILE gets what happened as JSON.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import keras
import numpy as np

import maquette
from maquette.distribution.placement import Placement, placement
from maquette.distribution.processes import Processes
from maquette.distribution.replicas import require_share_for_each, share_loss, shared_batch_size
from maquette.errors import UserError
from maquette.fit_options import FitOptions
from maquette.gallery import load_template
from maquette.pipeline import Examples
from maquette.run import Run
from maquette.run_training import fit_model, record_of

TEMPLATES = {
    "mlp": {"epochs": 2},
    "dcgan": {"filters": 8},
    "siamese": {"filters": (8,)},
    "bilstm": {"length": 12, "units": 8, "dropout": 0.2},
}
LAUNCHED = {"data": "digits", "hidden_units": (9,), "epochs": 3, "batch_size": 128}


def losses(name: str, place: Placement, **options: object) -> list[float]:
    """Return the losses of the epochs of a small training."""
    template = load_template(name)
    config = template.Config(**{**template.TINY.model_dump(), "epochs": 1, **options})
    data = template.TASK.open(template.TASK.sample, config)
    with tempfile.TemporaryDirectory() as folder:
        record = record_of(template, template.TASK, config, data, 0)
        run = Run.create(folder, name, "run", record, template.TASK.texts(data))
        fit_model(run, data, FitOptions(steps_per_execution=1), place=place)
        return [value for row in run.history for key, value in row.items() if "loss" in key]


def batches(count: int) -> Examples:
    """Return examples of which batches of 4 leave 3."""
    random = np.random.default_rng(0)
    return Examples(random.normal(size=(count, 5)).astype("float32"), np.arange(count) % 2)


def layouts_of_batches(place: Placement) -> list[list[str | None]]:
    """Return which axes of the inputs of each batch are divided."""
    import jax

    seen, put = [], jax.make_array_from_process_local_data

    def watched(sharding, array, *rest):
        if array.ndim == 2:
            seen.append([*sharding.spec][:1])
        return put(sharding, array, *rest)

    jax.make_array_from_process_local_data = watched
    with place.scope():
        model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(2)])
        model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        model.fit(batches(11).in_order(4), epochs=1, verbose=0)
    jax.make_array_from_process_local_data = put
    return seen


class OwnLoss(keras.Model):
    """A model with a loss of its own."""

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(1, kernel_initializer="ones")

    def call(self, x):
        return self.dense(x)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """Return the mean square."""
        return keras.ops.mean(keras.ops.square(y_pred))


def own_loss(place: Placement) -> list[float]:
    """Return loss and weights after an epoch of a model with a loss of its own."""
    with place.scope():
        model = OwnLoss()
        model.compile("sgd")
        share_loss(model)
        history = model.fit(batches(12).in_order(4), epochs=1, verbose=0).history
    return [*history["loss"], *np.ravel(model.get_weights()[0]).tolist()]


def refused(place: Placement, count: int) -> str:
    """Return what is said of examples that batches of 4 divide."""
    with place.scope():
        try:
            require_share_for_each(batches(count), 4)
        except UserError as error:
            return str(error)
    return ""


def on_jax(folder: Path) -> dict[str, object]:
    """Return what happens under JAX, and train the reference of the launched training."""
    two, one = placement(2, Processes()), Placement()
    maquette.train("mlp", out=folder, name="reference", devices=2, **LAUNCHED)
    return {
        "layouts": layouts_of_batches(two),
        "losses": {
            name: [losses(name, place, **options) for place in (two, one)]
            for name, options in TEMPLATES.items()
        },
    }


def on_tensorflow(folder: Path) -> dict[str, object]:
    """Return what happens under TensorFlow."""
    two, one = placement(2, Processes()), Placement()
    with two.scope():
        sizes = [shared_batch_size(count, 32) for count in (64, 65, 66)]
    return {
        "losses": losses("mlp", two, **TEMPLATES["mlp"]),
        "own_loss": [own_loss(place) for place in (two, one)],
        "refused": [refused(two, count) for count in (13, 14)],
        "validation_batches": sizes,
    }


if __name__ == "__main__":
    file = Path(sys.argv[1])
    found = {"jax": on_jax, "tensorflow": on_tensorflow}[keras.backend.backend()](file.parent)
    file.write_text(json.dumps(found))
