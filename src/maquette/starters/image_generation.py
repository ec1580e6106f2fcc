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
from pydantic import Field, PositiveFloat, PositiveInt

from maquette.contract import ForEvaluation, TemplateConfig
from maquette.reporting import plots
from maquette.tasks.image_generation import ImageGeneration, draw

PARTS = ("generator", "discriminator")


class Config(TemplateConfig):
    """Options of the template."""

    latent_dim: PositiveInt = 32
    """Random numbers that an image is made from."""
    hidden_units: PositiveInt = 256
    """Units of the layers of both networks."""
    image_size: Annotated[int, Field(ge=8, le=64)] | None = None
    """Height and width that images are resized to, in pixels; by default their own, at most 64."""
    epochs: PositiveInt = 60
    """Passes over the training data."""
    batch_size: PositiveInt = 64
    """Examples per training step."""
    learning_rate: PositiveFloat = 5e-4
    """Step size of the optimizer at the start; it falls to zero along a cosine."""
    samples: Annotated[int, Field(ge=10), ForEvaluation] = 2000
    """Generated images that are judged after the training."""
    judge: Annotated[str | None, ForEvaluation] = None
    """Folder of a classifier's run that judges the images; by default a small one is trained."""
    judge_steps: PositiveInt = 400
    """Training steps of that small classifier, in whole epochs and at least two."""


TINY = Config(latent_dim=16, hidden_units=64, epochs=10, samples=100, judge_steps=60)

TASK = ImageGeneration(data="mnist", sample="digits")


def generator(config: Config, shape: tuple[int, int, int]) -> keras.Sequential:
    """Return the network from noise, `(batch, latent_dim)`, to images in -1..1."""
    height, width, channels = shape
    chain = [
        keras.Input((config.latent_dim,)),
        layers.Dense(config.hidden_units),
        layers.LeakyReLU(0.2),
        layers.Dense(height * width * channels, activation="tanh"),
        layers.Reshape(shape),
    ]
    return keras.Sequential(chain, name="generator")


def discriminator(config: Config, shape: tuple[int, int, int]) -> keras.Sequential:
    """Return the network from images in -1..1 to logits, `(batch, 1)`, positive for real ones."""
    chain = [
        keras.Input(shape),
        layers.Flatten(),
        layers.Dense(config.hidden_units),
        layers.LeakyReLU(0.2),
        layers.Dense(1),
    ]
    return keras.Sequential(chain, name="discriminator")


@keras.saving.register_keras_serializable("starter")
class Starter(keras.Model):
    """Generator G and discriminator D with one loss; called on images, it returns D's logits.

    Args:
        generator: Maps noise, `(batch, latent_dim)`, to images in -1..1.
        discriminator: Maps images in -1..1 to logits, `(batch, 1)`.

    Input shape: `(batch, height, width, channels)`, pixels 0..255.
    Output shape: `(batch, 1)`, logits, positive for what looks real.
    """

    def __init__(self, generator, discriminator, **kwargs):
        super().__init__(**kwargs)
        self.generator, self.discriminator = generator, discriminator
        self.seed = keras.random.SeedGenerator()
        names = ("discriminator_loss", "generator_loss")
        self.trackers = [keras.metrics.Mean(name=name) for name in names]

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """Shape of the images that the model takes."""
        return self.discriminator.input_shape

    def call(self, images, training=None):
        pixels = ops.cast(images, self.compute_dtype) / 127.5 - 1
        return self.discriminator(pixels, training=training)  # (batch, 1)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """Return the sum of two losses, each with a gradient for its own network alone."""
        shape = (ops.shape(x)[0], self.generator.input_shape[-1])
        noise = keras.random.uniform(shape, -1, 1, seed=self.seed)
        fakes = self.generator(noise, training=training)  # (batch, height, width, channels)
        weights = [ops.copy(v) for v in self.discriminator.trainable_variables]
        detached = [ops.stop_gradient(value) for value in weights]
        others = [v.value for v in self.discriminator.non_trainable_variables]
        call = self.discriminator.stateless_call
        on_fakes, _ = call(weights, others, ops.stop_gradient(fakes), training=training)
        to_deceive, _ = call(detached, others, fakes, training=training)
        of_discriminator = ops.mean(ops.softplus(-y_pred)) + ops.mean(ops.softplus(on_fakes))
        of_generator = ops.mean(ops.softplus(-to_deceive))
        values = (of_discriminator, of_generator)
        for tracker, value in zip(self.trackers, values, strict=True):
            tracker.update_state(value)
        return of_discriminator + of_generator

    def get_config(self):
        parts = {part: keras.saving.serialize_keras_object(getattr(self, part)) for part in PARTS}
        return {**super().get_config(), **parts}

    @classmethod
    def from_config(cls, config):
        parts = {part: keras.saving.deserialize_keras_object(config[part]) for part in PARTS}
        return cls(**{**config, **parts})


def build(config: Config, data: Any) -> keras.Model:
    """Return the compiled pair of networks.

    Input shape: `(batch, height, width, channels)`, pixels 0..255.
    Output shape: `(batch, 1)`, the discriminator's logits.
    """
    height, width, channels = data.native_shape
    sizes = (config.image_size or min(max(side or 64, 8), 64) for side in (height, width))
    shape = (*sizes, channels)
    model = Starter(generator(config, shape), discriminator(config, shape), name="starter")
    model.build(model.input_shape)
    model.compile(keras.optimizers.Adam(config.learning_rate, beta_1=0.5))
    return model


def search_space(hp: Any) -> dict[str, Any]:
    """Return options drawn for one trial."""
    return {
        "latent_dim": hp.Choice("latent_dim", [16, 32, 64]),
        "hidden_units": hp.Choice("hidden_units", [128, 256, 512]),
        "learning_rate": hp.Float("learning_rate", 1e-4, 2e-3, sampling="log"),
    }


def endpoints(model: keras.Model) -> dict[str, keras.Model]:
    """Return `generate`: noise, each number in -1..1, to an image in 0..1."""
    noise = keras.Input(model.generator.input_shape[1:], name="noise")
    image = layers.Rescaling(0.5, 0.5, name="image")(model.generator(noise))
    return {"generate": keras.Model({"noise": noise}, {"image": image})}


def figures(model: keras.Model, data: Any) -> dict[str, Figure]:
    """Return generated images."""
    samples = draw(endpoints(model)["generate"], 64)
    return {"samples": plots.image_grid(samples, heading="Generated images")}
