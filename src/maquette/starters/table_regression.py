"""Starter: what it is, in one line.

What it computes, with its equation, and what that is good for.

Data: `diabetes`, 442 patients of 10 numbers each; your own: a table with a column to predict.

    maquette train starter
    maquette train starter --data cars.csv --target price
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import keras
import numpy as np
from matplotlib.figure import Figure
from pydantic import Field, PositiveFloat, PositiveInt

from maquette.contract import TemplateConfig
from maquette.reporting import plots
from maquette.tabular.encoding import column_inputs, columns_layer, raw_codes
from maquette.tasks.table_regression import TableRegression


class Config(TemplateConfig):
    """Options of the template."""

    hidden_units: PositiveInt = 128
    """Units of the hidden layer."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.3
    """Share of hidden units left out at each training step."""
    columns: tuple[str, ...] = ()
    """Kinds of columns where the values do not tell, as in zip=category id=ignore; there are
    number, category, boolean, date, text and ignore."""
    task: Literal["regression"] = "regression"
    """What is predicted: a number."""
    epochs: PositiveInt = 40
    """Passes over the training data."""
    batch_size: PositiveInt = 32
    """Examples per training step."""
    learning_rate: PositiveFloat = 2e-3
    """Step size of the optimizer at the start; it falls to zero along a cosine."""


TINY = Config(hidden_units=16, dropout=0, epochs=2, learning_rate=1e-2)

TASK = TableRegression(data="diabetes")


def build(config: Config, data: Any) -> keras.Model:
    """Return the compiled network.

    Input shape: `(batch, codes)`, the columns of a row as `columns_layer` takes them.
    Output shape: `(batch, 1)`, the number, standardised.
    """
    codes, x = columns_layer(data)  # (batch, features)
    x = keras.layers.Dense(config.hidden_units, activation="relu", name="hidden")(x)
    x = keras.layers.Dropout(config.dropout)(x)  # (batch, hidden_units)
    outputs = keras.layers.Dense(1, name="outputs")(x)  # (batch, 1)
    model = keras.Model(codes, outputs, name="starter")
    model.compile(
        optimizer=keras.optimizers.Adam(config.learning_rate),
        loss="mse",
        metrics=["mae"],
    )
    return model


def search_space(hp: Any) -> dict[str, Any]:
    """Return options drawn for one trial."""
    return {
        "hidden_units": hp.Choice("hidden_units", [64, 128, 256]),
        "dropout": hp.Choice("dropout", [0.0, 0.3, 0.6]),
        "learning_rate": hp.Float("learning_rate", 3e-4, 1e-2, sampling="log"),
    }


def endpoints(model: keras.Model) -> dict[str, keras.Model]:
    """Return `predict`: the columns of a row to the number, in its own unit."""
    encoder = model.get_layer("columns")
    inputs = column_inputs(encoder.columns)
    outputs = model(raw_codes(encoder.columns, inputs))
    target = encoder.target
    value = keras.layers.Rescaling(target.spread, target.mean, name="value")(outputs)  # (batch, 1)
    return {"predict": keras.Model(inputs, {"value": value})}


def figures(model: keras.Model, data: Any) -> dict[str, Figure]:
    """Return the weights of the hidden layer: a line for each unit, a pixel for each feature."""
    weights = np.abs(np.asarray(model.get_layer("hidden").kernel).T)[:32]  # (units, features)
    picture = (weights / max(weights.max(), 1e-9))[None, ..., None]
    return {"hidden_weights": plots.image_grid(picture, heading="Size of the hidden weights")}
