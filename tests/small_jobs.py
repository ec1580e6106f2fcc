"""Small models as an export sees them."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np

from maquette.exporting.convert import reason, write
from maquette.exporting.gate import Reference
from maquette.exporting.job import Job
from maquette.tasks.task import Probe

ROWS, WIDTH, CLASSES = 8, 8, 10
TRAINED_ON = 1400


class Classes:
    """As much of a task as an export asks for."""

    score = "accuracy"
    ranges: dict = {}  # noqa: RUF012

    def agreement(self, endpoint, expected, received) -> float:
        first, second = expected["probabilities"], received["probabilities"]
        return float(np.mean(first.argmax(1) == second.argmax(1)))

    def judge(self, endpoint, outputs, targets) -> float:
        return float(np.mean(outputs["probabilities"].argmax(1) == targets))


def digits() -> tuple[np.ndarray, np.ndarray]:
    """Return 1,797 digits as rows of eight pixels each, from 0 to 1, and what they show."""
    from sklearn.datasets import load_digits

    data, order = load_digits(), np.random.default_rng(0).permutation(1797)
    images = (data.data.reshape(-1, ROWS, WIDTH) / 16).astype("float32")
    return images[order], data.target[order]


def reader() -> keras.Model:
    """Return a causal decoder that reads a digit row by row."""
    rows = keras.Input((ROWS, WIDTH), name="rows")
    x = keras.layers.Dense(24)(rows)
    x = x + keras.layers.Embedding(ROWS, 24)(keras.ops.arange(ROWS))  # (batch, rows, 24)
    normal = keras.layers.LayerNormalization()(x)
    x = x + keras.layers.MultiHeadAttention(2, 12)(normal, normal, use_causal_mask=True)
    x = keras.layers.LayerNormalization()(x)[:, -1]  # (batch, 24)
    x = keras.layers.Dense(48, activation="relu")(x)
    probabilities = keras.layers.Dense(CLASSES, activation="softmax")(x)
    return keras.Model({"rows": rows}, {"probabilities": probabilities})


def trained_reader() -> keras.Model:
    """Return the reader, trained for some seconds."""
    keras.utils.set_random_seed(0)
    model, (images, labels) = reader(), digits()
    model.compile(
        optimizer=keras.optimizers.Adam(1e-2),
        loss={"probabilities": "sparse_categorical_crossentropy"},
        steps_per_execution=14,
    )
    targets = {"probabilities": labels[:TRAINED_ON]}
    model.fit({"rows": images[:TRAINED_ON]}, targets, epochs=25, batch_size=100, verbose=0)
    return model


def job_of_model(endpoints: dict[str, keras.Model], inputs: dict, targets: np.ndarray) -> Job:
    """Return an export of endpoints that all take the same inputs."""
    probes = {name: Probe(inputs, targets) for name in endpoints}
    outputs = {
        name: {k: np.asarray(v) for k, v in model.predict_on_batch(inputs).items()}
        for name, model in endpoints.items()
    }
    task = Classes()
    reference = Reference(probes, outputs, task.agreement, task.judge)
    examples = {name: array[:100] for name, array in inputs.items()}
    return Job(task, endpoints, {}, reference, {name: Probe(examples) for name in endpoints})


def convert_here(self, request: dict, path: Path) -> str:
    """Convert without a process of its own, in the place of `Converter.make`."""
    try:
        write(request, path)
    except Exception as error:
        return reason(error)
    return ""
