"""Multilayer perceptron: layers of weighted sums and a nonlinearity, for images and for tables.

Each layer computes h = relu(W x + b) from all outputs of the one before; the last gives a score
per class, and the softmax of the scores is a probability, or it gives a number. Trained by gradient
descent on the cross-entropy, or on the squared error. It sees an image as a plain list of pixels:
shifted by two pixels, the same digit is a different input, which is what `cnn` mends. Of a table it
takes the columns as they are: numbers go into bins of about as many rows each, categories and words
become learned vectors, dates weekday, hour and season, and what is missing is an answer as well.

Paper: Rumelhart, Hinton and Williams (1986), Learning representations by back-propagating errors.
Data: `digits`, scikit-learn's 1,797 handwritten digits of 8x8 pixels; `wine`, `breast_cancer`,
`diabetes` and `flats`; your own: a folder of images, or a table with a column to predict.
Expect: test accuracy 0.98 in 15 seconds.

    maquette train mlp
    maquette train mlp --data cars.csv --target price
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import keras
import numpy as np
from matplotlib.figure import Figure
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from maquette.contract import TemplateConfig
from maquette.reporting import plots
from maquette.tabular.encoding import column_inputs, columns_layer, raw_codes
from maquette.tasks.image_classification import ImageClassification
from maquette.tasks.table_classification import TableClassification
from maquette.tasks.table_regression import TableRegression


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
    columns: tuple[str, ...] = ()
    """Kinds of columns of a table where the values do not tell, as in zip=category id=ignore; there
    are number, category, boolean, date, text and ignore."""
    task: Literal["classification", "regression"] | None = None
    """Whether a table's target is a class or a number; by default as its values tell."""
    epochs: PositiveInt = 80
    """Passes over the training data."""
    batch_size: PositiveInt = 32
    """Examples per training step."""
    learning_rate: PositiveFloat = 1e-3
    """Step size of the optimizer at the start; it falls to zero along a cosine."""
    patience: PositiveInt = 40
    """Epochs without a better validation accuracy, of tables a better loss, after which it ends."""
    class_weights: bool = False
    """Weigh rare classes more, so that each class counts the same in the loss."""


TINY = Config(hidden_units=(16,), dropout=0.0, epochs=2, learning_rate=1e-2)

TASK = ImageClassification(data="digits", unused=("columns", "task"))
TASKS = (
    TASK,
    TableClassification(data="breast_cancer", unused=("image_size",)),
    TableRegression(data="diabetes", unused=("image_size", "class_weights")),
)


def hidden_layer(x: keras.KerasTensor, units: int, dropout: float) -> keras.KerasTensor:
    """Return relu(batch_norm(W x)), some of it dropped while training."""
    x = keras.layers.Dense(units, use_bias=False)(x)  # (batch, units)
    x = keras.layers.BatchNormalization(momentum=0.9)(x)
    x = keras.layers.Activation("relu")(x)
    return keras.layers.Dropout(dropout)(x)


def pixels(config: Config, data: Any) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Return the input of images, 0..255, and their pixels in a row, 0..1."""
    height, width, channels = data.native_shape
    size = (config.image_size or height or 32, config.image_size or width or 32)
    image = keras.Input((*size, channels), dtype="uint8", name="image")
    x = keras.layers.Rescaling(1 / 255)(image)
    return image, keras.layers.Flatten()(x)  # (batch, height * width * channels)


def build(config: Config, data: Any) -> keras.Model:
    """Return the compiled network.

    Input shape: `(batch, height, width, channels)`, pixels 0..255; of tables `(batch, codes)`.
    Output shape: `(batch, classes)`, logits; of a number `(batch, 1)`, standardised.
    """
    is_table = hasattr(data, "columns")
    inputs, x = columns_layer(data) if is_table else pixels(config, data)
    for units in config.hidden_units:
        x = hidden_layer(x, units, config.dropout)
    outputs = keras.layers.Dense(len(data.classes) or 1, name="outputs")(x)  # (batch, outputs)
    model = keras.Model(inputs, outputs, name="mlp")
    losses = keras.losses
    loss = losses.SparseCategoricalCrossentropy(from_logits=True) if data.classes else "mse"
    model.compile(
        optimizer=keras.optimizers.AdamW(config.learning_rate, weight_decay=config.weight_decay),
        loss=loss,
        metrics=["accuracy"] if data.classes else ["mae"],
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
    """Return `classify`: an image, or the columns of a row, to the probability of each class.

    Where a number is predicted it is `predict`: the columns of a row to its `value`.
    """
    if "columns" not in [layer.name for layer in model.layers]:
        inputs, outputs = {"image": model.input}, model.output
        target = None
    else:
        encoder = model.get_layer("columns")
        inputs, target = column_inputs(encoder.columns), encoder.target
        outputs = model(raw_codes(encoder.columns, inputs))
    if target is not None and target.is_number:
        value = keras.layers.Rescaling(target.spread, target.mean, name="value")(outputs)
        return {"predict": keras.Model(inputs, {"value": value})}
    probabilities = keras.layers.Softmax(name="probabilities")(outputs)
    return {"classify": keras.Model(inputs, {"probabilities": probabilities})}


def figures(model: keras.Model, data: Any) -> dict[str, Figure]:
    """Return what the first layer looks for in images: the weights of its units, as images."""
    if len(model.input_shape) != 4:
        return {}  # Of a table, `figures/columns.png` tells what is looked at.
    kernel = next(layer for layer in model.layers if isinstance(layer, keras.layers.Dense)).kernel
    weights = np.asarray(kernel).T[:32]  # (units, pixels)
    low, high = weights.min(1, keepdims=True), weights.max(1, keepdims=True)
    pictures = (weights - low) / np.maximum(high - low, 1e-9)
    pictures = pictures.reshape(-1, *model.input_shape[1:])
    return {"first_layer": plots.image_grid(pictures, heading="Weights of the first units")}
