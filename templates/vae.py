"""Variational autoencoder: images as a code of a few numbers, and new images from random codes.

The encoder turns an image x into a Gaussian q(z|x) over codes z, the decoder turns a code into the
distribution p(x|z) of an image, and both are trained to raise a lower bound on log p(x),

    ELBO = E_q[log p(x|z)] - KL(q(z|x) || N(0, I))

the first term by drawing z = mean + deviation * noise, through which gradients pass. The bound
is reported with its sign turned, in nats per image: lower is better. Pixels are black or white,
white with the probability that is their intensity and drawn anew at each step, or, with
`--likelihood gaussian`, grey levels with a noise whose scale is learned.

Paper: Kingma and Welling (2014), Auto-encoding variational Bayes; the tighter bound that judges
the model is that of Burda, Grosse and Salakhutdinov (2016), Importance weighted autoencoders.
Data: `mnist`, 5,000 real handwritten digits of 28x28 pixels.
Expect: negative ELBO of 103.8 nats on test images in 2 minutes. On all of MNIST, a folder of its
four files, 89.9 in 20 minutes on one core; 85.9 for the tighter bound with 5,000 codes an image.

    maquette train vae
    maquette train vae --data MNIST_FOLDER
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import keras
from keras import layers, ops
from matplotlib.figure import Figure
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from maquette.callbacks.cosine_schedule import CosineSchedule
from maquette.callbacks.kl_warmup import KLWarmup
from maquette.contract import ForEvaluation, Stage, TemplateConfig
from maquette.probability import BernoulliPixels, GaussianPixels, gaussian_kl
from maquette.reporting import latent_plots
from maquette.tasks.image_density import ImageDensity

VALIDATION_SEED = 0
PARTS = ("encoder", "decoder", "likelihood")


class Config(TemplateConfig):
    """Options of the variational autoencoder."""

    latent_dim: Annotated[int, Field(ge=2)] = 40
    """Numbers in a code; with 2 the figures show the whole plane of codes."""
    filters: Annotated[tuple[PositiveInt, ...], Field(min_length=1, max_length=5)] = (16, 32, 64)
    """Filters of the encoder's convolutions, each of which halves the resolution."""
    hidden_units: PositiveInt = 500
    """Units of the dense layer between convolutions and code, on either side."""
    likelihood: Literal["bernoulli", "gaussian"] = "bernoulli"
    """What pixels are: black or white (for drawings), or grey levels (for photographs)."""
    beta: NonNegativeFloat = 1.0
    """Weight of the KL term in the loss; above 1, codes are simpler and images less sharp."""
    warmup_epochs: NonNegativeFloat = 10.0
    """Epochs in which the weight of the KL term rises from zero."""
    image_size: Annotated[int, Field(ge=8, le=256)] | None = None
    """Height and width that images are resized to, in pixels; by default their own, or 64."""
    epochs: PositiveInt = 120
    """Passes over the training data."""
    batch_size: PositiveInt = 128
    """Examples per training step."""
    learning_rate: PositiveFloat = 2e-3
    """Step size of the optimizer at the start; it falls to zero along a cosine."""
    importance_samples: Annotated[NonNegativeInt, ForEvaluation] = 100
    """Codes per image in the importance-weighted bound; 5,000 is usual, 0 leaves it out."""
    importance_images: Annotated[PositiveInt, ForEvaluation] = 1000
    """Images that this bound is averaged over."""


TINY = Config(
    latent_dim=4, filters=(16, 32), hidden_units=64, warmup_epochs=4, epochs=10, batch_size=16,
    learning_rate=4e-3, importance_samples=10, importance_images=300,
)  # fmt: skip

TASK = ImageDensity(data="mnist", sample="digits")


def sides(config: Config, image_shape: tuple[int, int, int]) -> list[tuple[int, int]]:
    """Return height and width of the image and after each halving: 28, 14, 7 and 4, say."""
    found = [image_shape[:2]]
    for _ in config.filters:
        found.append(tuple(-(-side // 2) for side in found[-1]))
    return found


def encoder_of(config: Config, image_shape: tuple[int, int, int]) -> keras.Model:
    """Return the network from pixels in 0..1 to mean and log-variance of the code."""
    pixels = x = keras.Input(image_shape, name="pixels")
    for depth in config.filters:
        x = layers.Conv2D(depth, 3, 2, "same", activation="relu")(x)
        # (batch, height / 2, width / 2, depth), rounded up
    x = layers.Flatten()(x)
    x = layers.Dense(config.hidden_units, activation="relu")(x)
    # (batch, latent_dim) both; in mixed precision, too, of 32 bits
    mean = layers.Dense(config.latent_dim, dtype="float32", name="mean")(x)
    log_variance = layers.Dense(config.latent_dim, dtype="float32", name="log_variance")(x)
    return keras.Model(pixels, [mean, log_variance], name="encoder")


def doubled(x: keras.KerasTensor, depth: int, size: tuple[int, int], **options) -> Any:
    """Return features at twice the resolution, cut to the size that was halved."""
    x = layers.Conv2DTranspose(depth, 3, 2, "same", **options)(x)
    surplus = ((0, x.shape[1] - size[0]), (0, x.shape[2] - size[1]))
    return layers.Cropping2D(surplus)(x)  # (batch, *size, depth)


def decoder_of(config: Config, image_shape: tuple[int, int, int]) -> keras.Model:
    """Return the network from a code to the logits of each pixel."""
    size, *halved, (height, width) = sides(config, image_shape)
    *fewer, depth = config.filters
    code = keras.Input((config.latent_dim,), name="code")
    x = layers.Dense(config.hidden_units, activation="relu")(code)
    x = layers.Dense(height * width * depth, activation="relu")(x)
    x = layers.Reshape((height, width, depth))(x)
    for depth, larger in zip(reversed(fewer), reversed(halved), strict=True):
        x = doubled(x, depth, larger, activation="relu")
    logits = doubled(x, image_shape[-1], size)  # (batch, height, width, channels)
    return keras.Model(code, logits, name="decoder")


@keras.saving.register_keras_serializable("maquette")
class VariationalAutoencoder(keras.Model):
    """Encoder and decoder with one loss; called on images, it returns them reconstructed.

    Args:
        encoder: Maps pixels in 0..1 to mean and log-variance, each `(batch, latent_dim)`.
        decoder: Maps codes to logits of pixels.
        likelihood: Tells how probable pixels are under the logits.

    Input shape: `(batch, height, width, channels)`, pixels 0..255.
    Output shape: the same, in 0..1: the expected image of the code's mean.
    """

    def __init__(
        self, encoder: keras.Model, decoder: keras.Model, likelihood: keras.Layer, **kwargs
    ):
        super().__init__(**kwargs)
        self.encoder, self.decoder, self.likelihood = encoder, decoder, likelihood
        self.kl_weight = self.add_weight(
            shape=(), initializer="ones", trainable=False, name="kl_weight"
        )
        self.seed = keras.random.SeedGenerator()
        names = ("negative_elbo", "reconstruction", "kl")
        self.trackers = [keras.metrics.Mean(name=name) for name in names]

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """Shape of the images that the model takes."""
        return self.encoder.input_shape

    def call(self, images, training=None):
        pixels = ops.cast(images, "float32") / 255
        mean, _ = self.encoder(pixels, training=training)
        return self.likelihood(self.decoder(mean, training=training))

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """Return the negative ELBO, its KL term weighted; in validation with the same noise."""
        seed = self.seed if training else VALIDATION_SEED
        pixels = self.likelihood.draw(x, keras.random.uniform(ops.shape(x), seed=seed))
        mean, log_variance = self.encoder(pixels, training=training)  # each (batch, latent_dim)
        noise = keras.random.normal(ops.shape(mean), seed=seed)
        code = mean + ops.exp(log_variance / 2) * noise
        logits = ops.cast(self.decoder(code, training=training), "float32")  # shape of the images
        reconstruction = -self.likelihood.log_likelihood(pixels, logits)  # (batch,)
        kl = gaussian_kl(mean, log_variance)  # (batch,)
        values = (reconstruction + kl, reconstruction, kl)
        for tracker, value in zip(self.trackers, values, strict=True):
            tracker.update_state(value)
        return ops.mean(reconstruction + self.kl_weight * kl)

    def get_config(self):
        parts = {part: keras.saving.serialize_keras_object(getattr(self, part)) for part in PARTS}
        return {**super().get_config(), **parts}

    @classmethod
    def from_config(cls, config):
        parts = {part: keras.saving.deserialize_keras_object(config[part]) for part in PARTS}
        return cls(**{**config, **parts})


def build(config: Config, data: Any) -> keras.Model:
    """Return the compiled autoencoder.

    Input shape: `(batch, height, width, channels)`, pixels 0..255.
    Output shape: the same, in 0..1.
    """
    height, width, channels = data.native_shape
    shape = (config.image_size or height or 64, config.image_size or width or 64, channels)
    likelihood = BernoulliPixels() if config.likelihood == "bernoulli" else GaussianPixels()
    encoder, decoder = encoder_of(config, shape), decoder_of(config, shape)
    model = VariationalAutoencoder(encoder, decoder, likelihood, name="vae")
    model(keras.Input(shape))
    model.kl_weight.assign(config.beta)
    model.compile(optimizer=keras.optimizers.Adam(config.learning_rate))
    return model


def stages(model: keras.Model, config: Config, data: Any) -> Iterator[Stage]:
    """Yield one stage, in which the weight of the KL term rises and the learning rate falls."""
    callbacks = [KLWarmup(config.warmup_epochs, config.beta), CosineSchedule()]
    yield Stage("train", model, config.epochs, config.batch_size, callbacks=callbacks)


def search_space(hp: Any) -> dict[str, Any]:
    """Return options drawn for one trial."""
    return {
        "latent_dim": hp.Choice("latent_dim", [16, 24, 32, 48, 64]),
        "hidden_units": hp.Choice("hidden_units", [128, 256, 512]),
        "warmup_epochs": hp.Choice("warmup_epochs", [0.0, 2.0, 5.0, 10.0]),
        "learning_rate": hp.Float("learning_rate", 3e-4, 4e-3, sampling="log"),
    }


def endpoints(model: keras.Model) -> dict[str, keras.Model]:
    """Return `encode`, `decode`, `generate` and `reconstruct`; pixels come out in 0..1.

    The caller draws noise from the unit Gaussian; zeros give the mean of the codes.
    """
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
