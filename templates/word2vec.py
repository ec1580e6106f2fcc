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
Expect: Spearman 0.42 on WordSim-353 in 10 seconds. On 5 million words of film reviews 0.45, and
0.22 on SimLex-999, where gensim has 0.31 and 0.25; CBOW 0.36 and 0.17, where gensim has 0.18 and
0.14. `benchmarks/word2vec.py` compares their words per second.

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
from maquette.text.vocabulary import RESERVED
from maquette.text.windows import in_blocks, pairs_of

NOISE_PER_BLOCK = {"skip_gram": 64, "cbow": 8}
BATCH_SIZES = {"skip_gram": 8192, "cbow": 16_384}
LARGEST = 2**31 - 1
TINIEST = 1e-30
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
    batch_size: Annotated[int, Field(ge=32)] | None = None
    """Words of text in a training step, before frequent ones are skipped; by default 8,192 with
    skip-gram and 16,384 with CBOW."""
    learning_rate: PositiveFloat = 0.3
    """Step size of the optimizer, Adagrad, at the start; it falls to zero along a cosine."""
    similarity: Annotated[tuple[str, ...], ForEvaluation] = ()
    """Files of word pairs with people's scores of similarity, e.g. WordSim-353 or SimLex-999."""
    analogies: Annotated[str | None, ForEvaluation] = None
    """File of analogies, such as Google's questions-words.txt."""

    @property
    def step_size(self) -> int:
        """Words of text in a training step."""
        return self.batch_size or BATCH_SIZES[self.architecture]


TINY = Config(embedding_dim=16, window=2, min_count=10, batch_size=512)

TASK = WordVectors(data="bbc_news")


@ops.custom_gradient
def logistic_loss(scores, weights):
    """Return the weighted sum of -log s(scores); s, which its gradient needs too, is taken once."""
    sigmoids = ops.sigmoid(scores)

    def gradient(*args, upstream=None):
        upstream = args[0] if upstream is None else upstream
        return upstream * (sigmoids - 1) * weights, ops.zeros_like(weights)

    return -ops.sum(ops.log(sigmoids + TINIEST) * weights), gradient


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
        self.loss_of = {"skip_gram": self.skip_gram, "cbow": self.cbow}[architecture]
        self.noise_per_block = NOISE_PER_BLOCK[architecture]
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
        total, count = self.loss_of(words, around, pairs_of(words, around, reach), noise)
        return total / ops.maximum(count, 1)

    def draw(self, words):
        """Return how far the window of each word reaches, and noise words for each block."""
        reach = keras.random.randint(ops.shape(words), 1, self.window + 1, seed=self.draws)
        shape = (*ops.shape(words)[:2], self.noise_per_block)
        drawn = keras.random.randint(shape, 0, LARGEST, seed=self.draws)
        noise = ops.searchsorted(self.noise_ends, ops.reshape(drawn, (-1,)), side="right")
        return reach, ops.reshape(noise, shape)

    def skip_gram(self, words, around, pairs, noise):
        """Return the sum of the losses of all pairs, and the number of pairs."""
        centers = rows_of(self.vectors, words)  # (batch, blocks, size, embedding_dim)
        others = rows_of(self.contexts, ops.concatenate([around, noise], axis=-1))
        scores = ops.matmul(centers, ops.swapaxes(others, -1, -2))
        # (batch, blocks, size, size + 2 * window + noise)
        signs = np.repeat([1, -1], [around.shape[-1], noise.shape[-1]]).astype("float32")
        of_word = ops.sum(pairs, axis=-1, keepdims=True)  # (batch, blocks, size, 1)
        for_noise = ops.repeat(of_word * self.negatives / noise.shape[-1], noise.shape[-1], -1)
        weights = ops.concatenate([pairs, for_noise], axis=-1)
        return logistic_loss(scores * signs, weights), ops.sum(pairs)

    def cbow(self, words, around, pairs, noise):
        """Return the sum of the losses of all words with a context, and their number."""
        contexts = rows_of(self.vectors, around)
        # (batch, blocks, size + 2 * window, embedding_dim)
        of_word = ops.sum(pairs, axis=-1, keepdims=True)  # (batch, blocks, size, 1)
        means = ops.matmul(pairs / ops.maximum(of_word, 1), contexts)
        scores = ops.sum(means * rows_of(self.contexts, words), axis=-1, keepdims=True)
        noise_scores = ops.matmul(means, ops.swapaxes(rows_of(self.contexts, noise), -1, -2))
        has_context = ops.cast(of_word > 0, scores.dtype)  # (batch, blocks, size, 1)
        for_noise = has_context * self.negatives / noise.shape[-1]
        total = logistic_loss(scores, has_context) + logistic_loss(-noise_scores, for_noise)
        return total, ops.sum(has_context)

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
    pairs = config.step_size * (config.window + 1 if config.architecture == "skip_gram" else 1)
    optimizer = RowAdagrad(config.learning_rate, initial_accumulator_value=1.2 / pairs**2)
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
