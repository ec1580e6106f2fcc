"""Bounds on log p(x), the evidence that a model with latent variables gives to an image.

They take a model with three parts: `encoder` maps pixels to mean and log-variance of a code,
`decoder` maps a code to parameters of the pixels, and `likelihood` is one of
`maquette.probability`. All noise is drawn in the order of the images from one seed, so a bound
is the same each time that it is computed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import keras
import numpy as np
from keras import ops

from maquette.probability import gaussian_kl, gaussian_log_density
from maquette.progress import track

if TYPE_CHECKING:
    from maquette.pipeline import Readable

SEED = 0
BATCH = 500
ACTIVE_VARIANCE = 0.01


@dataclass(frozen=True)
class NegativeElbo:
    """The negative evidence lower bound of each image, in nats, in its two parts.

    Attributes:
        reconstruction: -log p(x|z) for one code z of each image, shape `(n,)`.
        kl: Divergence of the image's codes from the unit Gaussian, shape `(n,)`.
        means: Mean of the image's codes, shape `(n, latent_dim)`.
    """

    reconstruction: np.ndarray
    kl: np.ndarray
    means: np.ndarray

    @property
    def values(self) -> np.ndarray:
        """The bound itself, shape `(n,)`."""
        return self.reconstruction + self.kl

    @property
    def active_latents(self) -> int:
        """How many numbers of the code tell of the image (Burda et al. 2016, section 5.2)."""
        return int(np.sum(self.means.var(axis=0) > ACTIVE_VARIANCE))


def negative_elbo(
    model: keras.Model, images: Readable, label: str = "", seed: int = SEED
) -> NegativeElbo:
    """Return the negative ELBO of each image, with one draw of its pixels and of its code.

    Args:
        model: With an `encoder`, a `decoder` and a `likelihood`.
        images: uint8, `(n, height, width, channels)`.
        label: Shown beside the progress.
        seed: Of all noise.
    """
    rng, scorer, parts = np.random.default_rng(seed), _Elbo(model), []
    starts = range(0, images.shape[0], BATCH)
    for start in track(starts, label, len(starts)):
        batch = images[np.arange(start, min(start + BATCH, images.shape[0]))]
        inputs = {"images": batch, "uniform": rng.random(batch.shape, np.float32)}
        inputs["noise"] = _normal(rng, len(batch), model)
        parts.append(scorer.predict_on_batch(inputs))
    return NegativeElbo(*(np.concatenate([np.asarray(p[i]) for p in parts]) for i in range(3)))


def importance_weighted_bound(
    model: keras.Model, images: np.ndarray, samples: int, seed: int = SEED
) -> np.ndarray:
    """Return -log 1/k sum_i p(x, z_i) / q(z_i|x) of each image, k codes z_i drawn from q(z|x).

    That is Burda, Grosse and Salakhutdinov (2016), equation 8, its sign turned. With one code it
    is a draw of the negative ELBO; with more it only falls, towards -log p(x).

    Args:
        model: With an `encoder`, a `decoder` and a `likelihood`.
        images: uint8, `(n, height, width, channels)`.
        samples: Codes per image, k.
        seed: Of all noise.

    Returns:
        The bounds in nats, float64, shape `(n,)`.
    """
    rng, scorer = np.random.default_rng(seed), _LogWeights(model)
    pixels = model.likelihood.draw(images, rng.random(images.shape, np.float32))
    pixels = np.asarray(ops.convert_to_numpy(pixels))
    means, log_variances = model.encoder.predict(pixels, batch_size=BATCH, verbose=0)
    weights = np.empty(len(images) * samples, np.float64)
    starts = range(0, len(weights), BATCH)
    for start in track(starts, "importance-weighted bound", len(starts)):
        pair = slice(start, min(start + BATCH, len(weights)))
        image = np.arange(pair.start, pair.stop) // samples
        inputs = {"pixels": pixels[image], "mean": means[image]}
        inputs |= {"log_variance": log_variances[image], "noise": _normal(rng, len(image), model)}
        weights[pair] = scorer.predict_on_batch(inputs)
    log_weights = weights.reshape(len(images), samples)
    return math.log(samples) - np.logaddexp.reduce(log_weights, axis=1)


class _Scorer(keras.Model):
    def __init__(self, of: keras.Model):
        super().__init__(name="scorer")
        self.of = of


class _Elbo(_Scorer):
    """-log p(x|z) and the divergence of z, both shape (batch,), and the mean of z."""

    def call(self, inputs):
        pixels = self.of.likelihood.draw(inputs["images"], inputs["uniform"])
        mean, log_variance = self.of.encoder(pixels)
        code = mean + ops.exp(log_variance / 2) * inputs["noise"]
        reconstruction = -self.of.likelihood.log_likelihood(pixels, self.of.decoder(code))
        return reconstruction, gaussian_kl(mean, log_variance), mean


class _LogWeights(_Scorer):
    """log p(x|z) + log p(z) - log q(z|x), shape (batch,), of a code of each image."""

    def call(self, inputs):
        mean, log_variance = inputs["mean"], inputs["log_variance"]
        code = mean + ops.exp(log_variance / 2) * inputs["noise"]  # (batch, latent_dim)
        log_prior = gaussian_log_density(code, 0.0, 0.0)
        log_posterior = gaussian_log_density(code, mean, log_variance)
        logits = self.of.decoder(code)  # (batch, height, width, channels)
        log_likelihood = self.of.likelihood.log_likelihood(inputs["pixels"], logits)  # (batch,)
        return log_likelihood + ops.sum(log_prior - log_posterior, axis=-1)


def _normal(rng: np.random.Generator, count: int, model: keras.Model) -> np.ndarray:
    return rng.standard_normal((count, model.decoder.input_shape[-1]), np.float32)
