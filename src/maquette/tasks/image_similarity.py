"""Image similarity: images in, embeddings out that tell classes apart, new ones as well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from maquette.errors import UserError
from maquette.images import matching
from maquette.images.data import ImageData
from maquette.images.matching import EmbeddedImages
from maquette.images.unseen_classes import with_unseen_classes
from maquette.progress import track
from maquette.sources import open_source
from maquette.tasks.image_task import (
    BATCH,
    IMAGE_SCRIPTS,
    ImageSpec,
    ImageTask,
    drawing_style,
    read_images,
)
from maquette.tasks.task import Evaluation, ItemScores, Probe, WebPage
from maquette.tasks.tensors import Tensor

if TYPE_CHECKING:
    import keras

    from maquette.contract import TemplateConfig
    from maquette.metric_learning import Calibration
    from maquette.pipeline import Examples
    from maquette.run import Run

MOST_IMAGES = 5_000
SMALLER_TESTS = (2, 5)
COSINE = 0.98


@dataclass(frozen=True)
class ImageSimilarity(ImageTask):
    """The task of telling whether two images show the same class, which may be a new one.

    Models take raw pixels, `(batch, height, width, channels)` in 0..255, and return embeddings,
    `(batch, embedding_dim)`; they hold one `maquette.metric_learning.Calibration` layer. The
    endpoint `embed` returns `embedding`; `compare` takes `image_a` and `image_b` and returns
    `distance` and `probability`, that of one class. Validation and test have classes that train
    does not have.

    Of a template's options it reads `ways` and `trials`, of the one-shot test.

    Args:
        data: The source a template trains on by default.
    """

    data: str
    sample: str = "digits"
    monitor: str | None = None
    score: str = "verification_accuracy"
    ranges: ClassVar = {
        **dict.fromkeys(("image", "image_a", "image_b"), (0, 255)),
        "probability": (0, 1),
    }
    lower_is_better: ClassVar = frozenset({"equal_error_rate"})
    tuned_by: ClassVar = "recall_at_1"
    web: ClassVar = WebPage("image_similarity", ("compare",), IMAGE_SCRIPTS)

    def open(self, source: str, config: TemplateConfig, strict: bool = False) -> ImageData:
        """Open images in classes, divided by class: an embedded set by name, or a folder.

        Raises:
            UserError: the source does not exist, or a split has no two classes of two images.
        """
        options = {"open_set": True, "shape": config.image_shape}
        data = with_unseen_classes(open_source(source, self.kinds, strict, **options))
        for name, split in data.splits.items():
            pairable = len(matching.members(split.labels, fewest=2))
            if pairable < 2:
                raise UserError(
                    f"{data.source} has {pairable} classes with two or more images in {name}; "
                    "two are needed"
                )
        return data

    def describe(self, data: ImageData | ImageSpec) -> dict[str, Any]:
        """Return shape and classes in plain values.

        Raises:
            UserError: the data has too few classes to train on.
        """
        if isinstance(data, ImageData) and "train" not in data.splits:
            raise UserError(
                f"{data.source} has {len(data.classes)} classes; training takes 7 or more, "
                "as validation and test must have classes of their own"
            )
        return super().describe(data)

    def adapt(self, data: ImageData, spec: ImageSpec) -> ImageData:
        """Return the data as it is: a run takes any classes."""
        return data

    def calibrate(self, model: keras.Model, data: ImageData) -> None:
        """Set the threshold and slope of the probability, fitted on pairs of validation images."""
        images = _embedded(model, self.examples(model, data, "validation"), "calibrating")
        layer = _calibration(model)
        threshold, slope = matching.logistic_threshold(images.distance, images.same)
        layer.threshold.assign(threshold)
        layer.slope.assign(slope)

    def evaluate(self, run: Run, data: ImageData, split: str) -> Evaluation:
        """Return one-shot accuracy, recall and verification on the classes of a split."""
        from maquette.reporting import pair_plots

        examples = self.examples(run.model, data, split)
        images = _embedded(run.model, examples, f"evaluating {split}")
        one_shot = _one_shot(images, run.config.ways, run.config.trials)
        recalls = {
            f"recall_at_{count}": matching.recall_at(images.neighbours, images.labels, count)
            for count in matching.RECALLS
        }
        accuracy = {"one_shot_accuracy": one_shot[-1]["accuracy"]}
        metrics = {**accuracy, **recalls, **_verification(images)}
        return Evaluation(
            metrics={name: round(float(value), 6) for name, value in metrics.items()},
            tables={"One-shot tests": one_shot, "Pairs": _pair_rows(images)},
            figures=pair_plots.figures(images, data.classes),
        )

    def item_scores(self, run: Run, data: ImageData, split: str) -> ItemScores:
        """Return whether the nearest other image is of the same class, where one of it is there.

        One-shot trials would not do: they draw the same images again and again, so that the least
        difference is significant if only they are many.
        """
        examples = self.examples(run.model, data, split)
        images = _embedded(run.model, examples, f"comparing on {split}")
        found = matching.found_at(images.neighbours, images.labels, 1)
        return ItemScores("recall_at_1", found, "images")

    def unit(self, run: Run, metric: str) -> str:
        """Return the number of classes of a one-shot test."""
        return f"{run.config.ways} ways" if metric == "one_shot_accuracy" else ""

    def predict(self, run: Run, files: Sequence[Path]) -> list[dict[str, Any]]:
        """Return for each file but the first whether it shows the same class as the first.

        Raises:
            UserError: there is only one file, one is missing or is no readable image.
        """
        if len(files) < 2:
            raise UserError(f"one image, {str(files[0])!r}; give two or more, to compare them")
        compare, shape = run.template.endpoints(run.model)["compare"], run.model.input_shape[1:]
        first, others, rows = read_images(files[:1], shape), files[1:], []
        for start in track(range(0, len(others), BATCH), "comparing", -(-len(others) // BATCH)):
            batch = others[start : start + BATCH]
            pairs = {
                "image_a": np.repeat(first, len(batch), 0),
                "image_b": read_images(batch, shape),
            }
            outputs = compare.predict_on_batch(pairs)
            for index, file in enumerate(batch):
                numbers = {name: float(values[index, 0]) for name, values in outputs.items()}
                rows.append(_comparison(files[0], file, **numbers))
        return rows

    def probes(self, run: Run, data: ImageData, split: str, count: int) -> dict[str, Probe]:
        """Return images for `embed`, and for `compare` pairs, half of them of one class."""
        examples = self.examples(run.model, data, split)
        pairs, same = matching.balanced_pairs(examples.y, count)
        first, second = (examples.x[side] for side in pairs.T)
        return {
            "embed": Probe({"image": examples.sample(count).x}),
            "compare": Probe({"image_a": first, "image_b": second}, same),
        }

    def tensors(self, spec: ImageSpec) -> dict[str, Tensor]:
        """Return what images go in, and what their comparison gives."""
        names = {"image": "The image", "image_a": "The first image", "image_b": "The second image"}
        return {
            **{k: Tensor(f"{text}, pixels 0 to 255.", "image") for k, text in names.items()},
            "embedding": Tensor("A vector that is near those of images of the same class."),
            "distance": Tensor("Distance of the two embeddings."),
            "probability": Tensor("Probability that both show the same class."),
        }

    def web_settings(self, run: Run, probes: dict[str, Probe]) -> dict[str, Any]:
        """Return the shape of images, and how to draw one."""
        images = probes["embed"].inputs["image"]
        return {"shape": list(images.shape[1:]), "drawing": drawing_style(images)}

    def agreement(self, endpoint: str, expected: dict, received: dict) -> float:
        """Return the share of embeddings in the same direction, or of pairs judged the same."""
        if endpoint == "compare":
            verdicts = [outputs["probability"] > 0.5 for outputs in (expected, received)]
            return float(np.mean(verdicts[0] == verdicts[1]))
        return float(np.mean(_cosine(expected["embedding"], received["embedding"]) >= COSINE))

    def judge(self, endpoint: str, outputs: dict, targets: np.ndarray | None) -> float | None:
        """Return the share of pairs that `compare` judges right."""
        if endpoint != "compare":
            return None
        return float(np.mean((outputs["probability"][:, 0] > 0.5) == targets))


def _embedded(model: keras.Model, examples: Examples, label: str) -> EmbeddedImages:
    from maquette.pipeline import predict

    examples = examples.sample(MOST_IMAGES)
    embeddings = np.concatenate(list(predict(model, examples, BATCH, label)))
    threshold = float(_calibration(model).threshold)
    return EmbeddedImages.of(examples.x, examples.y, embeddings, threshold)


def _calibration(model: keras.Model) -> Calibration:
    from maquette.metric_learning import Calibration

    return next(layer for layer in model.layers if isinstance(layer, Calibration))


def _cosine(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    return np.sum(first * second, axis=1) / np.maximum(lengths, 1e-12)


def _one_shot(images: EmbeddedImages, ways: int, trials: int) -> list[dict[str, Any]]:
    """Return rows of tests among more and more classes; the last is the one asked for."""
    most = min(ways, len(matching.members(images.labels, fewest=2)))
    rows = []
    for count in (*(few for few in SMALLER_TESTS if few < most), most):
        right = matching.one_shot_accuracy(images.embeddings, images.labels, count, trials)
        rows.append({"ways": count, "accuracy": round(right, 4), "chance": round(1 / count, 4)})
    return rows


def _verification(images: EmbeddedImages) -> dict[str, float]:
    from sklearn.metrics import auc, roc_curve

    false, true, _ = roc_curve(images.same, -images.distance)
    return {
        "roc_auc": auc(false, true),
        "verification_accuracy": np.mean((images.distance < images.threshold) == images.same),
        "equal_error_rate": matching.equal_error_rate(false, true),
    }


def _pair_rows(images: EmbeddedImages) -> list[dict[str, Any]]:
    rows = []
    for name, chosen in (("same class", images.same), ("different", ~images.same)):
        distance = images.distance[chosen]
        right = (distance < images.threshold) == (name == "same class")
        rows.append(
            {
                "pairs": name,
                "count": len(distance),
                "judged right": round(float(right.mean()), 4),
                "mean distance": round(float(distance.mean()), 4),
            }
        )
    return rows


def _comparison(first: Path, file: Path, probability: float, distance: float) -> dict[str, Any]:
    return {
        "file": str(file),
        "compared_with": str(first),
        "same": probability > 0.5,
        "probability": round(probability, 4),
        "distance": round(distance, 4),
    }
