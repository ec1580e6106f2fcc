"""Starter: what it is, in one line.

What it computes, with its equation, and what that is good for.

Data: `mnist`, 5,000 real handwritten digits of 28x28 pixels; three digits are never trained on.

    maquette train starter
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Any

import keras
import numpy as np
from matplotlib.figure import Figure
from pydantic import Field, PositiveFloat, PositiveInt

from maquette.callbacks.cosine_schedule import CosineSchedule
from maquette.contract import ForEvaluation, Stage, TemplateConfig
from maquette.metric_learning import Calibration, SameClass, TripletLoss
from maquette.orders import ClassBalanced
from maquette.pipeline import Examples
from maquette.reporting import plots
from maquette.tasks.image_similarity import ImageSimilarity


class Config(TemplateConfig):
    """Options of the template."""

    filters: PositiveInt = 32
    """Filters of the first block; the second has twice as many."""
    embedding_dim: PositiveInt = 32
    """Numbers in an embedding, whose length is 1."""
    margin: PositiveFloat = 0.2
    """How much nearer an example must be to its own class than to any other."""
    image_size: Annotated[int, Field(ge=8, le=1024)] | None = None
    """Height and width that images are resized to, in pixels; by default their own, or 64."""
    classes_per_batch: Annotated[int, Field(ge=2)] = 16
    """Different classes in a batch; at most all of training."""
    examples_per_class: Annotated[int, Field(ge=2)] = 4
    """Images of each class in a batch."""
    epochs: PositiveInt = 10
    """Passes over the training data."""
    learning_rate: PositiveFloat = 1e-3
    """Step size of the optimizer at the start; it falls to zero along a cosine."""
    ways: Annotated[int, Field(ge=2), ForEvaluation] = 20
    """Classes among which a one-shot test chooses; all, where there are fewer."""
    trials: Annotated[PositiveInt, ForEvaluation] = 1000
    """One-shot tests when a run is judged; each asks for one image of each of its classes."""


TINY = Config(filters=8, embedding_dim=16, epochs=12, trials=50)

TASK = ImageSimilarity(data="mnist")


def block(x: keras.KerasTensor, filters: int) -> keras.KerasTensor:
    """Return a convolution of 3x3, then half the resolution."""
    x = keras.layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
    x = keras.layers.BatchNormalization(momentum=0.9)(x)
    x = keras.layers.Activation("relu")(x)
    return keras.layers.MaxPooling2D(padding="same")(x)  # (batch, height / 2, width / 2, filters)


def network(config: Config, shape: tuple[int, int, int]) -> keras.Model:
    """Return the network from images in 0..255 to embeddings of length 1."""
    image = keras.Input(shape)
    x = keras.layers.Rescaling(1 / 255)(image)
    x = block(x, config.filters)
    x = block(x, 2 * config.filters)
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
    image = keras.Input(shape, dtype="uint8", name="image")
    x = network(config, shape)(image)  # (batch, embedding_dim)
    model = keras.Model(image, Calibration(name="calibration")(x), name="starter")
    model.compile(
        optimizer=keras.optimizers.Adam(config.learning_rate),
        loss=TripletLoss(config.margin, "batch_all"),
    )
    return model


def stages(model: keras.Model, config: Config, data: Any) -> Iterator[Stage]:
    """Yield the training, on batches of several images of each of a few classes."""

    def by_class(examples: Examples) -> Examples:
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
        "embedding_dim": hp.Choice("embedding_dim", [16, 32, 64]),
        "margin": hp.Choice("margin", [0.1, 0.2, 0.4]),
        "learning_rate": hp.Float("learning_rate", 3e-4, 3e-3, sampling="log"),
    }


def endpoints(model: keras.Model) -> dict[str, keras.Model]:
    """Return `embed`, an image to its embedding, and `compare`, two images to a verdict."""
    embed = model.get_layer("network")
    image, image_a, image_b = (
        keras.Input(model.input_shape[1:], dtype="uint8", name=name)
        for name in ("image", "image_a", "image_b")
    )
    judge = SameClass(model.get_layer("calibration"), name="verdict")
    verdict = judge(embed(image_a), embed(image_b))
    return {
        "embed": keras.Model({"image": image}, {"embedding": embed(image)}),
        "compare": keras.Model({"image_a": image_a, "image_b": image_b}, verdict),
    }


def figures(model: keras.Model, data: Any) -> dict[str, Figure]:
    """Return training images of a few classes, a row each."""
    split = data.splits["train"]
    rows = [np.flatnonzero(split.labels == label)[:8] for label in np.unique(split.labels)[:5]]
    images = np.stack([split.read(int(i), model.input_shape[1:]) for row in rows for i in row])
    return {"classes": plots.image_grid(images, heading="Training images, a class in each row")}
