"""Starter: what it is, in one line.

What it computes, with its equation, and what that is good for.

Data: `mnist`, 5,000 real handwritten digits of 28x28 pixels.

    maquette train starter
"""

from __future__ import annotations

from typing import Annotated, Any

import keras
import numpy as np
from matplotlib.figure import Figure
from pydantic import Field, PositiveFloat, PositiveInt

from maquette.contract import TemplateConfig
from maquette.reporting import plots
from maquette.tasks.image_classification import ImageClassification


class Config(TemplateConfig):
    """Options of the template."""

    filters: PositiveInt = 32
    """Filters of the first block; the second has twice as many."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Share of features left out before the classifier at each training step."""
    image_size: Annotated[int, Field(ge=8, le=1024)] | None = None
    """Height and width that images are resized to, in pixels; by default their own, or 64."""
    epochs: PositiveInt = 10
    """Passes over the training data."""
    batch_size: PositiveInt = 32
    """Examples per training step."""
    learning_rate: PositiveFloat = 2e-3
    """Step size of the optimizer at the start; it falls to zero along a cosine."""


TINY = Config(filters=8, dropout=0, epochs=3, learning_rate=1e-2)

TASK = ImageClassification(data="mnist")


def block(x: keras.KerasTensor, filters: int) -> keras.KerasTensor:
    """Return a convolution of 3x3, then half the resolution."""
    x = keras.layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
    x = keras.layers.BatchNormalization(momentum=0.9)(x)
    x = keras.layers.Activation("relu")(x)
    return keras.layers.MaxPooling2D(padding="same")(x)  # (batch, height / 2, width / 2, filters)


def build(config: Config, data: Any) -> keras.Model:
    """Return the compiled network.

    Input shape: `(batch, height, width, channels)`, pixels 0..255.
    Output shape: `(batch, classes)`, logits.
    """
    height, width, channels = data.native_shape
    size = (config.image_size or height or 64, config.image_size or width or 64)
    image = keras.Input((*size, channels), dtype="uint8", name="image")
    x = keras.layers.Rescaling(1 / 255)(image)
    x = block(x, config.filters)
    x = block(x, 2 * config.filters)
    x = keras.layers.GlobalAveragePooling2D()(x)  # (batch, 2 * filters)
    x = keras.layers.Dropout(config.dropout)(x)
    logits = keras.layers.Dense(len(data.classes), name="logits")(x)  # (batch, classes)
    model = keras.Model(image, logits, name="starter")
    model.compile(
        optimizer=keras.optimizers.Adam(config.learning_rate),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


def search_space(hp: Any) -> dict[str, Any]:
    """Return options drawn for one trial."""
    return {
        "filters": hp.Choice("filters", [16, 32, 64]),
        "dropout": hp.Choice("dropout", [0.0, 0.2, 0.4]),
        "learning_rate": hp.Float("learning_rate", 3e-4, 1e-2, sampling="log"),
    }


def endpoints(model: keras.Model) -> dict[str, keras.Model]:
    """Return `classify`: an image to the probability of each class."""
    probabilities = keras.layers.Softmax(name="probabilities")(model.output)  # (batch, classes)
    return {"classify": keras.Model({"image": model.input}, {"probabilities": probabilities})}


def figures(model: keras.Model, data: Any) -> dict[str, Figure]:
    """Return the filters of the first block."""
    first = next(layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D))
    filters = np.moveaxis(np.asarray(first.kernel).mean(2), -1, 0)[..., None]
    filters = (filters - filters.min()) / max(np.ptp(filters), 1e-9)  # (filters, 3, 3, 1)
    return {"filters": plots.image_grid(filters[:32], heading="Filters of the first block")}
