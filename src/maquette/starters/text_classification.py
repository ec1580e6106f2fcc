"""Starter: what it is, in one line.

What it computes, with its equation, and what that is good for.

Data: `bbc_news`, 2,225 articles of five classes.

    maquette train starter
"""

from __future__ import annotations

from typing import Annotated, Any

import keras
import numpy as np
from matplotlib.figure import Figure
from pydantic import Field, PositiveFloat, PositiveInt

from maquette.contract import TemplateConfig
from maquette.reporting.word_map import word_map
from maquette.tasks.text_classification import TextClassification
from maquette.text.vocabulary import RESERVED

MAPPED_WORDS = 200


class Config(TemplateConfig):
    """Options of the template."""

    embedding_dim: PositiveInt = 64
    """Numbers that stand for a word."""
    vocabulary_size: Annotated[int, Field(ge=3)] = 20_000
    """Words known by number, the most frequent of the training texts; all others are unknown."""
    length: PositiveInt = 300
    """Words that are read of a text; the rest of a longer one is left out."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.3
    """Share of features left out before the classifier at each training step."""
    epochs: PositiveInt = 10
    """Passes over the training data."""
    batch_size: PositiveInt = 32
    """Examples per training step."""
    learning_rate: PositiveFloat = 5e-3
    """Step size of the optimizer at the start; it falls to zero along a cosine."""


TINY = Config(
    embedding_dim=16, vocabulary_size=2000, length=40, dropout=0, epochs=5, learning_rate=1e-2
)

TASK = TextClassification(data="bbc_news")


def build(config: Config, data: Any) -> keras.Model:
    """Return the compiled network.

    Input shape: `(batch, time)`, word ids, 0 for padding at the end. Time may be of any size.
    Output shape: `(batch, classes)`, logits.
    """
    ids = keras.Input((None,), dtype="int32", name="ids")  # (batch, time)
    x = keras.layers.Embedding(
        len(data.vocabulary), config.embedding_dim, mask_zero=True, name="words"
    )(ids)  # (batch, time, embedding_dim)
    x = keras.layers.GlobalAveragePooling1D()(x)  # (batch, embedding_dim)
    x = keras.layers.Dropout(config.dropout)(x)
    logits = keras.layers.Dense(len(data.classes), name="logits")(x)  # (batch, classes)
    model = keras.Model(ids, logits, name="starter")
    model.compile(
        optimizer=keras.optimizers.Adam(config.learning_rate),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


def search_space(hp: Any) -> dict[str, Any]:
    """Return options drawn for one trial."""
    return {
        "embedding_dim": hp.Choice("embedding_dim", [32, 64, 128]),
        "dropout": hp.Choice("dropout", [0.0, 0.3, 0.6]),
        "learning_rate": hp.Float("learning_rate", 1e-3, 2e-2, sampling="log"),
    }


def endpoints(model: keras.Model) -> dict[str, keras.Model]:
    """Return `classify`: word ids to the probability of each class."""
    probabilities = keras.layers.Softmax(name="probabilities")(model.output)  # (batch, classes)
    return {"classify": keras.Model({"ids": model.input}, {"probabilities": probabilities})}


def figures(model: keras.Model, data: Any) -> dict[str, Figure]:
    """Return a map of the most frequent words: what is near is alike."""
    words = data.vocabulary.words[:MAPPED_WORDS]
    vectors = np.asarray(model.get_layer("words").embeddings)[len(RESERVED) :]
    return {"word_map": word_map(words, vectors[: len(words)])}
