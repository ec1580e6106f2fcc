"""Siamese network: one network for both images learns a distance that also tells new classes apart.

The network f maps an image to a point, and the distance |f(a) - f(b)| says how much two images
differ. It learns from batches of a few classes with several images each, by triplets of an anchor
a, a positive p of its class and a negative n of another,

    max(0, |f(a) - f(p)| - |f(a) - f(n)| + margin)

or by pairs, which the contrastive loss draws together or pushes apart. No class has a weight of its
own, so a class never seen in training is known from a single image: one-shot classification takes
the class of the nearest. After the training a threshold on the distance, found on validation
classes, turns it into the probability that two images show the same class.

Paper: Hadsell, Chopra and LeCun (2006), Dimensionality reduction by learning an invariant mapping;
triplets are those of Schroff et al. (2015) and Hermans et al. (2017), the one-shot test that of
Lake, Salakhutdinov and Tenenbaum (2015).
Data: `mnist`, 5,000 real handwritten digits of 28x28 pixels; meant for folders of many classes.
Expect: among three unseen digits one-shot accuracy 0.67 in 1.5 minutes. Among 20 letters of an
unseen alphabet, after four others of Omniglot (`--drawing-size 28 --rotations-as-classes`), in 2
minutes of one core: Greek 0.95, Latin 0.89, Korean 0.88, Early Aramaic 0.85, Balinese, whose
letters are alike, 0.54; together 0.82, and with `--loss contrastive` 0.83.

    maquette train siamese
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Any, Literal

import keras
import numpy as np
from matplotlib.figure import Figure
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from maquette.callbacks.cosine_schedule import CosineSchedule
from maquette.contract import ForEvaluation, Stage, TemplateConfig
from maquette.errors import UserError
from maquette.images.rotations import with_rotations_as_classes
from maquette.metric_learning import Calibration, ContrastiveLoss, SameClass, TripletLoss
from maquette.moment_normalization import MomentNormalization
from maquette.orders import ClassBalanced
from maquette.pipeline import Examples
from maquette.random_affine import RandomAffine
from maquette.reporting import plots
from maquette.tasks.image_similarity import ImageSimilarity


class Config(TemplateConfig):
    """Options of the Siamese network."""

    loss: Literal["triplet", "contrastive"] = "triplet"
    """What it learns from: triplet (anchor, positive, negative), or contrastive (pairs)."""
    mining: Literal["batch_all", "batch_hard", "semi_hard"] = "semi_hard"
    """Which triplets of a batch count; the contrastive loss takes all pairs."""
    margin: PositiveFloat | None = None
    """How much farther another class must be; by default 0.2 for triplets, 1 for pairs."""
    positive_margin: NonNegativeFloat | None = None
    """How far apart pairs of one class may stay, below the margin; by default half of that."""
    filters: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (32, 64, 64, 64)
    """Filters of each block; each block halves the resolution."""
    embedding_dim: PositiveInt = 64
    """Numbers in an embedding, whose length is 1."""
    drawing_size: Annotated[int, Field(ge=8, le=1024)] | None = None
    """Centre and scale drawings by their ink, to this height and width; good for characters."""
    rotations_as_classes: bool = False
    """Take images turned by 90, 180 and 270 degrees for further classes; good for characters."""
    rotation: Annotated[float, Field(ge=0, le=0.5)] = 0.03
    """Random rotation while training, at most this share of a full turn."""
    shear: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Random shear while training, at most this share of the height."""
    zoom: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Random change of height and width while training, at most this share."""
    shift: Annotated[float, Field(ge=0, lt=0.5)] = 0.1
    """Random shift while training, at most this share of the height and width."""
    image_size: Annotated[int, Field(ge=8, le=1024)] | None = None
    """Height and width that images are resized to, in pixels; by default their own, or 64."""
    classes_per_batch: Annotated[int, Field(ge=2)] = 32
    """Different classes in a batch; at most all of training."""
    examples_per_class: Annotated[int, Field(ge=2)] = 4
    """Images of each class in a batch."""
    epochs: PositiveInt = 30
    """Passes over the training data."""
    learning_rate: PositiveFloat = 1e-3
    """Step size of the optimizer at the start; it falls to zero along a cosine."""
    weight_decay: NonNegativeFloat = 1e-4
    """How strongly weights are pulled to zero (AdamW)."""
    ways: Annotated[int, Field(ge=2), ForEvaluation] = 20
    """Classes among which a one-shot test chooses; all, where there are fewer."""
    trials: Annotated[PositiveInt, ForEvaluation] = 1000
    """One-shot tests when a run is judged; each asks for one image of each of its classes."""


TINY = Config(
    filters=(8, 16), embedding_dim=16, mining="batch_all", rotation=0, shear=0, zoom=0, shift=0,
    epochs=12, trials=50,
)  # fmt: skip

TASK = ImageSimilarity(data="mnist")


def preprocessing(config: Config) -> keras.Sequential:
    """Return the layers from images in 0..255 to what the network sees, in 0..1."""
    layers = [keras.layers.Rescaling(1 / 255)]
    if config.drawing_size:
        layers.append(MomentNormalization(config.drawing_size))
    return keras.Sequential(layers, name="preprocessing")


def block(x: keras.KerasTensor, filters: int) -> keras.KerasTensor:
    """Return a convolution of 3x3, then half the resolution."""
    x = keras.layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
    x = keras.layers.BatchNormalization(momentum=0.9)(x)
    x = keras.layers.Activation("relu")(x)
    return keras.layers.MaxPooling2D(padding="same")(x)  # (batch, height / 2, width / 2, filters)


def network(config: Config, shape: tuple[int, int, int]) -> keras.Model:
    """Return the network from images in 0..1 to embeddings of length 1."""
    image = keras.Input(shape)
    x = image
    for filters in config.filters:
        x = block(x, filters)
    x = keras.layers.Flatten()(x)  # (batch, height * width * filters)
    x = keras.layers.Dense(config.embedding_dim)(x)  # (batch, embedding_dim)
    return keras.Model(image, keras.layers.UnitNormalization()(x), name="network")


def build(config: Config, data: Any) -> keras.Model:
    """Return the compiled network.

    Input shape: `(batch, height, width, channels)`, pixels 0..255.
    Output shape: `(batch, embedding_dim)`, embeddings.
    """
    height, width, channels = data.native_shape
    shape = (config.image_size or height or 64, config.image_size or width or 64, channels)
    if config.rotations_as_classes and shape[0] != shape[1]:
        raise UserError(
            f"--rotations-as-classes takes square images, these are {shape[0]}x{shape[1]}; "
            f"give --image-size {min(shape[:2])}"
        )
    image = keras.Input(shape, dtype="uint8", name="image")
    x = preprocessing(config)(image)
    changes = (config.rotation, config.shear, config.zoom, config.shift)
    x = RandomAffine(*changes, name="augmentation")(x)
    x = network(config, x.shape[1:])(x)  # (batch, embedding_dim)
    model = keras.Model(image, Calibration(name="calibration")(x), name="siamese")
    model.compile(
        optimizer=keras.optimizers.AdamW(config.learning_rate, weight_decay=config.weight_decay),
        loss=loss_of(config),
    )
    return model


def loss_of(config: Config) -> keras.losses.Loss:
    """Return the loss that the options ask for."""
    if config.loss == "triplet":
        return TripletLoss(config.margin or 0.2, config.mining)
    margin, near = config.margin or 1.0, config.positive_margin
    near = margin / 2 if near is None else near
    if near >= margin:
        raise UserError(f"--positive-margin {near:g} is not below --margin {margin:g}; lower it")
    return ContrastiveLoss(margin, near)


def stages(model: keras.Model, config: Config, data: Any) -> Iterator[Stage]:
    """Yield the training, on batches of several images of each of a few classes."""

    def by_class(examples: Examples) -> Examples:
        if config.rotations_as_classes:
            examples = with_rotations_as_classes(examples, len(data.classes))
        order = ClassBalanced(examples.y, config.classes_per_batch, config.examples_per_class)
        return replace(examples, order=order)

    yield Stage(
        name="train",
        model=model,
        epochs=config.epochs,
        batch_size=config.classes_per_batch * config.examples_per_class,
        examples=by_class,
        callbacks=[CosineSchedule()],
    )


def search_space(hp: Any) -> dict[str, Any]:
    """Return options drawn for one trial."""
    return {
        "loss": hp.Choice("loss", ["triplet", "contrastive"]),
        "mining": hp.Choice("mining", ["batch_all", "batch_hard", "semi_hard"]),
        "embedding_dim": hp.Choice("embedding_dim", [32, 64, 128]),
        "learning_rate": hp.Float("learning_rate", 3e-4, 3e-3, sampling="log"),
        "shear": hp.Choice("shear", [0.0, 0.1, 0.2, 0.3, 0.4]),
        "zoom": hp.Choice("zoom", [0.0, 0.1, 0.2, 0.3, 0.4]),
    }


def embed(model: keras.Model, image: keras.KerasTensor) -> keras.KerasTensor:
    """Return the embeddings of images, without the augmentation."""
    x = model.get_layer("preprocessing")(image)
    return model.get_layer("network")(x)  # (batch, embedding_dim)


def endpoints(model: keras.Model) -> dict[str, keras.Model]:
    """Return `embed`, an image to its embedding, and `compare`, two images to a verdict."""
    image, image_a, image_b = (
        keras.Input(model.input_shape[1:], dtype="uint8", name=name)
        for name in ("image", "image_a", "image_b")
    )
    judge = SameClass(model.get_layer("calibration"), name="verdict")
    verdict = judge(embed(model, image_a), embed(model, image_b))
    return {
        "embed": keras.Model({"image": image}, {"embedding": embed(model, image)}),
        "compare": keras.Model({"image_a": image_a, "image_b": image_b}, verdict),
    }


def figures(model: keras.Model, data: Any) -> dict[str, Figure]:
    """Return training images of a few classes, a row each, as the network sees them."""
    split = data.splits["train"]
    rows = [np.flatnonzero(split.labels == label)[:8] for label in np.unique(split.labels)[:5]]
    images = np.stack([split.read(int(i), model.input_shape[1:]) for row in rows for i in row])
    x = model.get_layer("preprocessing")(images)
    augmented = np.asarray(model.get_layer("augmentation")(x, training=True))
    pixels = np.clip(255 * augmented, 0, 255).astype("uint8")
    return {"augmented": plots.image_grid(pixels, heading="Training images after augmentation")}
