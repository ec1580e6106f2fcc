"""A classifier as judge of generated images: their classes, and features to compare them by."""

from __future__ import annotations

import shutil
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from maquette.errors import UserError
from maquette.files import TEMPORARY
from maquette.images.decoding import resize
from maquette.progress import say, track

if TYPE_CHECKING:
    from maquette.run import Run

FOLDER, BATCH = "judge", 100
TEMPLATE = "cnn"
TRAINING = {
    "filters": (32, 64),
    "dropout": 0.0,
    "rotation": 0.0,
    "shift": 0.0,
    "zoom": 0.0,
    "batch_size": 64,
}


class Verdict(NamedTuple):
    """What a judge sees in images.

    Args:
        features: Inputs of its last layer, shape `(n, features)`.
        probabilities: Of each class, shape `(n, classes)`.
    """

    features: np.ndarray
    probabilities: np.ndarray


class Judge:
    """A trained classifier, seen as the features of an image and the class that follows from them.

    Example:
        >>> judge = Judge(Run("saved_models/cnn/digits"))
        >>> judge(images).probabilities.argmax(-1)

    Args:
        run: A run of a classifier whose last layer makes logits of features.

    Raises:
        UserError: the run is none of a classifier.
    """

    def __init__(self, run: Run):
        import keras

        model = run.model
        classes = getattr(run.description, "classes", ())
        last = model.layers[-1]
        if not isinstance(last, keras.layers.Dense) or model.output_shape[1:] != (len(classes),):
            raise UserError(f"{run.path} is no run of an image classifier, such as `cnn` makes")
        self.run = run
        self.classes = classes
        self.shape = model.input_shape[1:]
        self._model = keras.Model(model.input, [last.input, model.output])

    def __call__(self, images: np.ndarray, label: str = "judging") -> Verdict:
        """Return features and class probabilities.

        Args:
            images: uint8, shape `(n, height, width, channels)`; resized where the judge takes
                another size.
            label: Shown beside the progress.
        """
        parts = []
        for start in track(range(0, len(images), BATCH), label, -(-len(images) // BATCH)):
            batch = images[start : start + BATCH]
            if batch.shape[1:] != self.shape:
                batch = np.stack([resize(image, self.shape) for image in batch])
            # A smaller last batch would have the model traced a second time.
            missing = [(0, BATCH - len(batch))] + [(0, 0)] * 3
            outputs = self._model.predict_on_batch(np.pad(batch, missing))
            parts.append([np.asarray(output)[: len(batch)] for output in outputs])
        features, logits = (np.concatenate(part) for part in zip(*parts, strict=True))
        return Verdict(features.reshape(len(features), -1), _softmax(logits))


def _softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits.astype(np.float64) - logits.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def judge_of(run: Run) -> Judge:
    """Return the judge that a run of a generator names, or its own, trained where there is none.

    Raises:
        UserError: the run that is named cannot judge the classes of this one.
    """
    from maquette.run import Run

    if run.config.judge is not None:
        judge = Judge(Run(run.config.judge))
        if judge.classes != run.description.classes:
            raise UserError(
                f"the judge {run.config.judge} knows the classes {', '.join(judge.classes)}; "
                f"one for {', '.join(run.description.classes)} is needed"
            )
        return judge
    try:
        return Judge(Run(run.path / FOLDER))
    except UserError:
        return Judge(_trained(run))


def _trained(run: Run) -> Run:
    """Return a small classifier's run in the folder of a generator's run, trained on its data."""
    from maquette.run import Run
    from maquette.training import train

    data, (height, width, _) = run.record["data"], run.model.input_shape[1:]
    batch_size = TRAINING["batch_size"]
    epochs = max(2, round(run.config.judge_steps * batch_size / data["sizes"]["train"]))
    size = {"image_size": height} if height == width else {}
    say(f"training a small {TEMPLATE} on {data['source']}, which will judge the samples")
    with TemporaryDirectory(prefix=TEMPORARY, dir=run.path) as scratch:
        trained = train(
            TEMPLATE, data["source"], out=scratch, name=FOLDER, epochs=epochs, **TRAINING, **size
        )
        shutil.rmtree(run.path / FOLDER, ignore_errors=True)
        trained.path.replace(run.path / FOLDER)
    return Run(run.path / FOLDER)
