"""The loss is the paper's, steps touch only their rows, and vectors are judged and found again."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

import maquette
from maquette.errors import UserError
from maquette.optimizers import RowAdagrad, rows_of
from maquette.reporting.word_map import word_map
from maquette.tasks.word_vectors import STEPS_PER_EXECUTION, WordVectors
from maquette.templates import word2vec
from maquette.text.frequencies import (
    Subsampling,
    keep_probabilities,
    noise_shares,
    telling_words,
)
from maquette.text.similarity import Analogies, WordVectorTable, read_analogies, read_similarity
from maquette.text.vector_files import read_vectors
from maquette.text.windows import BLOCK

TOPICS = [[f"{topic}{number}" for number in range(12)] for topic in ("sea", "sky")]


def log_sigmoid(x: float) -> float:
    return -np.logaddexp(0, -x)


def skip_gram_loss(ids, reach, noise, vectors, contexts, negatives) -> float:
    """Equation 4 of Mikolov et al. (2013), pair after pair; noise by block, each counted k / K."""
    losses = []
    for i, word in enumerate(ids):
        for j in range(max(0, i - reach[i]), min(len(ids), i + reach[i] + 1)):
            if i == j or 0 in (word, ids[j]):
                continue
            block = noise[i // reach_block(len(ids), noise)]
            of_noise = [log_sigmoid(-vectors[word] @ contexts[n]) for n in block]
            positive = log_sigmoid(vectors[word] @ contexts[ids[j]])
            losses.append(-positive - negatives / len(block) * sum(of_noise))
    return np.mean(losses)


def cbow_loss(ids, reach, noise, vectors, contexts, negatives) -> float:
    losses = []
    for i, word in enumerate(ids):
        around = range(max(0, i - reach[i]), min(len(ids), i + reach[i] + 1))
        known = [vectors[ids[j]] for j in around if j != i and ids[j]]
        if not word or not known:
            continue
        mean, block = np.mean(known, axis=0), noise[i // reach_block(len(ids), noise)]
        of_noise = [log_sigmoid(-mean @ contexts[n]) for n in block]
        losses.append(-log_sigmoid(mean @ contexts[word]) - negatives / len(block) * sum(of_noise))
    return np.mean(losses)


def reach_block(length: int, noise: np.ndarray) -> int:
    return -(-length // len(noise))


def model_of(architecture: str, window: int, words: int = 30, dimension: int = 6) -> keras.Model:
    model = word2vec.Word2Vec(words, dimension, window, 5, architecture)
    rng = np.random.default_rng(0)
    model.vectors.assign(rng.normal(size=(words, dimension)))
    model.contexts.assign(rng.normal(size=(words, dimension)))
    return model


@pytest.mark.parametrize("window", [1, 5, 20])
@pytest.mark.parametrize(
    ("architecture", "direct"), [("skip_gram", skip_gram_loss), ("cbow", cbow_loss)]
)
def test_loss_is_that_of_the_paper_summed_pair_by_pair(architecture, direct, window):
    rng, model = np.random.default_rng(1), model_of(architecture, window)
    size = max(BLOCK, 2 * window)
    ids = rng.integers(2, 30, (2, 3 * size)).astype(np.int32)
    ids[0, 40 : 40 + window] = ids[1, -5:] = ids[1, 7] = 0
    words, around = word2vec.in_blocks(ids, window)
    reach = rng.integers(1, window + 1, words.shape).astype(np.int32)
    noise = rng.integers(2, 30, (*words.shape[:2], 4)).astype(np.int32)
    pairs = word2vec.pairs_of(words, around, reach)
    total, count = model.loss_of(words, around, pairs, noise)
    tables = (np.asarray(model.vectors, float), np.asarray(model.contexts, float))
    parts = [
        direct(row, steps.ravel(), drawn, *tables, 5)
        for row, steps, drawn in zip(ids, reach, noise, strict=True)
    ]
    counts = [
        float(model.loss_of(w[None], a[None], p[None], n[None])[1])
        for w, a, p, n in zip(words, around, pairs, noise, strict=True)
    ]
    expected = np.average(parts, weights=counts)
    assert float(total / count) == pytest.approx(expected, rel=1e-5)


def test_logistic_loss_and_its_gradient_are_right_and_finite_for_any_score():
    scores = tf.constant([-200.0, -20, -1, 0, 2, 30, 200])
    weights = tf.constant([0.0, 1, 2, 0.5, 1, 1, 3])
    with tf.GradientTape() as tape:
        tape.watch(scores)
        loss = 3 * word2vec.logistic_loss(scores, weights)
    softplus = np.logaddexp(0, -scores.numpy().astype(float))
    assert float(loss) == pytest.approx(3 * np.sum(softplus * weights.numpy()), rel=1e-6)
    slopes = -1 / (1 + np.exp(np.minimum(scores.numpy().astype(float), 80)))
    expected = 3 * slopes * weights.numpy()
    np.testing.assert_allclose(tape.gradient(loss, scores), expected, rtol=1e-6, atol=1e-6)


def test_steps_are_larger_with_cbow_unless_told():
    sizes = {name: word2vec.Config(architecture=name).step_size for name in ("skip_gram", "cbow")}
    assert sizes == word2vec.BATCH_SIZES
    assert sizes["skip_gram"] < sizes["cbow"]
    assert word2vec.Config(batch_size=100).step_size == 100
    corpus = WordVectors(data="").open("pydoc_topics", word2vec.Config(architecture="cbow"))
    assert corpus.chunk == sizes["cbow"]


def test_blocks_hold_each_word_once_with_its_surroundings():
    ids = np.arange(1, 71, dtype=np.int32)[None]
    words, around = map(np.asarray, word2vec.in_blocks(ids, 3))
    assert words.shape == (1, 3, 32)
    assert words.ravel()[:70].tolist() == ids[0].tolist()
    assert not words.ravel()[70:].any()
    assert around[0, 0].tolist() == [0, 0, 0, *range(1, 36)]
    assert around[0, 1].tolist() == list(range(30, 68))


def test_windows_and_noise_are_drawn_from_their_distributions():
    counts = np.array([0, 0, 900, 300, 100, 30, 5])
    corpus = maquette_data(counts)
    keras.utils.set_random_seed(3)
    model = word2vec.build(word2vec.Config(window=4), corpus)
    reach, noise = map(np.asarray, model.draw(np.ones((1, 4000, 32), np.int32)))
    assert np.bincount(reach.ravel())[1:] / reach.size == pytest.approx(np.full(4, 0.25), abs=0.01)
    shares = counts**0.75 / np.sum(counts**0.75)
    assert noise_shares(counts) == pytest.approx(shares)
    assert np.bincount(noise.ravel(), minlength=7) / noise.size == pytest.approx(shares, abs=0.01)


def maquette_data(counts):
    from maquette.tasks.word_vectors import WordSpec
    from maquette.text.vocabulary import Vocabulary

    words = tuple(f"word{number}" for number in range(len(counts) - 2))
    return WordSpec(Vocabulary(words), counts)


def test_frequent_words_are_skipped_as_often_as_in_word2vec():
    counts = np.array([0, 0, 90_000, 9_000, 900, 90, 10])
    share = counts[2:] / counts.sum()
    keep = keep_probabilities(counts, 1e-3)
    expected = np.minimum((np.sqrt(share / 1e-3) + 1) * 1e-3 / share, 1)
    assert keep[2:] == pytest.approx(expected, rel=1e-5)
    assert (keep_probabilities(counts, 0) == 1).all()
    ids = np.tile(np.arange(2, 7, dtype=np.int32), (40, 1000))
    kept, _ = Subsampling(keep, 3)(ids, np.zeros(40), np.array([0, 1]))
    kept = kept.numpy()
    assert kept.shape[0] == 1
    assert np.bincount(kept[0])[2:] / 40_000 == pytest.approx(keep[2:], abs=0.01)
    assert np.sum(kept == 0) == 3 * 40


def test_order_of_the_text_survives_the_skipping():
    keep = np.array([1, 1, 0.5, 0.5, 0.5, 0.5], np.float32)
    ids = np.tile(np.arange(2, 6, dtype=np.int32), 50)[None]
    first, again, other = (
        Subsampling(keep, 1)(ids, np.zeros(1), np.array([7, step]))[0].numpy() for step in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert first.shape != other.shape or (first != other).any()
    position = 0
    for word in first[0][:-1]:
        position = ids[0].tolist().index(word, position) + 1


def test_row_steps_are_those_of_whole_tables_and_leave_other_rows_alone():
    tables = [tf.Variable(np.ones((6, 3), np.float32)) for _ in range(2)]
    table, whole = (keras.Variable(t.numpy()) for t in tables)
    indices, weights = np.array([4, 1, 4, 4]), np.arange(12, dtype=np.float32).reshape(4, 3)
    by_row, dense = RowAdagrad(0.5), RowAdagrad(0.5)
    by_row.build([table])
    dense.build([whole])
    for _ in range(3):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.square(rows_of(table, indices)) * weights)
        gradient = tape.gradient(loss, table.value)
        assert isinstance(gradient, tf.IndexedSlices)
        by_row.apply([gradient], [table])
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.square(keras.ops.take(whole, indices, axis=0)) * weights)
        dense.apply([tf.convert_to_tensor(tape.gradient(loss, whole.value))], [whole])
    np.testing.assert_allclose(np.asarray(table), np.asarray(whole), rtol=1e-5)
    assert (np.asarray(table)[[0, 2, 3, 5]] == 1).all()
    assert (np.asarray(table)[[1, 4]] != 1).any(axis=1).all()


def test_a_row_step_follows_its_formula():
    table = keras.Variable(np.zeros((2, 2), np.float32))
    optimizer = RowAdagrad(0.1, initial_accumulator_value=1.0)
    optimizer.build([table])
    optimizer.apply([tf.constant([[3.0, 4.0], [0.0, 0.0]])], [table])
    scale = 0.1 / np.sqrt(1 + (9 + 16) / 2)
    assert np.asarray(table)[0] == pytest.approx([-3 * scale, -4 * scale])
    assert not np.asarray(table)[1].any()


@pytest.fixture(scope="module")
def topics(tmp_path_factory):
    """A text that stays with one of two topics for a while, and a file of similarities."""
    folder, rng = tmp_path_factory.mktemp("topics"), np.random.default_rng(0)
    stretches = [" ".join(rng.choice(TOPICS[i % 2], 60)) for i in range(400)]
    (folder / "text.txt").write_text("\n".join(stretches))
    pairs = [("sea1", "SEA2", 9), ("sky1", "sky3", 8), ("sea3", "sky4", 1), ("sky5", "sea6", 2)]
    lines = [f"{a},{b},{score}" for a, b, score in [*pairs, ("sea1", "land", 5)]]
    (folder / "pairs.csv").write_text("word1,word2,score\n" + "\n".join(lines))
    (folder / "questions.txt").write_text(": all\nsea1 sea2 sea3 sea4\nsea1 x y z\n")
    return folder


@pytest.fixture(scope="module", params=["skip_gram", "cbow"])
def run(request, topics):
    return maquette.train(
        "word2vec",
        topics / "text.txt",
        out=topics / "runs",
        name=request.param,
        architecture=request.param,
        embedding_dim=16,
        subsample=0,
        epochs=4,
        batch_size=256,
        similarity=(str(topics / "pairs.csv"),),
    )


def test_words_of_one_topic_become_neighbours(run):
    rows = maquette.predict(run, ["sea0", "SKY1"])
    assert len(rows) == 20
    assert all(row["neighbour"][:3] == row["word"][:3] for row in rows)
    assert rows[0].keys() == {"word", "neighbour", "similarity"}
    assert run.metrics["train"]["metrics"]["pairs"] >= 0.6
    table = run.metrics["train"]["tables"]["Word similarity"]
    assert table == [
        {"file": "pairs.csv", "spearman": table[0]["spearman"], "pairs": 5, "known": 4}
    ]


def test_an_unknown_word_is_told_with_the_nearest_spelling(run):
    with pytest.raises(UserError, match="'sea21' has no vector; perhaps you meant 'sea2'"):
        maquette.predict(run, ["sea21"])


def test_a_run_is_judged_the_same_each_time_and_by_other_files_without_training(run, topics):
    first, again = maquette.evaluate(run.path), maquette.evaluate(run.path)
    assert first["metrics"] == again["metrics"] == run.metrics["train"]["metrics"]
    other = maquette.evaluate(
        run.path,
        similarity=(),
        analogies=str(topics / "questions.txt"),
        data=str(topics / "text.txt"),
    )
    assert other["metrics"].keys() == {"loss", "analogies"}
    assert other["tables"]["Analogies"][-1]["known"] == 1
    with pytest.raises(UserError, match="--window was decided"):
        maquette.evaluate(run.path, window=3)


def test_a_text_is_judged_by_the_words_of_the_run(run, tmp_path):
    shuffled = np.random.default_rng(1).permutation(np.repeat(TOPICS, 80))
    (tmp_path / "other.txt").write_text("new " * 3 + " ".join(shuffled))
    other = maquette.evaluate(run.path, data=str(tmp_path / "other.txt"))
    assert other["split"] == "test"
    assert other["metrics"]["loss"] > 1.2 * run.metrics["train"]["metrics"]["loss"]


def test_vectors_leave_in_the_formats_of_word2vec(run, tmp_path):
    expected = np.asarray(run.model.vectors)[2:]
    formats = run.template.TASK.other_formats(run)
    assert formats.keys() == {"vectors.txt", "vectors.bin"}
    for name, content in formats.items():
        (tmp_path / name).write_bytes(content)
        vectors, found = read_vectors(tmp_path / name, run.description.vocabulary.words)
        assert found.all()
        np.testing.assert_array_equal(vectors, expected)


def test_endpoints_find_the_neighbours_that_cosines_tell(run):
    ids = np.array([2, 9, 25], np.int32)
    outputs = run.template.endpoints(run.model)["neighbours"]({"ids": ids})
    table = WordVectorTable(run.description.vocabulary.words, np.asarray(run.model.vectors)[2:])
    for row, index in enumerate(ids):
        expected = table.neighbours(table.words[index - 2], 10)
        found = [table.words[i - 2] for i in np.asarray(outputs["neighbours"])[row]]
        assert found == list(expected)
        assert np.asarray(outputs["similarity"])[row] == pytest.approx(
            list(expected.values()), abs=1e-4
        )


def test_epochs_are_whole_executions_of_steps_and_hold_all_words(topics):
    task = WordVectors(data="")
    for batch_size in (32, 100, 512, 50_000):
        corpus = task.open(str(topics / "text.txt"), word2vec.Config(batch_size=batch_size))
        examples = task.examples(None, corpus, "train")
        assert len(examples) % STEPS_PER_EXECUTION == 0
        assert examples.x.shape[1] <= batch_size
        ids = examples.x[np.arange(len(examples))].ravel()
        np.testing.assert_array_equal(ids[ids > 0], corpus.splits["train"].ids[:-5])


@pytest.mark.parametrize(
    "text",
    [
        "# comment\ncat\tdog\t7.5\nCar\tbus\t6\n",
        "word1\tword2\tPOS\tSimLex999\tSD\ncat\tdog\tN\t7.5\t1\ncar\tbus\tN\t6\t0\n",
        "Word 1,Word 2,Human (mean)\ncat,dog,7.5\ncar,bus,6\n",
        "cat dog 7.5\n\ncar  bus  6\n",
        "cat;dog;7.5\r\ncar;bus;6.0\r\n",
    ],
)
def test_files_of_similarity_come_in_many_forms(text, tmp_path):
    (tmp_path / "pairs.txt").write_text(text)
    scored = read_similarity(tmp_path / "pairs.txt")
    assert scored.pairs == [("cat", "dog"), ("car", "bus")]
    assert scored.scores.tolist() == [7.5, 6]


@pytest.mark.parametrize(
    ("read", "text", "reason"),
    [
        (read_similarity, "a b c\nd e f\n", "no lines of two words and a score"),
        (read_similarity, "a,b,1\nc,d,2\ne,f\n", "line 3 of .* is no two words and a score"),
        (read_similarity, "# nothing\n", "no lines but comments"),
        (read_analogies, ": x\na b c\n", "line 2 of .* is no four words"),
        (read_analogies, ": x\n", "no questions"),
    ],
)
def test_files_to_judge_by_that_are_damaged_are_told(read, text, reason, tmp_path):
    (tmp_path / "file").write_text(text)
    with pytest.raises(UserError, match=reason):
        read(tmp_path / "file")


def test_files_to_judge_by_are_read_before_the_training(topics, tmp_path):
    for options in ({"similarity": ("missing.txt",)}, {"analogies": "missing.txt"}):
        with pytest.raises(UserError, match=r"cannot read missing\.txt"):
            maquette.train("word2vec", topics / "text.txt", out=tmp_path, **options)
    assert not list(tmp_path.iterdir())


def test_analogies_leave_out_the_words_asked_for():
    words = ["man", "woman", "king", "queen", "child"]
    vectors = np.array([[1, 0, 0], [1, 1, 0], [1, 0, 1], [1, 1, 1], [1, 0.5, 0]])
    table = WordVectorTable(words, vectors)
    asked = {"royal": [("man", "woman", "king", "queen"), ("man", "king", "woman", "child")]}
    rows = table.analogies(Analogies({**asked, "other": [("man", "woman", "duke", "duchess")]}))
    assert [(row["accuracy"], row["questions"], row["known"]) for row in rows] == [
        (0.5, 2, 2),
        (0.0, 1, 0),
        (0.5, 3, 2),
    ]


def test_agreement_asks_for_the_nearest_neighbours_whatever_their_order():
    task, cosines = WordVectors(data=""), np.full((2, 10), 0.5)
    expected = {"neighbours": np.array([range(10), range(10)]), "similarity": cosines}
    received = {"neighbours": np.array([[*range(9, 1, -1), 1, 0], [0, 1, 2, *range(20, 27)]])}
    assert task.agreement("neighbours", expected, {**received, "similarity": cosines}) == 0.8
    assert task.agreement("neighbours", expected, {**received, "similarity": cosines / 2}) == 0
    cosines = {"similarity": np.array([0.5, 0.5])}, {"similarity": np.array([0.54, 0.44])}
    assert task.agreement("similarity", *cosines) == 0.5


def test_words_that_stand_anywhere_are_not_shown():
    vectors = np.repeat(
        [[1.0], [1], [0.1], [3], [0.2], [2], [4], [0.3], [5], [0.4], [9]], 2, axis=1
    )
    assert telling_words(vectors, 2).tolist() == [6, 8]
    assert telling_words(vectors, 50).tolist() == list(range(2, 11))


@pytest.mark.parametrize("count", [1, 3, 30])
def test_map_is_drawn_for_any_number_of_words(count):
    vectors = np.random.default_rng(0).normal(size=(count, 5))
    figure = word_map([f"word{i}" for i in range(count)], vectors)
    assert 1 <= len(figure.axes[0].texts) <= count
