"""Image classification: pixels in, one class out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from maquette.errors import UserError
from maquette.images.data import ImageData, ImageSplit
from maquette.images.decoding import IMAGE_SUFFIXES, UnreadableImage, decode
from maquette.progress import track
from maquette.sources import open_source
from maquette.tasks.task import Evaluation

if TYPE_CHECKING:
    import keras

    from maquette.pipeline import Examples

BATCH = 32
MOST_WRONG = 24
CALIBRATION_IMAGES = 200


@dataclass(frozen=True)
class ImageSpec:
    """What a model must know of images in classes.

    Args:
        native_shape: `(height, width, channels)`; height and width are `None` where sizes differ.
        classes: Names, in the order of the model's outputs.
    """

    native_shape: tuple[int | None, int | None, int]
    classes: tuple[str, ...]


class SizedImages:
    """The images of a split at one size, read when indexed.

    Args:
        split: Images of any size.
        shape: `(height, width, channels)` of what is read.
    """

    dtype = np.dtype(np.uint8)

    def __init__(self, split: ImageSplit, shape: tuple[int, int, int]):
        self.split = split
        self.shape = (len(split), *shape)

    def __getitem__(self, indices: np.ndarray) -> np.ndarray:
        size = self.shape[1:]
        return np.stack([self.split.read(int(i), size) for i in indices])


@dataclass(frozen=True)
class ImageClassification:
    """The task of naming the class of an image.

    Models take raw pixels, `(batch, height, width, channels)` in 0..255, and return logits,
    `(batch, classes)`. The endpoint returns `probabilities`.

    Args:
        data: The source a template trains on by default.
    """

    data: str
    monitor: str = "val_accuracy"
    mode: str = "max"
    score: str = "accuracy"
    ranges: ClassVar = {"image": (0, 255), "probabilities": (0, 1)}

    def open(self, source: str, strict: bool = False) -> ImageData:
        """Open images in classes: an embedded set by name, or a folder.

        Raises:
            UserError: the source does not exist, or holds no usable images in classes.
        """
        return open_source(source, strict)

    def sample(self) -> ImageData:
        """Return scikit-learn's digits, which are always there."""
        return open_source("digits")

    def describe(self, data: ImageData | ImageSpec) -> dict[str, Any]:
        """Return shape and classes in plain values."""
        return {"native_shape": list(data.native_shape), "classes": list(data.classes)}

    def described(self, description: dict[str, Any]) -> ImageSpec:
        """Return the `ImageSpec` of what `describe` returned."""
        return ImageSpec(tuple(description["native_shape"]), tuple(description["classes"]))

    def examples(self, model: keras.Model, data: ImageData, split: str) -> Examples:
        """Return a split's images at the size that the model takes, with class indices."""
        from maquette.pipeline import Examples

        images = data.splits[split]
        return Examples(SizedImages(images, model.input_shape[1:]), images.labels)

    def evaluate(
        self, model: keras.Model, examples: Examples, data: ImageData, split: str
    ) -> Evaluation:
        """Return accuracy and its kin, figures per class, and the most wrong images."""
        probabilities = _probabilities(model, examples, f"evaluating {split}")
        labels = examples.y
        return Evaluation(
            metrics=_metrics(labels, probabilities),
            tables={"Classes": _per_class(labels, probabilities, data.classes)},
            figures=_figures(labels, probabilities, examples, data, split),
        )

    def files(self, paths: Sequence[Path]) -> list[Path]:
        """Return the paths, each folder replaced by the images below it."""
        lists = (_images_below(path) if path.is_dir() else [path] for path in paths)
        return [file for files in lists for file in files]

    def predict(
        self, endpoint: keras.Model, files: Sequence[Path], description: ImageSpec
    ) -> list[dict[str, Any]]:
        """Return each file's class, its probability, and the three most probable classes.

        Raises:
            UserError: a file is missing or is no readable image.
        """
        shape = tuple(endpoint.inputs[0].shape[1:])
        rows = []
        for start in track(range(0, len(files), BATCH), "predicting", -(-len(files) // BATCH)):
            batch = files[start : start + BATCH]
            images = np.stack([_decode(file, shape) for file in batch])
            outputs = endpoint.predict_on_batch({"image": images})["probabilities"]
            rows += [
                _prediction(f, p, description.classes)
                for f, p in zip(batch, np.asarray(outputs), strict=True)
            ]
        return rows

    def inputs(self, endpoint: keras.Model, examples: Examples) -> dict[str, np.ndarray]:
        """Return the images of the examples as the endpoint's only input."""
        return {endpoint.inputs[0].name: examples.x[np.arange(len(examples))]}

    def agreement(self, expected: dict, received: dict) -> float:
        """Return the share of inputs whose most probable class is the same."""
        first, second = expected["probabilities"], received["probabilities"]
        return float(np.mean(first.argmax(-1) == second.argmax(-1)))

    def judge(self, outputs: dict, targets: np.ndarray) -> float | None:
        """Return the accuracy of `probabilities`."""
        return float(np.mean(outputs["probabilities"].argmax(-1) == targets))

    def assets(self, description: ImageSpec) -> dict[str, str]:
        """Return `labels.txt`: the classes, one a line, in the order of the outputs."""
        return {"labels.txt": "".join(f"{name}\n" for name in description.classes)}


def _images_below(folder: Path) -> list[Path]:
    files = sorted(f for f in folder.rglob("*") if f.suffix.lower() in IMAGE_SUFFIXES)
    return [f for f in files if not any(p.startswith(".") for p in f.relative_to(folder).parts)]


def _decode(file: Path, shape: tuple[int, int, int]) -> np.ndarray:
    if not file.exists():
        raise UserError(f"no file {str(file)!r}; give the path of an image")
    try:
        return decode(file, shape)
    except UnreadableImage as error:
        raise UserError(f"cannot read {str(file)!r} as an image: {error}") from None


def _prediction(file: Path, probabilities: np.ndarray, classes: tuple[str, ...]) -> dict[str, Any]:
    order = np.argsort(-probabilities)[:3]
    return {
        "file": str(file),
        "class": classes[order[0]],
        "probability": round(float(probabilities[order[0]]), 4),
        "top": {classes[i]: round(float(probabilities[i]), 4) for i in order},
    }


def _probabilities(model: keras.Model, examples: Examples, label: str) -> np.ndarray:
    import keras

    from maquette.pipeline import predict

    logits = np.concatenate(list(predict(model, examples, BATCH, label)))
    return np.asarray(keras.ops.softmax(logits))


def _metrics(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    from sklearn.metrics import f1_score

    predicted = probabilities.argmax(-1)
    recalls = [np.mean(predicted[labels == label] == label) for label in np.unique(labels)]
    true_probability = probabilities[np.arange(len(labels)), labels]
    metrics = {
        "accuracy": np.mean(predicted == labels),
        "balanced_accuracy": np.mean(recalls),
        "macro_f1": f1_score(labels, predicted, average="macro", zero_division=0),
        "cross_entropy": -np.mean(np.log(np.maximum(true_probability, 1e-7))),
    }
    if probabilities.shape[1] > 10:
        top_5 = np.argsort(-probabilities, axis=1)[:, :5]
        metrics["top_5_accuracy"] = np.mean((top_5 == labels[:, None]).any(1))
    return {name: round(float(value), 6) for name, value in metrics.items()}


def _per_class(
    labels: np.ndarray, probabilities: np.ndarray, classes: tuple[str, ...]
) -> list[dict[str, Any]]:
    from sklearn.metrics import precision_recall_fscore_support

    scores = precision_recall_fscore_support(
        labels, probabilities.argmax(-1), labels=range(len(classes)), zero_division=0
    )
    return [
        {
            "class": name,
            "precision": round(float(precision), 4),
            "recall": round(float(recall), 4),
            "f1": round(float(f1), 4),
            "images": int(count),
        }
        for name, precision, recall, f1, count in zip(classes, *scores, strict=True)
    ]


def _figures(
    labels: np.ndarray,
    probabilities: np.ndarray,
    examples: Examples,
    data: ImageData,
    split: str,
) -> dict[str, Any]:
    from maquette.reporting import plots

    predicted = probabilities.argmax(-1)
    figures = {"confusion_matrix": plots.confusion_matrix(labels, predicted, data.classes)}
    # The most wrong are those that the model is surest of.
    wrong = np.flatnonzero(predicted != labels)
    wrong = wrong[np.argsort(-probabilities[wrong, predicted[wrong]], kind="stable")][:MOST_WRONG]
    if len(wrong):
        titles = [
            f"{data.classes[labels[i]]}\nread as {data.classes[predicted[i]]} "
            f"{probabilities[i, predicted[i]]:.0%}"
            for i in wrong
        ]
        images = examples.x[wrong]
        figures["most_wrong"] = plots.image_grid(images, titles, f"Most wrong of {split}")
    return figures
