"""A user's own TFRecord files: splits, features, labels, damage, and reading any record again."""

import gzip
import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from array_record.python.array_record_module import ArrayRecordWriter
from image_arrays import images, open_images, pixels_of, refusal
from image_trees import sizes
from record_sets import image_rows, write_records

from maquette.records.shards import shard
from maquette.sources import kind_of, open_source

PIXELS = images(40)


def text_rows(count: int = 40) -> list[dict]:
    return [{"text": f"text {i}", "label": ("bad", "good")[i % 2]} for i in range(count)]


def test_one_file_of_images_is_divided_70_15_15(tmp_path):
    path = write_records(tmp_path / "a.tfrecord", image_rows(PIXELS))
    data = open_images(path)
    assert sizes(data) == {"train": 28, "validation": 6, "test": 6}
    assert (data.source, data.classes, data.native_shape) == (str(path), ("0", "1"), (6, 5, 3))
    assert pixels_of(data) == {p.tobytes(): str(i % 2) for i, p in enumerate(PIXELS)}
    assert data.splits["train"].names[0].startswith("a.tfrecord:")


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("pets-train.tfrecord-00000-of-00002", "pets-test.tfrecord-00000-of-00001"),
        ("train-00000-of-00002", "validation-00000-of-00001"),
        ("train/a.tfrec", "test/b.tfrec"),
    ],
)
def test_names_of_files_and_folders_tell_splits(tmp_path, train, test):
    write_records(tmp_path / train, image_rows(PIXELS[:20]))
    write_records(tmp_path / train.replace("0000-", "0001-"), image_rows(PIXELS[:20]))
    write_records(tmp_path / test, image_rows(PIXELS[30:]))
    data = open_images(tmp_path)
    assert not data.divided_by_us
    judged = "validation" if "validation" in test else "test"
    assert len(data.splits[judged]) == 10
    assert data.splits[judged].read(9, (6, 5, 3)).tolist() == PIXELS[39].tolist()


def test_missing_files_of_a_numbered_set_are_told(tmp_path):
    write_records(tmp_path / "pets-00001-of-00003", image_rows(PIXELS))
    assert open_images(tmp_path).notes[0] == "files are missing: pets has 1 of 3 files"
    assert "files are missing" in refusal(open_images, tmp_path, True)


def test_usual_names_of_features_need_no_option(tmp_path):
    rows = image_rows(PIXELS, "image/encoded", "image/class/label")
    rows = [{**row, "image/filename": "x", "image/height": 6} for row in rows]
    assert sizes(open_images(write_records(tmp_path / "a.tfrecord", rows)))["train"] == 28


def test_other_features_are_named_and_listed(tmp_path):
    rows = [{**row, "w": 0.5} for row in image_rows(PIXELS, "scan", "grade")]
    path = write_records(tmp_path / "a.tfrecord", rows)
    message = refusal(open_images, path)
    assert "cannot tell which feature" in message
    assert "it has grade (whole), scan (image), w (other); name it with --target" in message
    assert "perhaps you meant 'grade'" in refusal(open_images, f"{path}?target=grad")
    assert open_images(f"{path}?target=grade&image=scan").classes == ("0", "1")


def test_texts_are_read_by_their_kind(tmp_path):
    rows = [*text_rows(), {"text": " ", "label": "bad"}]
    path = write_records(tmp_path / "a.tfrecord", rows)
    assert kind_of(path, {"text", "images"}) == "text"
    data = open_source(path, {"text"})
    assert sizes(data) == {"train": 28, "validation": 6, "test": 6}
    assert data.classes == ("bad", "good")
    assert data.notes[0] == "left out 1 of 41 files: a.tfrecord:40 (empty text)"
    assert "holds text, and this takes images" in refusal(open_images, path)


def test_features_of_all_kinds_are_the_columns_of_a_table(tmp_path):
    rows = [
        {"age": index % 7, "job": ("cook", "smith")[index % 2], "pay": index / 4}
        for index in range(40)
    ]
    path = write_records(tmp_path / "a.tfrecord", rows)
    assert kind_of(f"{path}?target=pay", {"images", "table"}) == "table"
    data = open_source(f"{path}?target=pay", {"table"})
    assert (data.classes, sizes(data)) == ((), {"train": 28, "validation": 6, "test": 6})
    assert {column.name for column in data.columns} == {"age", "job"}


def test_features_and_names_of_classes_are_read_from_beside(tmp_path):
    path = write_records(tmp_path / "a.tfrecord", image_rows(PIXELS, "picture", "kind"))
    features = {
        "picture": {"pythonClassName": "tensorflow_datasets.core.features.image_feature.Image"},
        "kind": {"pythonClassName": "any.thing.ClassLabel"},
    }
    described = {"pythonClassName": "FeaturesDict", "featuresDict": {"features": features}}
    (tmp_path / "features.json").write_text(json.dumps(described))
    (tmp_path / "kind.labels.txt").write_text("ant\nbee\n")
    assert open_images(f"{path}?target=kind").classes == ("ant", "bee")
    assert open_images(tmp_path).classes == ("ant", "bee")
    (tmp_path / "features.json").write_text("[]")
    assert "features.json is damaged" in refusal(open_images, tmp_path)


def test_examples_of_no_use_are_named_and_left_out(tmp_path):
    rows = image_rows(PIXELS)
    odd = [{"image": b"<html>", "label": 1}, {"image": rows[0]["image"]}, {"label": 0}]
    path = write_records(tmp_path / "a.tfrecord", [*rows, *odd, {**rows[0], "label": -1}])
    data = open_images(path)
    assert data.notes[:2] == (
        "left out 2 of 44 files: a.tfrecord:40 (not an image (it begins with '<html>')), "
        "a.tfrecord:42 (empty file)",
        "left out images without a label (2): a.tfrecord:41, a.tfrecord:43",
    )
    assert sum(sizes(data).values()) == 40
    assert "4 examples of" in refusal(open_images, path, True)


def test_any_part_of_a_file_can_be_read_again(tmp_path):
    rows = image_rows(PIXELS)
    part = shard(write_records(tmp_path / "a.tfrecord", rows), skip=10, take=5)
    records = list(part.scan())
    assert len(records) == 5
    assert [part.read(index) for index in (4, 0)] == [records[4], records[0]]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda data: data[:-5], "as TFRecord"),
        (lambda data: data[:300] + b"x" + data[301:], "corrupted record"),
        (lambda data: b"this is no record, whatever its name says", "as TFRecord"),
        (lambda data: gzip.compress(data), "it is packed; unpack it with gunzip"),
        (lambda data: b"", "has no records"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path, change, told):
    path = write_records(tmp_path / "a.tfrecord", image_rows(PIXELS))
    path.write_bytes(change(path.read_bytes()))
    message = refusal(open_images, path)
    assert str(path) in message
    assert told in message


def test_a_damaged_array_record_is_refused(tmp_path):
    (tmp_path / "a.array_record").write_bytes(b"this is none")
    message = refusal(open_images, tmp_path / "a.array_record")
    assert message.startswith(f"cannot read {tmp_path / 'a.array_record'} as ArrayRecord: ")


def test_array_records_are_read_one_by_one_from_any_thread(tmp_path):
    writer = ArrayRecordWriter(str(tmp_path / "a.array_record"), "group_size:1")
    for index in range(500):
        writer.write(f"record {index}".encode())
    writer.close()
    records = shard(tmp_path / "a.array_record", skip=100, take=300)
    assert len(list(records.scan())) == 300
    with ThreadPoolExecutor(8) as pool:
        read = list(pool.map(records.read, range(300)))
    assert read == [f"record {100 + index}".encode() for index in range(300)]


def test_a_file_that_changed_since_it_was_opened_is_told(tmp_path):
    path = write_records(tmp_path / "a.tfrecord", image_rows(PIXELS))
    data = open_images(path)
    path.write_bytes(path.read_bytes()[:100])
    last = int(np.argmax(data.splits["train"].positions))
    assert "changed since it was read" in refusal(data.splits["train"].read, last, (6, 5, 3))


def test_records_that_hold_something_else_are_refused(tmp_path):
    import tensorflow as tf

    with tf.io.TFRecordWriter(str(tmp_path / "a.tfrecord")) as writer:
        writer.write(b"\xff\xff")
    assert "is no tf.train.Example" in refusal(open_images, tmp_path / "a.tfrecord")
