"""Deep convolutional GAN: a generator learns to draw by deceiving a discriminator that learns too.

The discriminator D gives a logit to each image, the generator G turns noise z into an image, and
each takes a step down its own loss,

    L_D = -log s(D(x)) - log(1 - s(D(G(z))))        L_G = -log s(D(G(z)))

with s the sigmoid. One `fit` trains both: G's images are detached in L_D and D's weights in L_G,
so that L_D + L_G has the gradients of the two losses, each for its own network. Strided
convolutions, batch normalization, ReLU in G and leaky ReLU in D keep the two in balance. The steps
are larger than the paper's, and the weights that stay are a moving average of those on the way.

Paper: Radford, Metz and Chintala (2016), Unsupervised representation learning with deep
convolutional generative adversarial networks; the losses are those of Goodfellow et al. (2014).
Data: `mnist`, 5,000 real handwritten digits of 28x28 pixels.
Expect: in 3 minutes all ten digits, each 7 % or more of the samples; Fréchet distance 0.55 in the
features of the judge, where training images are at 0.05. On all of MNIST, 4 epochs: 8 %, 1.7.

    maquette train dcgan
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import keras
from keras import layers, ops
from matplotlib.figure import Figure
from pydantic import Field, PositiveFloat, PositiveInt

from maquette.callbacks.collapse_alarm import CollapseAlarm
from maquette.callbacks.sample_film import SampleFilm
from maquette.contract import ForEvaluation, Stage, TemplateConfig
from maquette.generation.nearest import nearest_images
from maquette.reporting import plots
from maquette.tasks.image_generation import ImageGeneration, draw

PARTS = ("generator", "discriminator")
FILM_SAMPLES, ALARM_IMAGES = 36, 1024


class Config(TemplateConfig):
    """Options of the deep convolutional GAN."""

    latent_dim: PositiveInt = 100
    """Numbers that the generator makes an image of, each drawn evenly from -1..1."""
    filters: PositiveInt = 32
    """Filters of the layers next to the image; each further layer has twice as many."""
    kernel_size: PositiveInt = 4
    """Height and width of the filters; a multiple of the stride 2 leaves no chequered pattern."""
    image_size: Annotated[int, Field(ge=8, le=128)] | None = None
    """Height and width of the images, in pixels; by default their own, or at most 64."""
    epochs: PositiveInt = 50
    """Passes over the training data."""
    batch_size: PositiveInt = 64
    """Real images per training step, and as many generated ones."""
    learning_rate: PositiveFloat = 1e-3
    """Step size of the optimizer, Adam with beta_1 0.5."""
    ema_momentum: Annotated[float, Field(ge=0, lt=1)] = 0.995
    """What the moving average of the weights, which is kept at the end, keeps at each step."""
    samples: Annotated[int, Field(ge=10), ForEvaluation] = 2000
    """Generated images that are judged after the training."""
    judge: Annotated[str | None, ForEvaluation] = None
    """Folder of a classifier's run that judges the images; by default a small one is trained."""
    judge_steps: PositiveInt = 400
    """Training steps of that small classifier, in whole epochs and at least two."""


TINY = Config(latent_dim=16, filters=16, epochs=10, samples=100, judge_steps=60)

TASK = ImageGeneration(data="mnist", sample="digits")


def sides(height: int, width: int) -> list[tuple[int, int]]:
    """Return the size of the image, and its halves, rounded up, as long as no side is below 4.

    28 gives 28, 14, 7 and 4; 64 gives 64, 32, 16, 8 and 4.
    """
    found = [(height, width)]
    while min(found[-1]) > 6:
        found.append(tuple(-(-side // 2) for side in found[-1]))
    return found


def initial() -> keras.Initializer:
    """Return the paper's initial weights."""
    return keras.initializers.RandomNormal(stddev=0.02)


def strided(kind: type[layers.Layer], filters: int, kernel_size: int, **options) -> layers.Layer:
    """Return a convolution of stride 2, which halves the size, or doubles it if transposed."""
    return kind(filters, kernel_size, 2, "same", kernel_initializer=initial(), **options)


def generator(config: Config, shape: tuple[int, int, int]) -> keras.Sequential:
    """Return the network from noise, `(batch, latent_dim)`, to images in -1..1."""
    *larger, (height, width) = sides(*shape[:2])
    depth = config.filters * 2 ** (len(larger) - 1)
    chain = [
        keras.Input((config.latent_dim,)),
        layers.Dense(height * width * depth, use_bias=False, kernel_initializer=initial()),
        layers.Reshape((height, width, depth)),
    ]
    for height, width in reversed(larger):  # to (batch, height, width, depth)
        depth //= 2
        last = {"filters": shape[-1], "activation": "tanh"}
        options = {"filters": depth, "use_bias": False} if depth >= config.filters else last
        chain += [layers.BatchNormalization(momentum=0.9), layers.ReLU()]
        chain.append(strided(layers.Conv2DTranspose, kernel_size=config.kernel_size, **options))
        if height % 2 or width % 2:  # half of an odd size was rounded up
            chain.append(layers.Cropping2D(((0, height % 2), (0, width % 2))))
    return keras.Sequential(chain, name="generator")


def discriminator(config: Config, shape: tuple[int, int, int]) -> keras.Sequential:
    """Return the network from images in -1..1 to logits, `(batch, 1)`, positive for real ones."""
    kind, depth = layers.Conv2D, config.filters
    chain = [keras.Input(shape), strided(kind, depth, config.kernel_size), layers.LeakyReLU(0.2)]
    for _ in sides(*shape[:2])[2:]:
        depth *= 2
        chain += [
            strided(kind, depth, config.kernel_size, use_bias=False),
            layers.BatchNormalization(momentum=0.9),
            layers.LeakyReLU(0.2),
        ]  # (batch, height / 2, width / 2, depth)
    chain += [layers.Flatten(), layers.Dense(1, kernel_initializer=initial())]
    return keras.Sequential(chain, name="discriminator")


@keras.saving.register_keras_serializable("maquette")
class DCGAN(keras.Model):
    """Generator G and discriminator D with one loss; called on images, it returns D's logits.

    Args:
        generator: Maps noise, `(batch, latent_dim)`, to images in -1..1.
        discriminator: Maps images in -1..1 to logits, `(batch, 1)`.

    Input shape: `(batch, height, width, channels)`, pixels 0..255.
    Output shape: `(batch, 1)`, logits, positive for what looks real.
    """

    def __init__(self, generator: keras.Model, discriminator: keras.Model, **kwargs):
        super().__init__(**kwargs)
        self.generator = generator
        self.discriminator = discriminator
        self.seed = keras.random.SeedGenerator()
        names = ("discriminator_loss", "generator_loss", "real_accuracy", "fake_accuracy")
        self.trackers = [keras.metrics.Mean(name=name) for name in names]

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """Shape of the images that the model takes."""
        return self.discriminator.input_shape

    def call(self, images, training=None):
        pixels = ops.cast(images, self.compute_dtype) / 127.5 - 1
        return self.discriminator(pixels, training=training)  # (batch, 1)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """Return L_D + L_G, each with a gradient for its own network alone."""
        shape = (ops.shape(x)[0], self.generator.input_shape[-1])
        noise = keras.random.uniform(shape, -1, 1, seed=self.seed)
        fakes = self.generator(noise, training=training)  # (batch, height, width, channels)
        on_fakes, to_deceive = self.logits_of_fakes(fakes, training)
        of_discriminator = ops.mean(ops.softplus(-y_pred)) + ops.mean(ops.softplus(on_fakes))
        of_generator = ops.mean(ops.softplus(-to_deceive))
        right = [ops.mean(ops.cast(is_right, "float32")) for is_right in (y_pred > 0, on_fakes < 0)]
        values = (of_discriminator, of_generator, *right)
        for tracker, value in zip(self.trackers, values, strict=True):
            tracker.update_state(value)
        return of_discriminator + of_generator

    def logits_of_fakes(self, fakes, training):
        """Return D's logits twice: with a gradient for D alone, and with one for G alone."""
        call = self.discriminator.stateless_call
        # One reading for both calls: TensorFlow may put off a second one behind the update.
        weights = [ops.copy(v) for v in self.discriminator.trainable_variables]
        detached = [ops.stop_gradient(value) for value in weights]
        averages = [v.value for v in self.discriminator.non_trainable_variables]
        on_fakes, moved = call(weights, averages, ops.stop_gradient(fakes), training=training)
        to_deceive, _ = call(detached, averages, fakes, training=training)
        for variable, value in zip(self.discriminator.non_trainable_variables, moved, strict=True):
            variable.assign(value)
        return on_fakes, to_deceive

    def get_config(self):
        parts = {k: keras.saving.serialize_keras_object(getattr(self, k)) for k in PARTS}
        return {**super().get_config(), **parts}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        parts = {k: keras.saving.deserialize_keras_object(config[k], custom_objects) for k in PARTS}
        return cls(**{**config, **parts})


def image_shape(config: Config, data: Any) -> tuple[int, int, int]:
    """Return `(height, width, channels)` of the images."""
    height, width, channels = data.native_shape
    sizes = (config.image_size or min(max(side or 64, 8), 64) for side in (height, width))
    return *sizes, channels


def build(config: Config, data: Any) -> keras.Model:
    """Return the compiled pair of networks.

    Input shape: `(batch, height, width, channels)`, pixels 0..255.
    Output shape: `(batch, 1)`, the discriminator's logits.
    """
    shape = image_shape(config, data)
    model = DCGAN(generator(config, shape), discriminator(config, shape), name="dcgan")
    model.build(model.input_shape)
    average = {"use_ema": config.ema_momentum > 0, "ema_momentum": config.ema_momentum}
    model.compile(keras.optimizers.Adam(config.learning_rate, beta_1=0.5, **average))
    return model


def stages(model: keras.Model, config: Config, data: Any) -> Iterator[Stage]:
    """Yield one stage that films the samples and watches their diversity."""
    generate = endpoints(model)["generate"]
    images = TASK.examples(model, data, "train").sample(ALARM_IMAGES).x
    film = SampleFilm(lambda: draw(generate, FILM_SAMPLES))
    alarm = CollapseAlarm(lambda: draw(generate, len(images) // 2), images)
    yield Stage("train", model, config.epochs, config.batch_size, callbacks=[film, alarm])


def search_space(hp: Any) -> dict[str, Any]:
    """Return options drawn for one trial."""
    return {
        "filters": hp.Choice("filters", [32, 48, 64, 96]),
        "latent_dim": hp.Choice("latent_dim", [32, 64, 100]),
        "learning_rate": hp.Float("learning_rate", 2e-4, 2e-3, sampling="log"),
    }


def endpoints(model: keras.Model) -> dict[str, keras.Model]:
    """Return `generate`: noise, each number in -1..1, to an image in 0..1."""
    noise = keras.Input(model.generator.input_shape[1:], name="noise")
    image = layers.Rescaling(0.5, 0.5, name="image")(model.generator(noise))
    return {"generate": keras.Model({"noise": noise}, {"image": image})}


def figures(model: keras.Model, data: Any) -> dict[str, Figure]:
    """Return samples, and the training images that are nearest to some of them."""
    samples = draw(endpoints(model)["generate"], 64)
    train = TASK.examples(model, data, "train")
    return {
        "samples": plots.image_grid(samples, heading="Generated images"),
        "nearest_images": nearest_images(samples[:8], train),
    }
