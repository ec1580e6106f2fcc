"""Word vectors: words that stand among the same words get vectors that point the same way.

Skip-gram predicts from the vector u of each word the words around it: for each pair with a context
word c, and k noise words n drawn by their counts to the power 3/4, it lowers

    -log s(u . c) - sum over n of log s(-u . n)

with s the sigmoid. CBOW predicts each word from the mean of the vectors around it, by the same
loss. Windows are drawn anew for each word, and frequent words are mostly skipped. One step takes a
stretch of text in blocks of 32 words: a block and its surroundings are read once and multiplied as
matrices, and its words share their noise.

Paper: Mikolov, Sutskever, Chen, Corrado and Dean (2013), Distributed representations of words and
phrases and their compositionality, equation 4; CBOW is in Mikolov, Chen et al. (2013).
Data: `bbc_news`, 0.9 million words; your own: a text file of any size, or any texts.
Expect: Spearman 0.38 on WordSim-353 in 10 seconds. On 5 million words of film reviews 0.42, and
0.23 on SimLex-999, at 1.8 times gensim's words per second, which has 0.30 and 0.25; CBOW 0.41 and
0.19 at 0.36 times, where gensim has 0.20 and 0.16.

    maquette train word2vec --data corpus.txt.gz --similarity wordsim353.tsv simlex999.txt
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Any, Literal

import keras
import numpy as np
from keras import ops
from matplotlib.figure import Figure
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from maquette.callbacks.cosine_schedule import CosineSchedule
from maquette.contract import ForEvaluation, Stage, TemplateConfig
from maquette.optimizers import RowAdagrad, rows_of
from maquette.reporting.word_map import word_map
from maquette.tasks.word_vectors import STEPS_PER_EXECUTION, WordVectors
from maquette.text.frequencies import (
    Subsampling,
    keep_probabilities,
    noise_shares,
    telling_words,
)
from maquette.text.lookups import lookups
from maquette.text.vocabulary import PADDING, RESERVED

BLOCK, NOISE_PER_BLOCK = 32, 32
LARGEST = 2**31 - 1
MAPPED_WORDS = 300


class Config(TemplateConfig):
    """Options of the word vectors."""

    architecture: Literal["skip_gram", "cbow"] = "skip_gram"
    """Predict the context from the word, or the word from its context, which is faster."""
    embedding_dim: Annotated[int, Field(ge=2, le=4096)] = 100
    """Numbers that stand for a word."""
    window: Annotated[int, Field(ge=1, le=100)] = 5
    """Most words to the left and to the right that are context; each time 1 to that many are."""
    negatives: PositiveInt = 5
    """Noise words for each pair."""
    min_count: PositiveInt = 5
    """How often a word must occur to get a vector."""
    vocabulary_size: Annotated[int, Field(ge=4)] = 1_000_000
    """Most words that get a vector, the most frequent ones."""
    subsample: NonNegativeFloat = 1e-4
    """Share of the text above which a word is skipped at times; 0 skips none."""
    epochs: PositiveInt = 5
    """Passes over the text."""
    batch_size: Annotated[int, Field(ge=32)] = 2048
    """Words of text in a training step, before frequent ones are skipped."""
    learning_rate: PositiveFloat = 0.2
    """Step size of the optimizer, Adagrad, at the start; it falls to zero along a cosine."""
    similarity: Annotated[tuple[str, ...], ForEvaluation] = ()
    """Files of word pairs with people's scores of similarity, e.g. WordSim-353 or SimLex-999."""
    analogies: Annotated[str | None, ForEvaluation] = None
    """File of analogies, such as Google's questions-words.txt."""


TINY = Config(embedding_dim=16, window=2, min_count=10, batch_size=512)

TASK = WordVectors(data="bbc_news")


def in_blocks(ids: Any, window: int) -> tuple[Any, Any]:
    """Cut texts into blocks of words, each with the words around it.

    Args:
        ids: `(batch, length)`, 0 where no word is.
        window: Most words on each side.

    Returns:
        The words, `(batch, blocks, size)`, and those from `window` before to `window` after the
        block, `(batch, blocks, size + 2 * window)`.
    """
    size = max(BLOCK, 2 * window)
    batch, length = ops.shape(ids)
    after = -length % size + 2 * size - window
    padded = ops.pad(ids, ((0, 0), (window, after)), constant_values=PADDING)
    blocks = ops.reshape(padded, (batch, -1, size))  # (batch, blocks + 2, size)
    around = ops.concatenate([blocks[:, :-2], blocks[:, 1:-1, : 2 * window]], axis=-1)
    return around[..., window : window + size], around


def pairs_of(words: Any, around: Any, reach: Any) -> Any:
    """Return which words of a block are pairs with which around it.

    Args:
        words: Ids, `(batch, blocks, size)`.
        around: Ids, `(batch, blocks, size + 2 * window)`.
        reach: How many words to each side are context, `(batch, blocks, size)`.

    Returns:
        1 for a pair, otherwise 0, `(batch, blocks, size, size + 2 * window)`.
    """
    size, width = words.shape[-1], around.shape[-1]
    distances = np.abs(np.arange(width) - (width - size) // 2 - np.arange(size)[:, None])
    distances = np.where(distances == 0, width, distances).astype("int32")
    reach = ops.where(ops.equal(words, PADDING), 0, reach)
    is_near = ops.less_equal(distances, ops.expand_dims(reach, -1))
    is_context = ops.expand_dims(ops.not_equal(around, PADDING), -2)
    return ops.cast(ops.logical_and(is_near, is_context), keras.config.floatx())


@keras.saving.register_keras_serializable("maquette")
class Word2Vec(keras.Model):
    """Two tables, of words and of contexts; called on ids, it returns the vectors of the first.

    Args:
        words: Entries of the vocabulary, reserved ones included.
        embedding_dim: Numbers that stand for a word.
        window: Most words on each side that are context.
        negatives: Noise words for each pair.
        architecture: `"skip_gram"` or `"cbow"`.

    Input shape: `(batch, length)`, word ids, 0 where no word is.
    Output shape: `(batch, length, embedding_dim)`.
    """

    def __init__(self, words, embedding_dim, window, negatives, architecture, **kwargs):
        super().__init__(**kwargs)
        self.options = {"words": words, "embedding_dim": embedding_dim, "window": window}
        self.options |= {"negatives": negatives, "architecture": architecture}
        self.window, self.negatives = window, negatives
        self.losses_of = {"skip_gram": self.skip_gram, "cbow": self.cbow}[architecture]
        shape, edge = (words, embedding_dim), 0.5 / embedding_dim
        small = keras.initializers.RandomUniform(-edge, edge)
        self.vectors = self.add_weight(shape, small, name="vectors")
        self.contexts = self.add_weight(shape, "zeros", name="contexts")
        # Each word is noise for the whole numbers below its own end, down to that before it.
        self.noise_ends = self.add_weight(
            (words,), "zeros", dtype="int32", trainable=False, name="noise_ends"
        )
        self.draws = keras.random.SeedGenerator()
        self.built = True

    def call(self, ids):
        return rows_of(self.vectors, ids)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """Return the mean loss of a pair of word and context, with CBOW of a word."""
        words, around = in_blocks(x, self.window)
        reach, noise = self.draw(words)
        losses, count = self.losses_of(words, around, pairs_of(words, around, reach), noise)
        return ops.sum(losses) / ops.maximum(count, 1)

    def draw(self, words):
        """Return how far the window of each word reaches, and noise words for each block."""
        reach = keras.random.randint(ops.shape(words), 1, self.window + 1, seed=self.draws)
        shape = (*ops.shape(words)[:2], NOISE_PER_BLOCK)
        drawn = keras.random.randint(shape, 0, LARGEST, seed=self.draws)
        noise = ops.searchsorted(self.noise_ends, ops.reshape(drawn, (-1,)), side="right")
        return reach, ops.reshape(noise, shape)

    def skip_gram(self, words, around, pairs, noise):
        """Return the losses of all pairs, shared by words and contexts, and the number of pairs."""
        centers = rows_of(self.vectors, words)  # (batch, blocks, size, embedding_dim)
        others = rows_of(self.contexts, ops.concatenate([around, noise], axis=-1))
        scores = ops.matmul(centers, ops.swapaxes(others, -1, -2))
        # (batch, blocks, size, size + 2 * window + noise)
        signs = np.repeat([-1, 1], [around.shape[-1], noise.shape[-1]]).astype("float32")
        of_word = ops.sum(pairs, axis=-1, keepdims=True)  # (batch, blocks, size, 1)
        for_noise = ops.repeat(of_word * self.negatives / noise.shape[-1], noise.shape[-1], -1)
        weights = ops.concatenate([pairs, for_noise], axis=-1)
        return ops.softplus(scores * signs) * weights, ops.sum(pairs)

    def cbow(self, words, around, pairs, noise):
        """Return the losses of all words with a context, and the number of these words."""
        contexts = rows_of(
            self.vectors, around
        )  # (batch, blocks, size + 2 * window, embedding_dim)
        of_word = ops.sum(pairs, axis=-1, keepdims=True)  # (batch, blocks, size, 1)
        means = ops.matmul(pairs / ops.maximum(of_word, 1), contexts)
        scores = ops.sum(means * rows_of(self.contexts, words), axis=-1, keepdims=True)
        noise_scores = ops.matmul(means, ops.swapaxes(rows_of(self.contexts, noise), -1, -2))
        for_noise = ops.sum(ops.softplus(noise_scores), axis=-1, keepdims=True)
        losses = ops.softplus(-scores) + for_noise * self.negatives / noise.shape[-1]
        has_context = ops.cast(of_word > 0, losses.dtype)  # (batch, blocks, size, 1)
        return losses * has_context, ops.sum(has_context)

    def get_config(self):
        return {**super().get_config(), **self.options}


def build(config: Config, data: Any) -> keras.Model:
    """Return the compiled model; see `Word2Vec` for its input and output."""
    names = ("embedding_dim", "window", "negatives", "architecture")
    options = {name: getattr(config, name) for name in names}
    model = Word2Vec(len(data.vocabulary), **options, name="word2vec")
    ends = np.minimum(np.cumsum(noise_shares(data.counts)), 1)
    model.noise_ends.assign(np.rint(ends * LARGEST))
    # The loss is a mean: the more pairs a step has, the less one of them moves its words.
    pairs = config.batch_size * (config.window + 1 if config.architecture == "skip_gram" else 1)
    optimizer = RowAdagrad(config.learning_rate, initial_accumulator_value=0.4 / pairs**2)
    # XLA would copy both tables in each step.
    model.compile(optimizer, steps_per_execution=STEPS_PER_EXECUTION, jit_compile=False)
    return model


def stages(model: keras.Model, config: Config, data: Any) -> Iterator[Stage]:
    """Yield the passes over the text, a stretch of it at a step, frequent words mostly skipped."""
    skip = Subsampling(keep_probabilities(data.counts, config.subsample), config.window)
    examples = {"examples": lambda every: replace(every, transform=skip)}
    yield Stage("train", model, config.epochs, 1, callbacks=[CosineSchedule()], **examples)


def search_space(hp: Any) -> dict[str, Any]:
    """Return options drawn for one trial."""
    return {
        "architecture": hp.Choice("architecture", ["skip_gram", "cbow"]),
        "window": hp.Int("window", 2, 10),
        "learning_rate": hp.Float("learning_rate", 0.05, 0.5, sampling="log"),
        "subsample": hp.Float("subsample", 1e-5, 1e-3, sampling="log"),
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
