"""Data in memory as a data source: arrays, datasets and frames, written once and found again."""

from pathlib import Path

import keras
import numpy as np
import pandas
import pyarrow
import pytest
import tensorflow as tf
from image_arrays import images, open_images, pixels_of, refusal
from image_trees import add_images, sizes

import maquette
from maquette.errors import UserError
from maquette.python_data import streams
from maquette.python_data.as_source import as_source
from maquette.sources import Source, open_source
from maquette.text.tables import read_table

PIXELS, LABELS = images(40), np.arange(40) % 2
TEXTS = [f"text {index}" for index in range(40)]
NAMED = {p.tobytes(): str(i % 2) for i, p in enumerate(PIXELS)}


class OfArrow:
    """A frame of a library that gives its columns as Arrow does, such as Polars."""

    def __init__(self, table: pyarrow.Table):
        self.__arrow_c_stream__ = table.__arrow_c_stream__


def rows_of(source: str) -> list[dict]:
    return [values for _, values in read_table(Path(Source.of(source).name)).rows]


def test_a_source_stays_what_it_is(tmp_path):
    assert as_source("digits", tmp_path) == "digits"
    assert as_source(Path("a.csv"), tmp_path, target="y") == "a.csv?target=y"
    assert list(tmp_path.iterdir()) == []


def test_arrays_of_images_are_written_once(tmp_path):
    source = as_source((PIXELS, LABELS), tmp_path)
    assert pixels_of(open_images(source)) == NAMED
    assert as_source((PIXELS.copy(), list(LABELS)), tmp_path) == source
    assert len(list((tmp_path / "data").iterdir())) == 1
    assert as_source((PIXELS, 1 - LABELS), tmp_path) != source


@pytest.mark.parametrize(
    "split",
    [
        lambda a, b: {"train": a, "test": b},
        lambda a, b: {"training": a, "Test": b},
        lambda a, b: (a, b),
    ],
)
def test_arrays_may_come_in_splits(tmp_path, split):
    pairs = split((PIXELS[:30], LABELS[:30]), (PIXELS[30:], LABELS[30:]))
    data = open_images(as_source(pairs, tmp_path))
    assert sizes(data) == {"train": 26, "validation": 4, "test": 10}
    assert pixels_of(data) == NAMED


@pytest.mark.parametrize("kind", [list, np.array, lambda x: np.array(x, object), tf.constant])
def test_arrays_of_strings_are_texts(tmp_path, kind):
    texts = kind(TEXTS) if kind is not tf.constant else np.array([t.encode() for t in TEXTS])
    data = open_source(as_source((texts, LABELS), tmp_path), {"text"})
    assert {t for split in data.splits.values() for t in split.texts} == set(TEXTS)
    assert data.classes == ("0", "1")


def test_rows_of_numbers_are_a_table_with_a_target(tmp_path):
    source = as_source((np.arange(6.0).reshape(3, 2), [0.5, 1.5, 2]), tmp_path)
    assert Source.of(source).target == "target"
    assert rows_of(source)[1] == {"x0": 2.0, "x1": 3.0, "target": 1.5}


def test_frames_keep_the_types_of_their_columns(tmp_path):
    columns = {"size": [1, 2, None], "kind": ["a", "b", None], "sold": [True, False, True]}
    frame = pandas.DataFrame({**columns, "size": pandas.array(columns["size"], "Int64")})
    source = as_source(frame, tmp_path, target="kind")
    assert Source.of(source).target == "kind"
    assert rows_of(source) == pyarrow.table(columns).to_pylist()
    assert as_source(frame.iloc[[0, 1, 2]], tmp_path, target="kind") == source
    for other in (pyarrow.table(columns), OfArrow(pyarrow.table(columns)), columns):
        assert rows_of(as_source(other, tmp_path, target="kind")) == rows_of(source)
    message = refusal(as_source, frame, tmp_path, target="knid")
    assert message.endswith("perhaps you meant 'kind'; name it with target")


def test_a_frame_of_texts_and_one_of_paths_open_as_what_they_are(tmp_path, monkeypatch):
    frame = pandas.DataFrame({"review": TEXTS, "stars": LABELS})
    parts = {"train": frame[:30], "test": frame[30:]}
    source = as_source(parts, tmp_path, target="stars", text_column="review")
    assert sizes(open_source(source, {"text"})) == {"train": 26, "validation": 4, "test": 10}
    add_images(tmp_path / "photos", 40)
    monkeypatch.chdir(tmp_path)
    photos = pandas.DataFrame({"file": [f"photos/{i:03}.png" for i in range(40)], "y": LABELS})
    source = as_source(photos, tmp_path, target="y", image_column="file")
    monkeypatch.chdir("/")
    assert sizes(open_images(source)) == {"train": 28, "validation": 6, "test": 6}


def test_what_keras_makes_of_a_folder_keeps_its_classes(tmp_path, pets):
    options = {"image_size": (6, 5), "batch_size": 7, "verbose": False}
    dataset = keras.utils.image_dataset_from_directory(pets, **options)
    source = as_source(dataset, tmp_path)
    data = open_images(source)
    assert (data.classes, data.native_shape) == (("cats", "dogs"), (6, 5, 3))
    assert sizes(data) == {"train": 28, "validation": 6, "test": 6}
    # It is shuffled anew each time, and is the same data all the same.
    assert as_source(dataset, tmp_path) == source
    one_by_one = keras.utils.image_dataset_from_directory(pets, **{**options, "batch_size": None})
    assert pixels_of(open_images(as_source(one_by_one, tmp_path))) == pixels_of(data)


def test_both_parts_that_keras_makes_are_train_and_validation(tmp_path, pets):
    both = keras.utils.image_dataset_from_directory(
        pets, image_size=(6, 5), validation_split=0.2, subset="both", seed=1, verbose=False
    )
    assert sizes(open_images(as_source(both, tmp_path))) == {"train": 32, "validation": 8}


@pytest.mark.parametrize(
    ("x", "y", "batch"),
    [
        (PIXELS, LABELS, 16),
        (PIXELS, LABELS, None),
        (PIXELS / 255, np.eye(2, dtype="float32")[LABELS], 16),
        (PIXELS.astype("float32"), LABELS[:, None].astype("float32"), 16),
    ],
)
def test_datasets_of_images_are_the_same_images(tmp_path, x, y, batch):
    dataset = tf.data.Dataset.from_tensor_slices((x, y))
    dataset = dataset if batch is None else dataset.batch(batch)
    assert pixels_of(open_images(as_source(dataset, tmp_path))) == NAMED


def test_large_datasets_go_to_several_files(tmp_path, monkeypatch):
    monkeypatch.setattr(streams, "LARGEST_SHARD", 2000)
    dataset = tf.data.Dataset.from_tensor_slices({"image": PIXELS, "label": LABELS}).batch(8)
    source = as_source(dataset, tmp_path)
    assert len(list(Path(source).iterdir())) > 2
    assert pixels_of(open_images(source)) == NAMED


def test_datasets_of_texts_and_of_rows_are_tables(tmp_path):
    texts = tf.data.Dataset.from_tensor_slices((TEXTS, LABELS)).batch(8)
    data = open_source(as_source(texts, tmp_path), {"text"})
    assert sizes(data) == {"train": 28, "validation": 6, "test": 6}
    columns = {"age": np.arange(40.0), "job": np.array(["cook", "smith"])[LABELS]}
    rows = tf.data.Dataset.from_tensor_slices((columns, LABELS)).batch(16)
    source = as_source(rows, tmp_path)
    assert rows_of(source)[3] == {"age": 3.0, "job": "smith", "target": 1}
    numbers = tf.data.Dataset.from_tensor_slices((PIXELS[:, 0, :2, 0], LABELS))
    assert list(rows_of(as_source(numbers, tmp_path))[0]) == ["x0", "x1", "target"]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (7, "cannot use data of type int; a path or name, (x, y), a dictionary"),
        ((PIXELS, LABELS[:3]), "x has shape (40, 6, 5, 3) and y (3,)"),
        ((np.zeros((2, 2, 2, 2, 2)), [0, 1]), "expected images (n, height, width, channels)"),
        ((PIXELS, np.zeros((40, 3))), "expected one label each, (n,), or one-hot"),
        ({"train": (PIXELS, LABELS), "test": (TEXTS, LABELS)}, "images in one split and texts in"),
        ({"test": (PIXELS, LABELS)}, "data has the splits test; expected train"),
        ({"a": [1, 2], "b": [1]}, "cannot write the data frame as a table"),
        (tf.data.Dataset.from_tensor_slices(PIXELS), "elements of uint8(6, 5, 3); expected pairs"),
        (tf.data.Dataset.from_tensor_slices((PIXELS, LABELS)).repeat(), "never ends"),
        (tf.data.Dataset.from_tensor_slices({"a": PIXELS}), "cannot tell input and target among a"),
        (
            tf.data.Dataset.from_tensor_slices((PIXELS / 127.5 - 1, LABELS)),
            "range from -1 to 1; expected 0 to 255",
        ),
    ],
)
def test_data_of_no_use_is_refused_and_leaves_nothing(tmp_path, data, told):
    assert told in refusal(as_source, data, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_data_in_memory_is_checked_like_any_other(tmp_path):
    copied = np.concatenate([PIXELS, PIXELS[:1]])
    report = maquette.check((copied, np.append(LABELS, 1)), out=tmp_path)
    assert (report.kind, sum(report.counts.values())) == ("images", 41)
    frame = pandas.DataFrame({"review": [*TEXTS, TEXTS[0]], "stars": [*LABELS, 1]})
    options = {"target": "stars", "text_column": "review", "out": tmp_path}
    report = maquette.check(frame, **options)
    assert report.kind == "text"
    assert any("different labels" in finding.message for finding in report.of("error"))


def test_a_run_on_arrays_is_trained_evaluated_and_opened_again(tmp_path):
    options = {"epochs": 1, "hidden_units": (4,), "out": tmp_path}
    run = maquette.train("mlp", (PIXELS, LABELS), **options)
    recorded = run.record["data"]["source"]
    assert recorded.startswith(str(tmp_path / "data"))
    again = maquette.train("mlp", recorded, **options)
    assert again.record["data"] == run.record["data"]
    assert maquette.evaluate(run)["metrics"] == run.metrics["test"]["metrics"]
    other = maquette.evaluate(run, (images(20, "other"), LABELS[:20]))
    assert other["data"].startswith(str(tmp_path / "data"))
    assert other["split"] == "test"


@pytest.mark.parametrize("data", [([[1], [1, 2]], [0, 1]), ([[1, 2], [3, 4]], [[0], [1, 2]])])
def test_arrays_whose_parts_are_of_several_shapes_are_refused(tmp_path, data):
    with pytest.raises(
        maquette.UserError, match="x or y is no array: its parts are of several shapes"
    ):
        as_source(data, tmp_path)


def test_arrays_that_hold_nothing_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"x has shape \(0, 3\), which holds nothing"):
        as_source((np.zeros((0, 3)), np.zeros(0)), tmp_path)


def test_images_of_which_one_has_no_label_are_refused(tmp_path):
    labels = np.array(["cat", None] * 10, object)
    with pytest.raises(
        maquette.UserError, match="has None among its labels; leave these images out"
    ):
        as_source((np.zeros((20, 8, 8)), labels), tmp_path)


def test_half_a_surrogate_pair_in_a_text_is_replaced(tmp_path):
    source = as_source((["a \ud800"] * 20, ["x", "y"] * 10), tmp_path)
    assert '"a ?"' in Path(source).read_text("utf-8")


def test_a_frame_that_parquet_cannot_hold_is_refused(tmp_path):
    with pytest.raises(
        maquette.UserError, match="cannot write the data frame as a table: Cannot write"
    ):
        as_source({"a": [{}], "label": [1]}, tmp_path)
