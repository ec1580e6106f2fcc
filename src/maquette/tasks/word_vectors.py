"""Word vectors: a text in, a vector for each of its words out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from maquette.errors import UserError, nearest
from maquette.sources import open_source
from maquette.tasks.task import Evaluation, Probe, Task, WebPage
from maquette.tasks.tensors import Tensor
from maquette.text.corpus import Chunks, Corpus, RawCorpus, encode
from maquette.text.frequencies import telling_words
from maquette.text.similarity import (
    Analogies,
    ScoredPairs,
    WordVectorTable,
    read_analogies,
    read_similarity,
)
from maquette.text.vector_files import binary_format, text_format
from maquette.text.vocabulary import RESERVED, Vocabulary

if TYPE_CHECKING:
    import keras

    from maquette.contract import TemplateConfig
    from maquette.pipeline import Examples
    from maquette.run import Run
    from maquette.text.data import TextData

STEPS_PER_EXECUTION = 32
VOCABULARY, COUNTS = "vocabulary.txt", "counts.txt"
JUDGED_CHUNKS = 16
SHOWN_WORDS, SHOWN_NEIGHBOURS, PREDICTED_NEIGHBOURS = 20, 6, 10
FEWEST_PAIRS = 3
CLOSE, NEAREST = 0.05, 5
OF_LOSS = ("architecture", "window", "negatives", "min_count", "vocabulary_size", "subsample")


@dataclass(frozen=True)
class WordSpec:
    """What a model must know of a text.

    Args:
        vocabulary: The words that have a vector.
        counts: How often each entry occurs in the text it was trained on, shape `(entries,)`.
    """

    vocabulary: Vocabulary
    counts: np.ndarray


@dataclass(frozen=True)
class WordVectors(Task):
    """The task of giving each word of a text a vector.

    Models take word ids, `(batch, length)`, 0 where no word is, and return vectors,
    `(batch, length, dimension)`. The endpoints are those of `maquette.text.lookups`.

    It reads the options `min_count`, `vocabulary_size`, `window`, `batch_size`, `similarity` and
    `analogies`.

    Args:
        data: The source a template trains on by default.
    """

    data: str
    sample: str = "pydoc_topics"
    monitor: None = None
    score: None = None
    memorised: float = 0.6
    kinds: ClassVar = frozenset({"corpus", "text"})
    ranges: ClassVar = {"similarity": (-1, 1)}
    lower_is_better: ClassVar = frozenset({"loss"})
    web: ClassVar = WebPage("word_vectors", ("neighbours", "similarity"), ("words.js",))

    def open(self, source: str, config: TemplateConfig, strict: bool = False) -> Corpus:
        """Open a text: an embedded one by name, a text file, or all texts of a folder or table.

        Raises:
            UserError: the source does not exist, is no text, or is too short; or a file to judge
                by cannot be read.
        """
        _files_to_judge_by(config)  # Before hours of training rather than after.
        opened = open_source(source, self.kinds, strict)
        raw = opened if isinstance(opened, RawCorpus) else _joined(opened)
        sizes = {"min_count": config.min_count, "size": config.vocabulary_size}
        return encode(raw, **sizes, gap=config.window, chunk=config.step_size)

    def describe(self, data: Corpus) -> dict[str, Any]:
        """Return the number of words, for the record."""
        return {"words": data.words, "vocabulary_size": len(data.vocabulary)}

    def texts(self, data: Corpus) -> dict[str, str]:
        """Return the vocabulary, and how often each of its lines occurs."""
        counts = "".join(f"{count}\n" for count in data.counts)
        return {VOCABULARY: data.vocabulary.to_text(), COUNTS: counts}

    def described(self, description: dict[str, Any], texts: dict[str, str]) -> WordSpec:
        """Return the `WordSpec` of what `texts` returned."""
        vocabulary = Vocabulary.from_text(texts[VOCABULARY], VOCABULARY)
        return WordSpec(vocabulary, np.array(texts[COUNTS].split(), np.int64))

    def adapt(self, data: Corpus, spec: WordSpec) -> Corpus:
        """Return the text with the run's vocabulary."""
        return data.numbered_by(spec.vocabulary)

    def examples(self, model: keras.Model, data: Corpus, split: str) -> Examples:
        """Return the text in pieces of one training step each, so many that none are left over."""
        from maquette.pipeline import Examples

        chunks = Chunks(data.splits[split], data.chunk, STEPS_PER_EXECUTION)
        return Examples(chunks, np.zeros(chunks.shape[0], np.float32))

    def evaluate(self, run: Run, data: Corpus, split: str) -> Evaluation:
        """Return the loss on the text, and how well the vectors match people's sense of words.

        Without files of similarities and analogies, only the loss and a table of neighbours.

        Raises:
            UserError: a file cannot be read.
        """
        scored, questions = _files_to_judge_by(run.config)
        vectors = _vectors(run)
        table = _table(vectors, run.description)
        metrics = {"loss": _mean_loss(run.model, self.examples(run.model, data, split))}
        tables = {}
        if scored:
            rows = tables["Word similarity"] = [table.correlation(pairs) for pairs in scored]
            known = [row for row in rows if row["known"] >= FEWEST_PAIRS]
            metrics |= {row["file"].split(".")[0]: row["spearman"] for row in known}
        if questions:
            rows = tables["Analogies"] = table.analogies(questions)
            metrics["analogies"] = rows[-1]["accuracy"]
        tables["Nearest neighbours of frequent words"] = _neighbour_rows(
            table, vectors, run.description
        )
        return Evaluation(metrics, tables)

    def unit(self, run: Run, metric: str) -> str:
        """Return the options that make the loss another one."""
        options = [f"{name} {getattr(run.config, name, None)}" for name in OF_LOSS]
        return ", ".join(options) if metric == "loss" else ""

    def files(self, paths: Sequence[Path]) -> list[Path]:
        """Return what was given: words, not files."""
        return list(paths)

    def predict(self, run: Run, files: Sequence[Path]) -> list[dict[str, Any]]:
        """Return the nearest neighbours of each word, one row each.

        Raises:
            UserError: a word has no vector.
        """
        table = _table(_vectors(run), run.description)
        words = [str(word).lower() for word in files]
        for word in words:
            if word not in table.rows:
                raise UserError(f"{word!r} has no vector{nearest(word, table.words)}")
        return [
            {"word": word, "neighbour": neighbour, "similarity": cosine}
            for word in words
            for neighbour, cosine in table.neighbours(word, PREDICTED_NEIGHBOURS).items()
        ]

    def probes(self, run: Run, data: Corpus, split: str, count: int) -> dict[str, Probe]:
        """Return words from the most to the least frequent, and pairs of them."""
        last = len(run.description.vocabulary) - 1
        ids = np.unique(np.linspace(len(RESERVED), last, count).astype(np.int32))
        return {
            "vectors": Probe({"ids": ids}),
            "neighbours": Probe({"ids": ids}),
            "similarity": Probe({"first": ids, "second": np.roll(ids, 1)}),
        }

    def agreement(self, endpoint: str, expected: dict, received: dict) -> float:
        """Return how far the answers are the same, as far as rounding can leave them so.

        Of neighbours, it is the share of the nearest five that are among the file's ten: those
        farther away have close rivals. A cosine agrees at a difference of at most 0.05, a vector
        at one of a tenth of its length.
        """
        if endpoint == "vectors":
            return super().agreement(endpoint, expected, received)
        differences = np.abs(expected["similarity"] - received["similarity"])
        close = float(np.mean(differences <= CLOSE))
        if endpoint == "similarity":
            return close
        pairs = zip(expected["neighbours"][:, :NEAREST], received["neighbours"], strict=True)
        return min(close, float(np.mean([np.isin(near, found).mean() for near, found in pairs])))

    def tensors(self, spec: WordSpec) -> dict[str, Tensor]:
        """Return that ids of single words go in, and vectors, neighbours or cosines come out."""
        words = (*RESERVED, *spec.vocabulary.words)
        names = {"ids": "Id of a word", "first": "Id of a word", "second": "Id of another word"}
        return {
            **{name: Tensor(f"{text}.", "words", words=words) for name, text in names.items()},
            "vectors": Tensor("Vector of the word."),
            "neighbours": Tensor("Ids of the nearest words, nearest first.", "words", words=words),
            "similarity": Tensor("Cosine of vectors."),
        }

    def assets(self, spec: WordSpec) -> dict[str, str]:
        """Return `vocabulary.txt`, whose line numbers, from 0, are the ids."""
        return {VOCABULARY: spec.vocabulary.to_text()}

    def other_formats(self, run: Run) -> dict[str, bytes]:
        """Return the vectors in word2vec's two formats, which GloVe readers and gensim know."""
        words = run.description.vocabulary.words
        vectors = _vectors(run)[len(RESERVED) :]
        return {
            "vectors.txt": text_format(words, vectors),
            "vectors.bin": binary_format(words, vectors),
        }


def _files_to_judge_by(config: TemplateConfig) -> tuple[list[ScoredPairs], Analogies | None]:
    scored = [read_similarity(path) for path in config.similarity]
    return scored, read_analogies(config.analogies) if config.analogies else None


def _vectors(run: Run) -> np.ndarray:
    """Return the vectors of all entries of the vocabulary."""
    ids = np.arange(len(run.description.vocabulary), dtype=np.int32)
    endpoint = run.template.endpoints(run.model)["vectors"]
    return np.asarray(endpoint({"ids": ids})["vectors"])


def _table(vectors: np.ndarray, spec: WordSpec) -> WordVectorTable:
    return WordVectorTable(spec.vocabulary.words, vectors[len(RESERVED) :])


def _joined(data: TextData) -> RawCorpus:
    """Return labelled texts as one corpus, each text a document, without the labels."""
    texts = [text for split in data.splits.values() for text in split.texts]
    notes = (*data.notes, "all classes and splits together are the corpus")
    return RawCorpus(data.source, data.fingerprint, notes, lambda: ([text] for text in texts))


def _mean_loss(model: keras.Model, examples: Examples) -> float:
    """Return the loss on some pieces of text, with the same random windows and noise each time."""
    seeds = [v for v in model.variables if v.path.endswith("seed_generator_state")]
    before = [np.asarray(seed) for seed in seeds]
    for seed in seeds:
        seed.assign(np.zeros(seed.shape, seed.dtype))
    pieces = examples.sample(JUDGED_CHUNKS).x
    losses = [model.compute_loss(x=piece[None], training=False) for piece in pieces]
    for seed, value in zip(seeds, before, strict=True):
        seed.assign(value)
    return round(float(np.mean(losses)), 6)


def _neighbour_rows(table: WordVectorTable, vectors: np.ndarray, spec: WordSpec) -> list[dict]:
    rows = []
    for index in telling_words(vectors, SHOWN_WORDS):
        word = spec.vocabulary.words[index - len(RESERVED)]
        neighbours = table.neighbours(word, SHOWN_NEIGHBOURS).items()
        listed = ", ".join(f"{name} {cosine:.2f}" for name, cosine in neighbours)
        rows.append({"word": word, "count": int(spec.counts[index]), "neighbours": listed})
    return rows
