"""Image classification: pixels in, one class out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from maquette.images.data import ImageData
from maquette.tasks.classification import (
    Classification,
    class_metrics,
    class_probabilities,
    class_rows,
    most_wrong,
    predicted_row,
)
from maquette.tasks.image_task import (
    IMAGE_SCRIPTS,
    ImageSpec,
    ImageTask,
    answers,
    drawing_style,
)
from maquette.tasks.task import Evaluation, Probe, WebPage
from maquette.tasks.tensors import Tensor, class_scores

if TYPE_CHECKING:
    from maquette.pipeline import Examples
    from maquette.run import Run

MOST_WRONG = 24


@dataclass(frozen=True)
class ImageClassification(Classification, ImageTask):
    """The task of naming the class of an image.

    Models take raw pixels, `(batch, height, width, channels)` in 0..255, and return logits,
    `(batch, classes)`. The endpoint returns `probabilities`.

    Args:
        data: The source a template trains on by default.
        unused: Options of the template that mean nothing for images.
    """

    data: str
    sample: str = "digits"
    monitor: str = "val_accuracy"
    mode: str = "max"
    score: str = "accuracy"
    unused: tuple[str, ...] = ()
    ranges: ClassVar = {"image": (0, 255), "probabilities": (0, 1)}
    items: ClassVar = "images"
    web: ClassVar = WebPage("image_classification", ("classify",), IMAGE_SCRIPTS)

    def evaluate(self, run: Run, data: ImageData, split: str) -> Evaluation:
        """Return accuracy and its kin, figures per class, and the most wrong images."""
        examples = self.examples(run.model, data, split)
        probabilities = class_probabilities(run.model, examples, f"evaluating {split}")
        labels = examples.y
        return Evaluation(
            metrics=class_metrics(labels, probabilities),
            tables={"Classes": class_rows(labels, probabilities, data.classes, "images")},
            figures=_figures(labels, probabilities, examples, data, split),
        )

    def predict(self, run: Run, files: Sequence[Path]) -> list[dict[str, Any]]:
        """Return each file's class, its probability, and the three most probable classes.

        Raises:
            UserError: a file is missing or is no readable image.
        """
        endpoint = run.template.endpoints(run.model)["classify"]
        probabilities = answers(endpoint, files, run.model.input_shape[1:])["probabilities"]
        classes = run.description.classes
        return [
            predicted_row(str(f), p, classes) for f, p in zip(files, probabilities, strict=True)
        ]

    def probes(self, run: Run, data: ImageData, split: str, count: int) -> dict[str, Probe]:
        """Return images with their classes for `classify`."""
        examples = self.examples(run.model, data, split).sample(count)
        return {"classify": Probe({"image": examples.x}, examples.y)}

    def tensors(self, spec: ImageSpec) -> dict[str, Tensor]:
        """Return that pixels go in and probabilities of classes come out."""
        image = Tensor("The image, pixels 0 to 255.", "image")
        return {"image": image, "probabilities": class_scores(spec.classes)}

    def web_settings(self, run: Run, probes: dict[str, Probe]) -> dict[str, Any]:
        """Return the classes, the shape of images, and how to draw one."""
        images = probes["classify"].inputs["image"]
        return {
            "labels": list(run.description.classes),
            "shape": list(images.shape[1:]),
            "drawing": drawing_style(images),
        }


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
    wrong = most_wrong(labels, probabilities, MOST_WRONG)
    if len(wrong):
        titles = [
            f"{data.classes[labels[i]]}\nread as {data.classes[predicted[i]]} "
            f"{probabilities[i, predicted[i]]:.0%}"
            for i in wrong
        ]
        images = examples.x[wrong]
        figures["most_wrong"] = plots.image_grid(images, titles, f"Most wrong of {split}")
    return figures
