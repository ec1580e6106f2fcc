"""Image generation: noise in, images out that are like those of the data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from maquette.generation.frechet import frechet_distance
from maquette.images.data import ImageData
from maquette.tasks.image_task import BATCH, ImageSpec, ImageTask, read_images
from maquette.tasks.task import Evaluation, Probe, WebPage
from maquette.tasks.tensors import Tensor

if TYPE_CHECKING:
    import keras
    from matplotlib.figure import Figure

    from maquette.generation.judge import Verdict
    from maquette.run import Run

DRAWN = 100  # images of one step
DRAWN_CLASSES, DRAWN_OF_CLASS = 10, 8
PRESENT = 0.1  # least share of a class that counts, in equal shares
CLOSE = 0.1
SEED = 1


@dataclass(frozen=True)
class ImageGeneration(ImageTask):
    """The task of drawing new images.

    Models take raw pixels, `(batch, height, width, channels)` in 0..255, and return a logit,
    `(batch, 1)`, positive for what looks real. The endpoint `generate` takes `noise`, each number
    in -1..1, and returns `image` in 0..1. A template's options have `samples`, how many images
    are judged, and `judge`, a classifier's run, or `None` to train a small one.

    Args:
        data: The source a template trains on by default.
    """

    data: str
    sample: str = "digits"
    monitor: str | None = None
    score: str | None = None
    memorised: float | None = None
    ranges: ClassVar = {"noise": (-1, 1), "image": (0, 1)}
    web: ClassVar = WebPage("image_generation", ("generate",), ("pictures.js",))
    lower_is_better: ClassVar = frozenset({"frechet_distance", "frechet_distance_of_train"})
    tuned_by: ClassVar = "frechet_distance"

    def evaluate(self, run: Run, data: ImageData, split: str) -> Evaluation:
        """Compare samples with a split by the features and classes that a classifier sees.

        Metrics are the Fréchet distance of the features, its value for training images in place
        of samples (what is left between two draws from the data), and how the classes are filled.
        """
        from maquette.generation.judge import judge_of

        judge = judge_of(run)
        samples = draw(run.template.endpoints(run.model)["generate"], run.config.samples)
        real = self.examples(run.model, data, split).sample(len(samples))
        known = self.examples(run.model, data, "train" if "train" in data.splits else split)
        of_samples = judge(as_bytes(samples), "judging samples")
        of_real = judge(real.x, f"judging {split}")
        of_known = judge(known.sample(len(real)).x, "judging train")
        shares = _shares(of_samples, len(data.classes))
        metrics = {
            "frechet_distance": _distance(of_real, of_samples),
            "frechet_distance_of_train": _distance(of_real, of_known),
            "least_class_share": shares.min(),
            "classes_present": np.sum(shares >= PRESENT / len(shares)),
            "judge_confidence": of_samples.probabilities.max(-1).mean(),
            "judge_confidence_of_data": of_real.probabilities.max(-1).mean(),
            "judge_accuracy": np.mean(of_real.probabilities.argmax(-1) == real.y),
        }
        table = _per_class(shares, real.y, data.classes)
        return Evaluation(
            metrics={name: round(float(value), 6) for name, value in metrics.items()},
            tables={"Classes of the samples": table},
            figures={"samples_by_class": _by_class(samples, of_samples, data.classes)},
        )

    def unit(self, run: Run, metric: str) -> str:
        """Return who judges the images, and how many of them."""
        judge = run.config.judge or f"one of {run.config.judge_steps} steps"
        return f"judge {judge}, {run.config.samples} samples"

    def predict(self, run: Run, files: Sequence[Path]) -> list[dict[str, Any]]:
        """Return the probability, by the discriminator, that each image is no generated one.

        Raises:
            UserError: a file is missing or is no readable image.
        """
        rows = []
        for start in range(0, len(files), BATCH):
            batch = files[start : start + BATCH]
            images = read_images(batch, run.model.input_shape[1:])
            logits = np.asarray(run.model.predict_on_batch(images), np.float64)[:, 0]
            real = 1 / (1 + np.exp(-logits))
            rows += [
                {"file": str(f), "real": round(float(p), 4)}
                for f, p in zip(batch, real, strict=True)
            ]
        return rows

    def probes(self, run: Run, data: ImageData, split: str, count: int) -> dict[str, Probe]:
        """Return noise for `generate`, other noise for each split."""
        size = run.template.endpoints(run.model)["generate"].inputs[0].shape[-1]
        seed = 1 + sum(map(ord, split))
        return {"generate": Probe({"noise": noise(count, size, seed)})}

    def tensors(self, spec: ImageSpec) -> dict[str, Tensor]:
        """Return what noise and image are."""
        noise = Tensor("Numbers drawn evenly from -1 to 1.")
        return {"noise": noise, "image": Tensor("The image, pixels 0 to 1.", "image")}

    def web_settings(self, run: Run, probes: dict[str, Probe]) -> dict[str, Any]:
        """Return shapes, and that the noise is uniform."""
        low, high = self.ranges["noise"]
        return {
            "endpoint": "generate",
            "output": "image",
            "shape": list(run.model.input_shape[1:]),
            "size": probes["generate"].inputs["noise"].shape[1],
            "normal": False,
            "low": low,
            "high": high,
        }

    def agreement(self, endpoint: str, expected: dict, received: dict) -> float:
        """Return the share of images that differ by at most a tenth of the range of a pixel.

        The difference of two images is the root of its mean square.
        """
        difference = expected["image"].astype(np.float64) - received["image"]
        distances = np.sqrt(np.mean(difference**2, axis=(1, 2, 3)))
        return float(np.mean(distances <= CLOSE))


def noise(count: int, size: int, seed: int = SEED) -> np.ndarray:
    """Return the same noise each time: float32 in -1..1, shape `(count, size)`."""
    values = np.random.default_rng(seed).uniform(-1, 1, (count, size))
    return values.astype(np.float32)


def draw(generate: keras.Model, count: int, seed: int = SEED) -> np.ndarray:
    """Return images from noise that is the same each time.

    Args:
        generate: The endpoint, from `noise` to `image`.
        count: How many.
        seed: Decides the noise.

    Returns:
        Floats 0..1, shape `(count, height, width, channels)`.
    """
    size = generate.inputs[0].shape[-1]
    whole = noise(-(-count // DRAWN) * DRAWN, size, seed)  # one size of batches is traced once
    batches = [whole[start : start + DRAWN] for start in range(0, len(whole), DRAWN)]
    parts = [np.asarray(generate.predict_on_batch({"noise": z})["image"]) for z in batches]
    # Replicas on TensorFlow each return all of a batch.
    return np.concatenate([part[:DRAWN] for part in parts])[:count]


def as_bytes(images: np.ndarray) -> np.ndarray:
    """Return images of floats 0..1 as uint8 0..255."""
    return np.rint(np.clip(images, 0, 1) * 255).astype(np.uint8)


def _distance(real: Verdict, others: Verdict) -> float:
    return frechet_distance(real.features, others.features[: len(real.features)])


def _shares(verdict: Verdict, classes: int) -> np.ndarray:
    counts = np.bincount(verdict.probabilities.argmax(-1), minlength=classes)
    return counts / counts.sum()


def _per_class(
    shares: np.ndarray, labels: np.ndarray, classes: Sequence[str]
) -> list[dict[str, Any]]:
    of_data = np.bincount(labels, minlength=len(classes)) / len(labels)
    return [
        {"class": name, "samples": round(float(share), 4), "data": round(float(other), 4)}
        for name, share, other in zip(classes, shares, of_data, strict=True)
    ]


def _by_class(samples: np.ndarray, verdict: Verdict, classes: Sequence[str]) -> Figure:
    """Draw the first samples of each of the first classes, as the judge sees them."""
    from maquette.reporting import plots

    predicted = verdict.probabilities.argmax(-1)
    rows = [np.flatnonzero(predicted == index)[:DRAWN_OF_CLASS] for index in range(len(classes))]
    order = np.concatenate(rows[:DRAWN_CLASSES]).astype(int)
    titles = [classes[index] for index in predicted[order]]
    return plots.image_grid(samples[order], titles, "Samples by class", columns=DRAWN_OF_CLASS)
