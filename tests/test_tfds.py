"""Sets of tensorflow-datasets: prepared ones without a network, and a quick answer without one."""

import socket
import time

import numpy as np
import pytest
import tensorflow_datasets as tfds
from image_arrays import images, open_images, pixels_of, refusal
from image_trees import sizes
from record_sets import prepare

import maquette
from maquette.records import prepared
from maquette.records.prepared import Asked
from maquette.sources import kind_of, open_source

PIXELS = images(66)
ANTS_AND_BEES = {
    "photo": tfds.features.Image(shape=(6, 5, 3)),
    "insect": tfds.features.ClassLabel(names=["ant", "bee"]),
    "legs": np.int64,
}
ROWS = [{"photo": p, "insect": i % 2, "legs": 6 + i % 3} for i, p in enumerate(PIXELS)]
FLOWERS = {
    "petals": tfds.features.Tensor(shape=(2,), dtype=np.int64),
    "kind": tfds.features.ClassLabel(names=["iris", "rose"]),
    "scent": tfds.features.ClassLabel(names=["none", "sweet"]),
}
REVIEWS = {"text": tfds.features.Text(), "label": tfds.features.ClassLabel(names=["bad", "good"])}


@pytest.fixture(scope="module", params=["tfrecord", "array_record"])
def sets(request, tmp_path_factory):
    """A folder of prepared sets, in one format."""
    folder = tmp_path_factory.mktemp(request.param)
    splits = {"train": ROWS[:40], "test": ROWS[40:54], "extra": ROWS[54:]}
    prepare(folder, "insects", ANTS_AND_BEES, splits, request.param)
    reviews = [{"text": f"text {i}", "label": i % 2} for i in range(40)]
    prepare(folder, "reviews", REVIEWS, {"train": reviews}, request.param)
    petals = [{"kind": i % 2, "petals": [4 + i % 3, 3], "scent": i % 2} for i in range(40)]
    prepare(folder, "flowers", FLOWERS, {"train": petals}, request.param)
    return folder


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """Let nothing be connected to."""

    def refuse(*arguments, **options):
        raise OSError("no network in tests")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)


@pytest.fixture
def data_dir(sets, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(sets))
    return sets


def test_a_prepared_set_opens_without_its_code_and_without_a_network(data_dir):
    data = open_images("tfds:insects")
    assert (data.source, data.classes, data.native_shape) == (
        "tfds:insects", ("ant", "bee"), (6, 5, 3),
    )  # fmt: skip
    assert sizes(data) == {"train": 34, "validation": 6, "test": 14}
    assert data.notes[0] == "left out other splits (1): extra"
    names = ("ant", "bee")
    assert pixels_of(data) == {p.tobytes(): names[i % 2] for i, p in enumerate(PIXELS[:54])}


def test_a_prepared_set_is_trained_on_without_a_network(data_dir, tmp_path):
    run = maquette.train("mlp", "tfds:insects", epochs=1, hidden_units=(4,), out=tmp_path)
    assert run.record["data"]["source"] == "tfds:insects"
    assert run.record["data"]["sizes"] == {"train": 34, "validation": 6, "test": 14}
    assert maquette.evaluate(run, "tfds:insects:extra")["split"] == "test"


def test_parts_and_other_targets_can_be_named(data_dir):
    assert sum(sizes(open_images("tfds:insects:train[:50%]")).values()) == 20
    assert sum(sizes(open_images("tfds:insects:1.0.0:train+extra")).values()) == 52
    assert open_images("tfds:insects?target=legs").classes == ("6", "7", "8")


def test_features_are_the_columns_of_a_table_where_one_is_wanted(data_dir):
    data = open_source("tfds:flowers", {"images", "table"})
    assert data.classes == ("iris", "rose")
    rows = [row for split in data.splits.values() for row in split.rows]
    assert {"kind": "rose", "petals_0": 5, "petals_1": 3, "scent": "sweet"} in rows


def test_texts_come_undivided_where_there_is_one_split(data_dir):
    assert kind_of("tfds:reviews", {"images", "text"}) == "text"
    data = open_source("tfds:reviews", {"text"})
    assert sizes(data) == {"train": 28, "validation": 6, "test": 6}
    assert data.classes == ("bad", "good")


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("tfds:insects:tst", "has no split 'tst'; perhaps you meant 'test'"),
        ("tfds:insects:train[:x]", "cannot read 'train[:x]' of tfds:insects"),
        ("tfds:insects:2.0.0", "tensorflow-datasets knows no 'insects'"),
        ("tfds:mnits", "knows no 'mnits'; perhaps you meant 'mnist', and none is prepared in"),
        ("tfds:", "is not tfds:NAME[/CONFIG][:VERSION][:SPLIT]"),
        ("tfds:reviews", "holds text, and this takes images"),
        ("tfds:insects?target=leg", "has no feature 'leg'"),
    ],
)
def test_what_is_not_there_is_refused(data_dir, source, told):
    assert told in refusal(open_images, source)


def test_without_a_network_an_unprepared_set_is_refused_with_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    message = refusal(open_images, "tfds:mnist")
    assert f"tfds:mnist is not prepared in {tmp_path}, and the network does not answer" in message
    assert "by: tfds build mnist; TFDS_DATA_DIR says where" in message


@pytest.mark.parametrize("stuck", ["name", "connection"])
def test_a_network_that_never_answers_is_given_up_within_15_seconds(tmp_path, monkeypatch, stuck):
    def wait(address=None, timeout=60.0, *arguments, **options):
        time.sleep(min(timeout if isinstance(timeout, float) else 60.0, 60.0))
        raise TimeoutError("no answer")

    if stuck == "connection":
        found = [(2, 1, 6, "", ("192.0.2.1", 443)), (10, 1, 6, "", ("2001:db8::1", 443, 0, 0))]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments, **options: found)
        monkeypatch.setattr(socket, "create_connection", wait)
    else:
        monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments, **options: wait())
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    began = time.perf_counter()
    assert "the network does not answer" in refusal(open_images, "tfds:mnist")
    assert time.perf_counter() - began < 15


def test_one_of_several_configs_must_be_named(tmp_path, monkeypatch):
    folder = prepare(
        tmp_path / "made", "reviews", REVIEWS, {"train": [{"text": "a", "label": 0}]}, "tfrecord"
    ).data_dir
    for config in ("long", "short"):
        (tmp_path / "reviews" / config).mkdir(parents=True)
        (tmp_path / "reviews" / config / "1.0.0").symlink_to(folder)
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    message = refusal(open_source, "tfds:reviews", {"text"})
    assert "has several configs" in message
    assert "long, short; name one, as in tfds:reviews/long" in message


def test_a_name_is_taken_apart_as_tensorflow_datasets_does():
    asked = Asked.of("tfds:glue/sst2:2.0.0:train[:10%]")
    assert (asked.name, asked.config, asked.version) == ("glue", "sst2", "2.0.0")
    assert (asked.split, asked.set_name) == ("train[:10%]", "glue/sst2:2.0.0")
    assert Asked.of("tfds:mnist:test").split == "test"


class Pebbles(tfds.core.GeneratorBasedBuilder):
    """Two kinds of stones, whose code tensorflow-datasets knows."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        features = {"image": ANTS_AND_BEES["photo"], "label": ANTS_AND_BEES["insect"]}
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

    def _split_generators(self, manager):
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        for index, pixels in enumerate(PIXELS):
            yield index, {"image": pixels, "label": index % 2}


def test_a_set_that_is_not_prepared_is_prepared_once_after_a_line_that_says_so(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(prepared, "require_network", lambda *arguments: None)
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    first = open_images("tfds:pebbles")
    printed = capsys.readouterr()
    assert f"note: tfds:pebbles is not prepared: downloading Unknown size to {tmp_path}" in (
        printed.err
    )
    assert printed.out == ""
    assert open_images("tfds:pebbles").fingerprint == first.fingerprint
    assert "note" not in capsys.readouterr().err


def test_what_a_set_cannot_be_prepared_for_is_told_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(prepared, "require_network", lambda *arguments: None)
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))

    def fail(self, **options):
        raise RuntimeError("the server\nsaid no")

    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", fail)
    message = refusal(open_images, "tfds:mnist")
    assert message == "cannot prepare tfds:mnist: the server said no"
