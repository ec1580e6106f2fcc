"""Starter: what it is, in one line.

What it computes, with its equation, and what that is good for.

Data: `mnist`, 5,000 real handwritten digits of 28x28 pixels.

    maquette train starter
"""

from __future__ import annotations

from typing import Annotated, Any

import keras
from keras import layers, ops
from matplotlib.figure import Figure
from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

from maquette.contract import ForEvaluation, TemplateConfig
from maquette.probability import BernoulliPixels, gaussian_kl
from maquette.reporting import latent_plots
from maquette.tasks.image_density import ImageDensity

VALIDATION_SEED = 0
PARTS = ("encoder", "decoder", "likelihood")


class Config(TemplateConfig):
    """Options of the template."""

    latent_dim: PositiveInt = 16
    """Numbers in the code of an image."""
    hidden_units: PositiveInt = 256
    """Units of the layers between pixels and code."""
    image_size: Annotated[int, Field(ge=8, le=1024)] | None = None
    """Height and width that images are resized to, in pixels; by default their own, or 64."""
    epochs: PositiveInt = 30
    """Passes over the training data."""
    batch_size: PositiveInt = 64
    """Examples per training step."""
    learning_rate: PositiveFloat = 2e-3
    """Step size of the optimizer at the start; it falls to zero along a cosine."""
    importance_samples: Annotated[NonNegativeInt, ForEvaluation] = 100
    """Codes per image in the importance-weighted bound; 0 leaves it out."""
    importance_images: Annotated[PositiveInt, ForEvaluation] = 1000
    """Images that this bound is averaged over."""


TINY = Config(
    latent_dim=4, hidden_units=64, epochs=10, batch_size=16, learning_rate=4e-3,
    importance_samples=10, importance_images=300,
)  # fmt: skip

TASK = ImageDensity(data="mnist", sample="digits")


def encoder_of(config: Config, shape: tuple[int, int, int]) -> keras.Model:
    """Return the network from pixels in 0..1 to mean and log-variance of the code."""
    pixels = keras.Input(shape, name="pixels")
    x = layers.Flatten()(pixels)  # (batch, height * width * channels)
    x = layers.Dense(config.hidden_units, activation="relu")(x)
    # (batch, latent_dim) both; in mixed precision, too, of 32 bits
    mean = layers.Dense(config.latent_dim, dtype="float32", name="mean")(x)
    log_variance = layers.Dense(config.latent_dim, dtype="float32", name="log_variance")(x)
    return keras.Model(pixels, [mean, log_variance], name="encoder")


def decoder_of(config: Config, shape: tuple[int, int, int]) -> keras.Model:
    """Return the network from a code to the logits of each pixel."""
    height, width, channels = shape
    code = keras.Input((config.latent_dim,), name="code")
    x = layers.Dense(config.hidden_units, activation="relu")(code)
    x = layers.Dense(height * width * channels)(x)
    logits = layers.Reshape(shape)(x)  # (batch, height, width, channels)
    return keras.Model(code, logits, name="decoder")


@keras.saving.register_keras_serializable("starter")
class Starter(keras.Model):
    """Encoder and decoder with one loss; called on images, it returns them reconstructed.

    Args:
        encoder: Maps pixels in 0..1 to mean and log-variance, each `(batch, latent_dim)`.
        decoder: Maps codes to logits of pixels.
        likelihood: Tells how probable pixels are under the logits.

    Input shape: `(batch, height, width, channels)`, pixels 0..255.
    Output shape: the same, in 0..1.
    """

    def __init__(self, encoder, decoder, likelihood, **kwargs):
        super().__init__(**kwargs)
        self.encoder, self.decoder, self.likelihood = encoder, decoder, likelihood
        self.seed = keras.random.SeedGenerator()
        names = ("negative_elbo", "reconstruction", "kl")
        self.trackers = [keras.metrics.Mean(name=name) for name in names]

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """Shape of the images that the model takes."""
        return self.encoder.input_shape

    def call(self, images, training=None):
        mean, _ = self.encoder(ops.cast(images, "float32") / 255, training=training)
        return self.likelihood(self.decoder(mean, training=training))

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """Return the loss; in validation with the same noise each time."""
        seed = self.seed if training else VALIDATION_SEED
        pixels = self.likelihood.draw(x, keras.random.uniform(ops.shape(x), seed=seed))
        mean, log_variance = self.encoder(pixels, training=training)  # each (batch, latent_dim)
        code = mean + ops.exp(log_variance / 2) * keras.random.normal(ops.shape(mean), seed=seed)
        logits = ops.cast(self.decoder(code, training=training), "float32")  # shape of the images
        reconstruction = -self.likelihood.log_likelihood(pixels, logits)  # (batch,)
        kl = gaussian_kl(mean, log_variance)  # (batch,)
        values = (reconstruction + kl, reconstruction, kl)
        for tracker, value in zip(self.trackers, values, strict=True):
            tracker.update_state(value)
        return ops.mean(reconstruction + kl)

    def get_config(self):
        parts = {part: keras.saving.serialize_keras_object(getattr(self, part)) for part in PARTS}
        return {**super().get_config(), **parts}

    @classmethod
    def from_config(cls, config):
        parts = {part: keras.saving.deserialize_keras_object(config[part]) for part in PARTS}
        return cls(**{**config, **parts})


def build(config: Config, data: Any) -> keras.Model:
    """Return the compiled model.

    Input shape: `(batch, height, width, channels)`, pixels 0..255.
    Output shape: the same, in 0..1.
    """
    height, width, channels = data.native_shape
    shape = (config.image_size or height or 64, config.image_size or width or 64, channels)
    parts = encoder_of(config, shape), decoder_of(config, shape), BernoulliPixels()
    model = Starter(*parts, name="starter")
    model(keras.Input(shape))
    model.compile(optimizer=keras.optimizers.Adam(config.learning_rate))
    return model


def search_space(hp: Any) -> dict[str, Any]:
    """Return options drawn for one trial."""
    return {
        "latent_dim": hp.Choice("latent_dim", [8, 16, 32]),
        "hidden_units": hp.Choice("hidden_units", [128, 256, 512]),
        "learning_rate": hp.Float("learning_rate", 3e-4, 4e-3, sampling="log"),
    }


def endpoints(model: keras.Model) -> dict[str, keras.Model]:
    """Return `encode`, `decode`, `generate` and `reconstruct`; pixels come out in 0..1."""
    image = keras.Input(model.input_shape[1:], dtype="uint8", name="image")
    mean, log_variance = model.encoder(layers.Rescaling(1 / 255)(image))  # (batch, latent_dim)
    code, noise = (keras.Input(mean.shape[1:], name=name) for name in ("code", "noise"))
    drawn = mean + ops.exp(log_variance / 2) * noise

    def pixels(codes: keras.KerasTensor) -> dict[str, keras.KerasTensor]:
        return {"pixels": model.likelihood(model.decoder(codes))}

    return {
        "encode": keras.Model({"image": image}, {"mean": mean, "log_variance": log_variance}),
        "decode": keras.Model({"code": code}, pixels(code)),
        "generate": keras.Model({"noise": noise}, pixels(noise)),
        "reconstruct": keras.Model({"image": image, "noise": noise}, pixels(drawn)),
    }


def figures(model: keras.Model, data: Any) -> dict[str, Figure]:
    """Return new images, reconstructions, ways between images, and the space of codes."""
    examples = TASK.examples(model, data, "validation").sample(1000)
    return latent_plots.overview(endpoints(model), examples, data.classes)
