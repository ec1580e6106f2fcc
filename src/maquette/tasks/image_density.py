"""Density of images: how probable an image is under a model that can also draw new ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from maquette.images.data import ImageData
from maquette.tasks.image_task import ImageSpec, ImageTask, read_images
from maquette.tasks.task import Evaluation, ItemScores, Probe, WebPage
from maquette.tasks.tensors import Tensor

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from maquette.evidence import NegativeElbo
    from maquette.pipeline import Examples
    from maquette.run import Run

DRAWS = 16
MOST_UNUSUAL = 24
CLOSE_PIXELS = 0.1
SHOWN_DEVIATIONS = 2.5


@dataclass(frozen=True)
class ImageDensity(ImageTask):
    """The task of telling how probable images are, through a code of a few numbers.

    Models have an `encoder` from pixels to mean and log-variance of a code, a `decoder` from a code
    to parameters of the pixels, and a `likelihood`, one of `maquette.probability`. They report
    `negative_elbo`. The endpoints are `encode`, `decode`, `generate` and `reconstruct`.
    Of a template's options, `importance_samples` and `importance_images` tell how the
    importance-weighted bound is computed. Classes are not used but to tell of them apart.
    """

    data: str
    sample: str
    monitor: str = "val_negative_elbo"
    mode: str = "min"
    score: str = "similarity"
    memorised: float = 0.6
    ranges: ClassVar = {"image": (0, 255), "pixels": (0, 1)}
    web: ClassVar = WebPage("image_generation", ("generate",), ("pictures.js",))
    lower_is_better: ClassVar = frozenset(
        {"negative_elbo", "reconstruction", "kl", "importance_weighted_bound"}
    )

    def adapt(self, data: ImageData, spec: ImageSpec) -> ImageData:
        """Return the images as they are: classes that the run has not seen do no harm."""
        return data

    def evaluate(self, run: Run, data: ImageData, split: str) -> Evaluation:
        """Return the negative ELBO and its parts, the tighter bound, and the unlikely images."""
        from maquette.evidence import importance_weighted_bound, negative_elbo

        examples = self.examples(run.model, data, split)
        elbo = negative_elbo(run.model, examples.x, f"evaluating {split}")
        metrics = {
            "negative_elbo": elbo.values.mean(),
            "reconstruction": elbo.reconstruction.mean(),
            "kl": elbo.kl.mean(),
            "active_latents": elbo.active_latents,
        }
        if samples := run.config.importance_samples:
            images = examples.sample(run.config.importance_images).x
            bounds = importance_weighted_bound(run.model, images, samples)
            metrics["importance_weighted_bound"] = bounds.mean()
        return Evaluation(
            metrics={name: round(float(value), 4) for name, value in metrics.items()},
            tables={"Classes": _per_class(elbo, examples.y, data.classes)},
            figures={"most_unusual": _most_unusual(elbo, examples, data.classes, split)},
        )

    def item_scores(self, run: Run, data: ImageData, split: str) -> ItemScores:
        """Return the negative ELBO of each image, with the same noise each time."""
        from maquette.evidence import negative_elbo

        images = self.examples(run.model, data, split).x
        bounds = negative_elbo(run.model, images, f"comparing on {split}")
        return ItemScores("negative_elbo", bounds.values, "images")

    def unit(self, run: Run, metric: str) -> str:
        """Return number and kind of the pixels that a bound is on."""
        if metric not in self.lower_is_better:
            return ""
        shape = "x".join(map(str, run.model.input_shape[1:]))
        return f"nats of {shape} {type(run.model.likelihood).__name__}"

    def predict(self, run: Run, files: Sequence[Path]) -> list[dict[str, Any]]:
        """Return each file's negative ELBO in nats: the higher, the more unusual the image."""
        from maquette.evidence import negative_elbo
        from maquette.progress import track

        rows = []
        for file in track(files, "predicting", len(files)):
            images = np.repeat(read_images([file], run.model.input_shape[1:]), DRAWS, axis=0)
            value = negative_elbo(run.model, images).values.mean()
            rows.append({"file": str(file), "negative_elbo": round(float(value), 2)})
        return rows

    def probes(self, run: Run, data: ImageData, split: str, count: int) -> dict[str, Probe]:
        """Return images, codes of images, and noise."""
        images = self.examples(run.model, data, split).sample(count).x
        mean, log_variance = (np.asarray(part) for part in run.model.encoder(images / 255.0))
        noise = np.random.default_rng(0).standard_normal(mean.shape, np.float32)
        return {
            "encode": Probe({"image": images}),
            "decode": Probe({"code": mean + np.exp(log_variance / 2) * noise}),
            "generate": Probe({"noise": noise}),
            "reconstruct": Probe({"image": images, "noise": noise}, images / 255.0),
        }

    def tensors(self, spec: ImageSpec) -> dict[str, Tensor]:
        """Return what images, codes and noise are."""
        return {
            "image": Tensor("The image, pixels 0 to 255.", "image"),
            "pixels": Tensor("An image, pixels 0 to 1.", "image"),
            "mean": Tensor("Mean of the image's code."),
            "log_variance": Tensor("Logarithm of the variance of the image's code."),
            "code": Tensor("A code, as the encoder gives it."),
            "noise": Tensor("Numbers drawn from the unit Gaussian."),
        }

    def web_settings(self, run: Run, probes: dict[str, Probe]) -> dict[str, Any]:
        """Return shapes, and that the noise is Gaussian."""
        return {
            "endpoint": "generate",
            "output": "pixels",
            "shape": list(run.model.input_shape[1:]),
            "size": probes["generate"].inputs["noise"].shape[1],
            "normal": True,
            "low": -SHOWN_DEVIATIONS,
            "high": SHOWN_DEVIATIONS,
        }

    def agreement(self, endpoint: str, expected: dict, received: dict) -> float:
        """Return the share of images that differ by at most a tenth of white, root mean square.

        Codes are compared as every task compares outputs.
        """
        if "pixels" not in expected:
            return super().agreement(endpoint, expected, received)
        squares = (expected["pixels"] - received["pixels"]) ** 2
        return float(np.mean(squares.mean(axis=(1, 2, 3)) <= CLOSE_PIXELS**2))

    def judge(self, endpoint: str, outputs: dict, targets: np.ndarray) -> float | None:
        """Return one less the mean absolute error of a reconstruction's pixels in 0..1."""
        return float(1 - np.mean(np.abs(outputs["pixels"] - targets)))


def _per_class(elbo: NegativeElbo, labels: np.ndarray, classes: tuple[str, ...]) -> list[dict]:
    return [
        {
            "class": name,
            "negative_elbo": round(float(elbo.values[labels == label].mean()), 2),
            "kl": round(float(elbo.kl[labels == label].mean()), 2),
            "images": int(np.sum(labels == label)),
        }
        for label, name in enumerate(classes)
        if np.any(labels == label)
    ]


def _most_unusual(elbo: NegativeElbo, examples: Examples, classes: tuple, split: str) -> Figure:
    from maquette.reporting import plots

    order = np.argsort(-elbo.values, kind="stable")[:MOST_UNUSUAL]
    titles = [f"{classes[examples.y[i]]}\n{elbo.values[i]:.0f} nats" for i in order]
    return plots.image_grid(examples.x[order], titles, f"Most unusual of {split}")
