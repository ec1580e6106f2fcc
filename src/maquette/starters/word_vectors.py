"""Starter: what it is, in one line.

What it computes, with its equation, and what that is good for.

Data: `bbc_news`, 0.9 million words; your own: a text file of any size, or any texts.

    maquette train starter
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import keras
import numpy as np
from keras import ops
from matplotlib.figure import Figure
from pydantic import Field, PositiveFloat, PositiveInt

from maquette.callbacks.cosine_schedule import CosineSchedule
from maquette.contract import ForEvaluation, Stage, TemplateConfig
from maquette.reporting.word_map import word_map
from maquette.tasks.word_vectors import WordVectors
from maquette.text.frequencies import telling_words
from maquette.text.lookups import lookups
from maquette.text.vocabulary import PADDING, RESERVED

MAPPED_WORDS = 300


class Config(TemplateConfig):
    """Options of the template."""

    embedding_dim: Annotated[int, Field(ge=2, le=4096)] = 64
    """Numbers that stand for a word."""
    window: Annotated[int, Field(ge=1, le=100)] = 3
    """Words to the right that are context."""
    negatives: PositiveInt = 64
    """Noise words of a training step, which all its pairs share."""
    min_count: PositiveInt = 5
    """How often a word must occur to get a vector."""
    vocabulary_size: Annotated[int, Field(ge=4)] = 50_000
    """Most words that get a vector, the most frequent ones."""
    epochs: PositiveInt = 5
    """Passes over the text."""
    batch_size: Annotated[int, Field(ge=32)] = 2048
    """Words of text in a training step."""
    learning_rate: PositiveFloat = 1e-2
    """Step size of the optimizer at the start; it falls to zero along a cosine."""
    similarity: Annotated[tuple[str, ...], ForEvaluation] = ()
    """Files of word pairs with people's scores of similarity, e.g. WordSim-353 or SimLex-999."""
    analogies: Annotated[str | None, ForEvaluation] = None
    """File of analogies, such as Google's questions-words.txt."""

    @property
    def step_size(self) -> int:
        """Words of text in a training step."""
        return self.batch_size


TINY = Config(
    embedding_dim=16, window=2, min_count=10, epochs=5, batch_size=512, learning_rate=2e-2
)

TASK = WordVectors(data="bbc_news")


@keras.saving.register_keras_serializable("starter")
class Starter(keras.Model):
    """Two tables, of words and of contexts; called on ids, it returns the vectors of the first.

    Args:
        words: Entries of the vocabulary, reserved ones included.
        embedding_dim: Numbers that stand for a word.
        window: Words to the right that are context.
        negatives: Noise words of a training step.

    Input shape: `(batch, length)`, word ids, 0 where no word is.
    Output shape: `(batch, length, embedding_dim)`.
    """

    def __init__(self, words, embedding_dim, window, negatives, **kwargs):
        super().__init__(**kwargs)
        self.words, self.window, self.negatives = words, window, negatives
        small = keras.initializers.RandomUniform(-0.5 / embedding_dim, 0.5 / embedding_dim)
        self.vectors = self.add_weight((words, embedding_dim), small, name="vectors")
        self.contexts = self.add_weight((words, embedding_dim), "zeros", name="contexts")
        self.draws = keras.random.SeedGenerator()
        self.built = True

    def call(self, ids):
        return ops.take(self.vectors, ids, axis=0)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """Return the mean loss of a pair of words, and of noise words for it."""
        noise = keras.random.randint((self.negatives,), 0, self.words, seed=self.draws)
        noise = ops.take(self.contexts, noise, axis=0)  # (negatives, embedding_dim)
        total, count = 0.0, 0.0
        for distance in range(1, self.window + 1):
            words, others = x[:, :-distance], x[:, distance:]  # (batch, length - distance)
            is_pair = ops.logical_and(words != PADDING, others != PADDING)
            weights = ops.cast(is_pair, self.vectors.dtype)
            vectors = ops.take(self.vectors, words, axis=0)  # (..., embedding_dim)
            scores = ops.sum(vectors * ops.take(self.contexts, others, axis=0), axis=-1)
            of_noise = ops.softplus(ops.matmul(vectors, ops.transpose(noise)))  # (..., negatives)
            losses = ops.softplus(-scores) + ops.mean(of_noise, axis=-1)
            total, count = total + ops.sum(losses * weights), count + ops.sum(weights)
        return total / ops.maximum(count, 1)

    def get_config(self):
        options = {name: getattr(self, name) for name in ("words", "window", "negatives")}
        return {**super().get_config(), **options, "embedding_dim": self.vectors.shape[-1]}


def build(config: Config, data: Any) -> keras.Model:
    """Return the compiled model; see `Starter` for its input and output."""
    options = (config.embedding_dim, config.window, config.negatives)
    model = Starter(len(data.vocabulary), *options, name="starter")
    model.compile(keras.optimizers.Adam(config.learning_rate))
    return model


def stages(model: keras.Model, config: Config, data: Any) -> Iterator[Stage]:
    """Yield the passes over the text, a stretch of it at a step."""
    yield Stage("train", model, config.epochs, batch_size=1, callbacks=[CosineSchedule()])


def search_space(hp: Any) -> dict[str, Any]:
    """Return options drawn for one trial."""
    return {
        "embedding_dim": hp.Choice("embedding_dim", [32, 64, 128]),
        "window": hp.Int("window", 1, 5),
        "learning_rate": hp.Float("learning_rate", 1e-3, 2e-2, sampling="log"),
    }


def endpoints(model: keras.Model) -> dict[str, keras.Model]:
    """Return `vectors` of words, their nearest `neighbours`, and the `similarity` of two words."""
    return lookups(np.asarray(model.vectors))


def figures(model: keras.Model, data: Any) -> dict[str, Figure]:
    """Return a map of frequent words: what is near is alike."""
    vectors = np.asarray(model.vectors)
    shown = telling_words(vectors, MAPPED_WORDS)
    words = [data.vocabulary.words[index - len(RESERVED)] for index in shown]
    return {"word_map": word_map(words, vectors[shown])}
