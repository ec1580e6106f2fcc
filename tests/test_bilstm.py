"""The recurrent classifier: what padding, dropout of words and vectors from a file do."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest

from maquette.errors import UserError
from maquette.reporting.word_plots import coloured_texts
from maquette.templates import bilstm
from maquette.text.vector_files import text_format
from maquette.text.vocabulary import RESERVED, UNKNOWN, Vocabulary

WORDS = tuple(f"word{number}" for number in range(38))
DATA = SimpleNamespace(vocabulary=Vocabulary(WORDS), classes=("a", "b", "c"))
LENGTHS = np.array([1, 2, 5, 9, 9, 0])


def build(**options) -> keras.Model:
    keras.utils.set_random_seed(3)
    small = {"units": 6, "embedding_dim": 5, "vocabulary_size": 40}
    model = bilstm.build(bilstm.Config(**{**small, **options}), DATA)
    # Keras' own initial vectors are so short that a wrong mask would hardly show.
    table = model.get_layer("words").get_weights()[0]
    model.get_layer("words").set_weights([20 * table])
    return model


def texts(time: int) -> np.ndarray:
    """Return word ids of texts of several lengths, padded to `time`."""
    ids = np.random.default_rng(0).integers(1, 40, (len(LENGTHS), time)).astype("int32")
    return np.where(np.arange(time) < LENGTHS[:, None], ids, 0)


@pytest.mark.parametrize("cell", ["lstm", "gru", "simple"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("layers", [1, 2])
def test_padding_changes_no_logit(cell, bidirectional, layers):
    model = build(cell=cell, bidirectional=bidirectional, layers=layers)
    ids = texts(9)
    expected = np.asarray(model(ids))
    padded = np.asarray(model(np.pad(ids, ((0, 0), (0, 6)))))
    np.testing.assert_allclose(padded, expected, atol=1e-6)
    for row, length in zip(ids[:-1], LENGTHS, strict=False):
        alone = np.asarray(model(row[None, :length]))
        np.testing.assert_allclose(alone, model(row[None]), atol=1e-6)
    assert np.ptp(expected, axis=0).min() > 0.02


def test_a_text_without_words_has_an_answer():
    logits = np.asarray(build()(np.zeros((1, 4), "int32")))
    assert np.isfinite(logits).all()


@pytest.mark.parametrize("cell", ["lstm", "gru", "simple"])
def test_the_order_of_the_words_counts(cell):
    model, ids = build(cell=cell), texts(9)[3:4]
    assert np.abs(model(ids) - model(ids[:, ::-1])).max() > 0.02


@pytest.mark.parametrize(("bidirectional", "reads_back"), [(False, False), (True, True)])
def test_one_direction_sees_nothing_of_the_words_that_follow(bidirectional, reads_back):
    model, ids = build(bidirectional=bidirectional), texts(9)[3:4]
    kind = keras.layers.Bidirectional if bidirectional else keras.layers.LSTM
    recurrent = next(layer for layer in model.layers if isinstance(layer, kind))
    outputs = keras.Model(model.input, recurrent.output)  # (batch, time, features)
    changed = np.array(ids)
    changed[0, -1] = ids[0, -1] % 39 + 1
    differences = np.abs(outputs(ids) - outputs(changed)).max(axis=(0, 2))  # (time,)
    assert differences[-1] > 0.01
    assert (differences[:-1].max() > 0) == reads_back


def test_word_dropout_replaces_words_by_the_unknown_one_in_training_alone():
    layer = bilstm.WordDropout(0.3)
    ids = np.pad(np.full((200, 40), 7, "int32"), ((0, 0), (0, 10)))
    np.testing.assert_array_equal(layer(ids), ids)
    first, second = (np.asarray(layer(ids, training=True)) for _ in range(2))
    assert set(np.unique(first[:, :40])) == {UNKNOWN, 7}
    assert abs(np.mean(first[:, :40] == UNKNOWN) - 0.3) < 0.03
    assert (first[:, 40:] == 0).all()
    assert (first != second).any()


def test_max_over_time_leaves_padding_out():
    x = np.array([[[-0.9, 0.1], [-0.2, 0.3], [0.8, 0.9]]], "float32")
    mask = np.array([[True, True, False]])
    np.testing.assert_allclose(bilstm.MaxOverTime()(x, mask=mask), [[-0.2, 0.3]])
    np.testing.assert_allclose(bilstm.MaxOverTime()(x, mask=~mask), [[0.8, 0.9]])
    np.testing.assert_allclose(bilstm.MaxOverTime()(x, mask=np.zeros((1, 3), bool)), [[-1, -1]])


def vectors_of(words, dimension: int = 5) -> np.ndarray:
    return np.random.default_rng(1).normal(size=(len(words), dimension)).astype("float32")


def test_vectors_of_a_file_stand_at_their_words(tmp_path, capsys):
    words = WORDS[:30]
    file = tmp_path / "vectors.txt"
    file.write_bytes(text_format(words, vectors_of(words)))
    config = bilstm.Config(embedding_dim=5, vectors=str(file))
    model = bilstm.build(config, DATA)
    before = model.get_layer("words").get_weights()[0]
    bilstm.pretrained(model, config, DATA)
    table = model.get_layer("words").get_weights()[0]
    start = len(RESERVED)
    np.testing.assert_array_equal(table[start : start + 30], vectors_of(words))
    # Words that the file lacks stay random, and as long as the others.
    others = table[start + 30 :]
    assert 0.5 < others.std() / vectors_of(words).std() < 2
    assert abs(np.corrcoef(others.ravel(), before[start + 30 :].ravel())[0, 1] - 1) < 1e-6
    said = capsys.readouterr().err
    assert "vectors.txt has vectors for 30 of 38 words; it lacks word30, word31" in said


@pytest.mark.parametrize(
    ("words", "dimension", "message"),
    [
        (WORDS, 4, "has vectors of 4 numbers, --embedding-dim is 5; give --embedding-dim 4"),
        (["elsewhere"], 5, "has no vector for any word of the texts, e.g. 'word0'"),
    ],
)
def test_vectors_that_do_not_fit_are_refused(words, dimension, message, tmp_path):
    file = tmp_path / "vectors.txt"
    file.write_bytes(text_format(words, vectors_of(words, dimension)))
    config = bilstm.Config(embedding_dim=5, vectors=str(file))
    with pytest.raises(UserError, match=message):
        bilstm.pretrained(bilstm.build(config, DATA), config, DATA)


def test_vectors_stay_as_they_are_without_train_vectors():
    model = build(train_vectors=False, learning_rate=0.1)
    before = model.get_layer("words").get_weights()[0]
    model.fit(texts(9), np.array([0, 1, 2, 0, 1, 2]), verbose=0)
    np.testing.assert_array_equal(model.get_layer("words").get_weights()[0], before)


def test_influence_tells_which_word_an_answer_hangs_on():
    ids = keras.Input((None,), dtype="int32")
    # Word 7 is for class 1, word 9 is against it; all other words say nothing.
    table = np.zeros((40, 2), "float32")
    table[7, 1], table[9, 1] = 3, -1
    words = keras.layers.Embedding(40, 2, weights=[table])(ids)
    model = keras.Model(ids, keras.layers.Lambda(lambda x: keras.ops.sum(x, axis=1))(words))
    predicted, raised = bilstm.influence(model, np.array([5, 7, 9, 0, 0], "int32"))
    assert predicted == 1
    np.testing.assert_allclose(raised, [0, 3, -1])


def test_telling_words_keep_to_their_lines_and_colours():
    words = ["plain", "$x_{", "x" * 60, "日本", "<unknown>"] * 12
    weights = np.tile([1.0, -2.0, 0.0, 0.5, 0.0], 12)
    figure = coloured_texts(["one", "none"], [words, []], [weights, np.zeros(0)], "Heading")
    figure.canvas.draw()
    axes = figure.axes[0]
    boxes = [text.get_window_extent() for text in axes.texts]
    assert max(box.x1 for box in boxes) <= figure.bbox.x1
    assert max(box.y1 for box in boxes) <= figure.bbox.y1
    assert min(box.y0 for box in boxes) >= 0
    assert len(axes.texts) == 3 + len(words)
    strength = [patch.get_facecolor()[3] for patch in axes.patches[:5]]
    np.testing.assert_allclose(strength, [0.375, 0.75, 0, 0.1875, 0])
    assert axes.patches[0].get_facecolor()[:3] != axes.patches[1].get_facecolor()[:3]
