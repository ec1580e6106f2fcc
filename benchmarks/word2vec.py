"""Word vectors: words per second and quality of `word2vec` (ours) against gensim.

Both train on the same words of one text file, in memory before the clock starts, with the same
window, dimension, negatives, subsampling, smallest count and number of epochs; step sizes are each
one's defaults. Words are those of the text, rare and skipped ones included, as gensim counts them.
Ours is timed from the first call of `fit`, the tracing of its graph included. gensim's number of
workers, and whether it reads lists in memory or a file of lines, is what was fastest in one epoch.
Quality is Spearman's correlation with people's scores of similarity. SimLex-999 differs by 0.02
from seed to seed, so compare means over several seeds; words per second are means too.

    pip install gensim  # no dependency of maquette: for this benchmark alone
    python benchmarks/word2vec.py CORPUS.txt.gz --seeds 3 \
        --similarity wordsim353.tsv simlex999.txt

Peer: https://github.com/piskvorky/gensim
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from maquette.quiet import load_tensorflow

load_tensorflow()

import keras  # noqa: E402
import numpy as np  # noqa: E402
from gensim.models import Word2Vec  # noqa: E402

from maquette.datasets import text_file  # noqa: E402
from maquette.gallery import load_template  # noqa: E402
from maquette.text.corpus import Corpus, split_words  # noqa: E402
from maquette.text.similarity import WordVectorTable, read_similarity  # noqa: E402

SENTENCE = 1000


@dataclass(frozen=True)
class Outcome:
    """Words per second, and the vectors that came of them."""

    speed: float
    table: WordVectorTable


def ours(corpus: Corpus, config, seed: int) -> Outcome:
    """Train the template's only stage."""
    template = load_template("word2vec")
    keras.utils.set_random_seed(seed)
    model = template.build(config, corpus)
    (stage,) = template.stages(model, config, corpus)
    examples = template.TASK.examples(model, corpus, "train").kept("reading")
    batches = stage.examples(examples).shuffled(stage.batch_size, seed)
    began = time.perf_counter()
    model.fit(
        batches,
        steps_per_epoch=examples.steps(stage.batch_size),
        epochs=stage.epochs,
        callbacks=stage.callbacks,
        shuffle=False,
        verbose=0,
    )
    seconds = time.perf_counter() - began
    table = WordVectorTable(corpus.vocabulary.words, np.asarray(model.vectors)[2:])
    return Outcome(config.epochs * corpus.words / seconds, table)


class Gensim:
    """gensim on the same words.

    Args:
        words: The text.
        config: Our options.
        folder: Where the file of lines goes.
    """

    def __init__(self, words: list[str], config, folder: Path):
        self.sentences = [words[i : i + SENTENCE] for i in range(0, len(words), SENTENCE)]
        self.file, self.words, self.config = folder / "lines.txt", len(words), config
        self.file.write_text("".join(" ".join(s) + "\n" for s in self.sentences), "utf-8")

    def train(self, epochs: int, workers: int, from_file: bool, seed: int = 0) -> Outcome:
        """Train from the start."""
        model = Word2Vec(
            vector_size=self.config.embedding_dim,
            window=self.config.window,
            negative=self.config.negatives,
            sample=self.config.subsample,
            min_count=self.config.min_count,
            sg=int(self.config.architecture == "skip_gram"),
            workers=workers,
            seed=seed + 1,
        )
        model.build_vocab(self.sentences)
        corpus = {"corpus_iterable": self.sentences}
        if from_file:
            corpus = {"corpus_file": str(self.file), "total_words": self.words}
        began = time.perf_counter()
        model.train(total_examples=len(self.sentences), epochs=epochs, **corpus)
        seconds = time.perf_counter() - began
        table = WordVectorTable(model.wv.index_to_key, model.wv.vectors)
        return Outcome(epochs * self.words / seconds, table)

    def fastest(self, workers: list[int]) -> tuple[int, bool]:
        """Return the workers and the way of reading that take one epoch fastest."""
        ways = [(count, from_file) for count in workers for from_file in (False, True)]
        speeds = {way: self.train(1, *way).speed for way in ways}
        for (count, from_file), speed in speeds.items():
            source = "file" if from_file else "lists"
            print(f"  gensim, {count} workers, {source}: {speed:,.0f} words/s", flush=True)
        return max(speeds, key=speeds.get)


def report(name: str, outcomes: list[Outcome], pairs: list) -> float:
    """Print speeds and correlations, of each seed where there are several, and their means.

    Returns:
        The mean speed.
    """
    speed = float(np.mean([outcome.speed for outcome in outcomes]))
    print(f"  {name}: {speed:,.0f} words/s", flush=True)
    for scored in pairs:
        rows = [outcome.table.correlation(scored) for outcome in outcomes]
        values = [row["spearman"] for row in rows]
        listed = f", of {', '.join(f'{v:.3f}' for v in values)}" if len(values) > 1 else ""
        file, known = rows[0]["file"], rows[0]["known"]
        print(f"    {file} {np.mean(values):.3f} ({known} pairs{listed})", flush=True)
    return speed


def main() -> None:
    """Run both in one go, for each architecture, and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", help="text file, plain or packed with gzip")
    parser.add_argument("--similarity", nargs="*", default=[], help="files of scored word pairs")
    parser.add_argument("--architectures", nargs="+", default=["skip_gram", "cbow"])
    parser.add_argument("--workers", nargs="+", type=int, default=[2, 3, 4])
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=1, help="runs of each, with seeds 0, 1, ...")
    arguments = parser.parse_args()
    template, pairs = load_template("word2vec"), [read_similarity(f) for f in arguments.similarity]
    blocks = (block for text in text_file.load(arguments.data).documents() for block in text)
    words = [word.decode() for block in blocks for word in split_words(block)]
    for architecture in arguments.architectures:
        config = template.Config(architecture=architecture, epochs=arguments.epochs)
        corpus = template.TASK.open(arguments.data, config)
        print(f"{architecture}: {corpus.words:,} words, {config.epochs} epochs", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            gensim = Gensim(words, config, Path(folder))
            way = gensim.fastest(arguments.workers)
            seeds = range(arguments.seeds)
            theirs = [gensim.train(config.epochs, *way, seed) for seed in seeds]
        other = report("gensim", theirs, pairs)
        own = report("ours", [ours(corpus, config, seed) for seed in seeds], pairs)
        print(f"  ratio of words/s: {own / other:.2f}", flush=True)


if __name__ == "__main__":
    main()
