"""Multilayer perceptron: layers of weighted sums and a nonlinearity, the first deep network.

Each layer computes h = relu(W x + b) from all outputs of the one before; the last gives a score
per class, and the softmax of the scores is a probability. Trained by gradient descent on the
cross-entropy. It sees an image as a plain list of pixels: shifted by two pixels, the same digit is
a different input, which is what `cnn` mends.

Paper: Rumelhart, Hinton and Williams (1986), Learning representations by back-propagating errors.
Data: `digits`, scikit-learn's 1,797 handwritten digits of 8x8 pixels.
Expect: test accuracy 0.98 in 15 seconds.

    maquette train mlp
"""

from __future__ import annotations

from typing import Annotated, Any

import keras
import numpy as np
from matplotlib.figure import Figure
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from maquette.contract import TemplateConfig
from maquette.reporting import plots
from maquette.tasks.image_classification import ImageClassification


class Config(TemplateConfig):
    """Options of the multilayer perceptron."""

    hidden_units: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (512, 256)
    """Units of each hidden layer."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.4
    """Share of hidden units left out at each training step."""
    weight_decay: NonNegativeFloat = 1e-4
    """How strongly weights are pulled to zero (AdamW)."""
    image_size: Annotated[int, Field(ge=8, le=1024)] | None = None
    """Height and width that images are resized to, in pixels; by default their own, or 32."""
    epochs: PositiveInt = 80
    """Passes over the training data."""
    batch_size: PositiveInt = 32
    """Examples per training step."""
    learning_rate: PositiveFloat = 1e-3
    """Step size of the optimizer at the start; it falls to zero along a cosine."""
    patience: PositiveInt = 40
    """Epochs without a better validation accuracy after which training ends."""
    class_weights: bool = False
    """Weigh rare classes more, so that each class counts the same in the loss."""


TINY = Config(hidden_units=(16,), dropout=0.0, epochs=2, learning_rate=1e-2)

TASK = ImageClassification(data="digits")


def hidden_layer(x: keras.KerasTensor, units: int, dropout: float) -> keras.KerasTensor:
    """Return relu(batch_norm(W x)), some of it dropped while training."""
    x = keras.layers.Dense(units, use_bias=False)(x)  # (batch, units)
    x = keras.layers.BatchNormalization(momentum=0.9)(x)
    x = keras.layers.Activation("relu")(x)
    return keras.layers.Dropout(dropout)(x)


def build(config: Config, data: Any) -> keras.Model:
    """Return the compiled network.

    Input shape: `(batch, height, width, channels)`, pixels 0..255.
    Output shape: `(batch, classes)`, logits.
    """
    height, width, channels = data.native_shape
    size = (config.image_size or height or 32, config.image_size or width or 32)
    image = keras.Input((*size, channels), dtype="uint8", name="image")
    x = keras.layers.Rescaling(1 / 255)(image)
    x = keras.layers.Flatten()(x)  # (batch, height * width * channels)
    for units in config.hidden_units:
        x = hidden_layer(x, units, config.dropout)
    logits = keras.layers.Dense(len(data.classes), name="logits")(x)  # (batch, classes)
    model = keras.Model(image, logits, name="mlp")
    model.compile(
        optimizer=keras.optimizers.AdamW(config.learning_rate, weight_decay=config.weight_decay),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


def search_space(hp: Any) -> dict[str, Any]:
    """Return options drawn for one trial."""
    layers, units = hp.Int("layers", 1, 3), hp.Choice("units", [64, 128, 256, 512])
    return {
        "hidden_units": (units,) * layers,
        "dropout": hp.Choice("dropout", [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]),
        "learning_rate": hp.Float("learning_rate", 1e-4, 1e-2, sampling="log"),
        "weight_decay": hp.Float("weight_decay", 1e-5, 1e-2, sampling="log"),
    }


def endpoints(model: keras.Model) -> dict[str, keras.Model]:
    """Return `classify`: an image to the probability of each class."""
    probabilities = keras.layers.Softmax(name="probabilities")(model.output)
    return {"classify": keras.Model({"image": model.input}, {"probabilities": probabilities})}


def figures(model: keras.Model, data: Any) -> dict[str, Figure]:
    """Return what the first layer looks for: the weights of its units, drawn as images."""
    kernel = next(layer for layer in model.layers if isinstance(layer, keras.layers.Dense)).kernel
    weights = np.asarray(kernel).T[:32]  # (units, pixels)
    low, high = weights.min(1, keepdims=True), weights.max(1, keepdims=True)
    pictures = (weights - low) / np.maximum(high - low, 1e-9)
    pictures = pictures.reshape(-1, *model.input_shape[1:])
    return {"first_layer": plots.image_grid(pictures, heading="Weights of the first units")}
