"""Steps per second of `maquette train` against `model.fit` as Keras has it by default.

Both train the same model on the same examples in memory: `fit` is given NumPy arrays, the batch
size and nothing else; ours is what `maquette train` does. Steps are timed from the third epoch on,
since ours may be compiled anew in the second; validation and pictures at the ends of epochs do not
count. Each way is run in turn, and the median of its epochs taken.

Then the weights: how far they are from those of one more `fit`, on arrays that hold the examples in
our order, one step at a time. `cnn` and `dcgan` differ: for batches whose size is known beforehand,
as those of arrays, TensorFlow rounds differently, and a training makes any difference grow.

    python benchmarks/fit_speed.py [TEMPLATE ...] [--rounds 2]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

from maquette.quiet import load_tensorflow

load_tensorflow()

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

from maquette.contract import Stage, Template  # noqa: E402
from maquette.fitting import fit_stages  # noqa: E402
from maquette.gallery import load_template  # noqa: E402
from maquette.pipeline import Examples  # noqa: E402
from maquette.run import Run  # noqa: E402
from maquette.run_training import record_of  # noqa: E402

SEED = 0
EPOCHS = {"mlp": 60, "cnn": 8, "dcgan": 8, "bilstm": 5}
ASKED = {"mlp": 3.0, "cnn": 1.2, "dcgan": 2.0, "bilstm": 1.5}
WARM_EPOCHS = 2


class StepsPerSecond(keras.callbacks.Callback):
    """Note the steps per second of each epoch, from its beginning to its last step."""

    def __init__(self):
        super().__init__()
        self.seen: list[float] = []

    def on_epoch_begin(self, epoch, logs=None):
        self._began = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        self._steps, self._ended = batch + 1, time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seen.append(self._steps / (self._ended - self._began))


class Case:
    """A template with its default data, cut to whole batches."""

    def __init__(self, name: str):
        self.template = load_template(name)
        self.config = self.template.Config(epochs=EPOCHS[name])
        if hasattr(self.config, "patience"):
            self.config = self.config.model_copy(update={"patience": EPOCHS[name]})
        self.data = self.template.TASK.open(self.template.TASK.data, self.config)
        self.stage = self._stage(self.model())
        every = self.template.TASK.examples(self.stage.model, self.data, "train")
        count = len(every) // self.stage.batch_size * self.stage.batch_size
        self.examples = every.kept("reading").sample(count)
        self.steps = count // self.stage.batch_size

    def model(self) -> keras.Model:
        keras.utils.set_random_seed(SEED)
        return self.template.build(self.config, self.data)

    def _stage(self, model: keras.Model) -> Stage:
        return next(iter(self.template.stages(model, self.config, self.data)))

    def plain(self) -> list[float]:
        """Return the steps per second of the epochs of a default `fit`."""
        clock = StepsPerSecond()
        x, y = self.examples.x, self.examples.y
        epochs, size = self.stage.epochs, self.stage.batch_size
        self.model().fit(x, y, batch_size=size, epochs=epochs, callbacks=[clock])
        return clock.seen[WARM_EPOCHS:]

    def ours(self) -> tuple[list[float], list[np.ndarray]]:
        """Return the steps per second of the epochs of a training, and the last weights."""
        clock, last = StepsPerSecond(), []

        def stages(model: keras.Model, config: Any, data: Any) -> Iterator[Stage]:
            keep = keras.callbacks.LambdaCallback(
                on_epoch_end=lambda epoch, logs: last.append(model.get_weights())
            )
            for stage in self.template.stages(model, config, data):
                callbacks = [*stage.callbacks, clock, keep]
                yield replace(stage, callbacks=callbacks, examples=lambda _: self.examples)

        timed = replace(self.template, stages=stages)
        fit(timed, self.config, self.model(), self.data)
        return clock.seen[WARM_EPOCHS:], last[-1]

    def in_our_order(self) -> list[np.ndarray]:
        """Return the weights of a default `fit` on arrays that hold our batches."""
        size, epochs = self.stage.batch_size, self.stage.epochs
        indices = np.concatenate([
            self.examples.order.indices(tf.constant(step, tf.int64), len(self.examples), size, SEED)
            for step in range(epochs * self.steps)
        ])  # fmt: skip
        model = self.model()
        callbacks = self._stage(model).callbacks
        for callback in (c for c in callbacks if hasattr(c, "folder")):
            callback.folder = Path(tempfile.mkdtemp())
        keep = keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: setattr(self, "weights", model.get_weights())
        )
        model.fit(
            *arrays(self.examples, indices),
            batch_size=size,
            epochs=epochs,
            steps_per_epoch=self.steps,
            shuffle=False,
            verbose=0,
            callbacks=[*callbacks, keep],
        )
        return self.weights


def arrays(examples: Examples, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return examples.x[indices], examples.y[indices]


def fit(template: Template, config: Any, model: keras.Model, data: Any) -> None:
    """Do what `maquette train` does between opening the data and judging the model."""
    with tempfile.TemporaryDirectory() as out:
        record = record_of(template, template.TASK, config, data, SEED)
        run = Run.create(out, template.name, "benchmark", record, template.TASK.texts(data))
        fit_stages(run, template, config, model, data, SEED)


def main() -> None:
    """Print a line for each template."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("templates", nargs="*", default=[*EPOCHS])
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args()
    for name in arguments.templates:
        case, plain, ours = Case(name), [], []
        for _ in range(arguments.rounds):
            plain += case.plain()
            speeds, weights = case.ours()
            ours += speeds
        differences = [
            np.abs(a - b).max() for a, b in zip(weights, case.in_our_order(), strict=True) if a.size
        ]
        ratio = median(ours) / median(plain)
        print(
            f"{name}: {median(ours):.1f} steps/s, plain fit {median(plain):.1f}; ratio {ratio:.2f} "
            f"({ASKED[name]} asked); weights differ by at most {max(differences):.2g}"
        )


if __name__ == "__main__":
    main()
