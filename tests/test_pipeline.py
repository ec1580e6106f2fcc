"""Batches: a pure function of the seed and the step, wherever the examples lie."""

import itertools
import time
import tracemalloc
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from maquette import pipeline
from maquette.images.data import FileSplit
from maquette.images.sized_images import SizedImages
from maquette.pipeline import Examples, cached_features

COUNT, BATCH = 10, 4
STEPS = 3


class OnDemand:
    """An array that can only be read by indices, as files can, and that counts the reads."""

    def __init__(self, array: np.ndarray, delay: float = 0.0):
        self.array, self.delay, self.reads = array, delay, []
        self.shape, self.dtype = array.shape, array.dtype

    def __getitem__(self, indices: np.ndarray) -> np.ndarray:
        self.reads += indices.tolist()
        # The batch of index 0 takes longest, so that threads overtake each other.
        time.sleep(self.delay * (0 in indices))
        return self.array[indices]


def examples(count: int = COUNT, wrap=np.asarray) -> Examples:
    x = np.random.default_rng(0).integers(0, 256, (count, 2, 3), np.uint8)
    return Examples(wrap(x), np.arange(count, dtype=np.int32))


def first_batches(stream, count: int) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(x.numpy(), y.numpy()) for x, y in itertools.islice(stream, count)]


def order(stream, batches: int) -> list[int]:
    return np.concatenate([y for _, y in first_batches(stream, batches)]).tolist()


def assert_same_batches(first, second):
    assert len(first) == len(second) > 0
    for (x, y), (other_x, other_y) in zip(first, second, strict=True):
        np.testing.assert_array_equal(x, other_x)
        np.testing.assert_array_equal(y, other_y)


@pytest.mark.parametrize("count", [1, 2, 3, 10, 65])
@pytest.mark.parametrize("batch_size", [1, 4, 100])
def test_each_epoch_holds_every_example_once(count, batch_size):
    data = examples(count)
    steps = data.steps(batch_size)
    seen = order(data.shuffled(batch_size, seed=0), 3 * steps)
    for epoch in range(3):
        assert sorted(seen[epoch * count : (epoch + 1) * count]) == list(range(count))


def test_epochs_and_seeds_have_orders_of_their_own():
    data = examples(65)
    seen = order(data.shuffled(65, seed=0), 3) + order(data.shuffled(65, seed=1), 3)
    assert len({tuple(seen[start : start + 65]) for start in range(0, len(seen), 65)}) == 6


def test_inputs_and_targets_stay_together():
    data = examples()
    for x, y in first_batches(data.shuffled(BATCH, seed=0), 2 * STEPS):
        np.testing.assert_array_equal(x, data.x[y])


@pytest.mark.parametrize("threads", [1, 8])
def test_the_order_does_not_depend_on_the_number_of_threads(monkeypatch, threads):
    expected = first_batches(examples().shuffled(BATCH, seed=3), 2 * STEPS)
    monkeypatch.setattr(pipeline, "cpu_count", lambda: threads)
    slow = examples(wrap=lambda x: OnDemand(x, delay=0.05))
    assert_same_batches(first_batches(slow.shuffled(BATCH, seed=3), 2 * STEPS), expected)


@pytest.mark.parametrize("first_step", [1, STEPS - 1, STEPS, 2 * STEPS + 1])
def test_a_stream_goes_on_from_any_step_to_the_same_bit(first_step):
    data = examples()
    whole = first_batches(data.shuffled(BATCH, seed=5), first_step + 4)
    rest = first_batches(data.shuffled(BATCH, seed=5, first_step=first_step), 4)
    assert_same_batches(rest, whole[first_step:])


def test_random_changes_belong_to_the_step_and_to_training_alone():
    def add_noise(x, y, seed):
        return tf.cast(x, tf.float32) + tf.random.stateless_normal(tf.shape(x), seed), y

    noisy = replace(examples(), transform=add_noise)
    whole = first_batches(noisy.shuffled(4, seed=1), 6)
    assert_same_batches(first_batches(noisy.shuffled(4, seed=1, first_step=3), 3), whole[3:])
    assert not np.array_equal(whole[0][0], first_batches(noisy.shuffled(4, seed=2), 1)[0][0])
    clean = first_batches(examples().shuffled(4, seed=1), 6)
    for (x, y), (original, target) in zip(whole, clean, strict=True):
        assert 0 < np.abs(x - original).max() < 6
        np.testing.assert_array_equal(y, target)
    assert_same_batches(
        first_batches(noisy.in_order(4), 3), first_batches(examples().in_order(4), 3)
    )


def test_examples_in_order_come_once_and_the_last_batch_is_smaller():
    batches = first_batches(examples().in_order(BATCH), 99)
    assert [len(y) for _, y in batches] == [4, 4, 2]
    assert np.concatenate([y for _, y in batches]).tolist() == list(range(COUNT))


def memory_mapped(folder):
    def wrap(array):
        np.save(folder / "x.npy", array)
        return np.load(folder / "x.npy", mmap_mode="r")

    return wrap


@pytest.mark.parametrize("kind", ["on demand", "memory mapped"])
def test_inputs_give_the_same_batches_wherever_they_lie(tmp_path, kind):
    elsewhere = examples(wrap=OnDemand if kind == "on demand" else memory_mapped(tmp_path))
    for stream in (lambda e: e.in_order(BATCH), lambda e: e.shuffled(BATCH, seed=1)):
        expected = first_batches(stream(examples()), STEPS)
        assert_same_batches(first_batches(stream(elsewhere), STEPS), expected)


def test_memory_mapped_inputs_stay_on_disk_until_a_batch_needs_them(tmp_path):
    data = examples(wrap=memory_mapped(tmp_path))
    stream = data.in_order(BATCH)
    np.load(tmp_path / "x.npy", mmap_mode="r+")[:] = 77
    assert all((x == 77).all() for x, _ in first_batches(stream, STEPS))


def test_inputs_within_the_budget_are_read_once_into_memory():
    data = examples(wrap=OnDemand)
    kept = data.kept("reading", budget=data.x.array.nbytes)
    assert sorted(data.x.reads) == list(range(COUNT))
    first_batches(kept.shuffled(BATCH, seed=0), 2 * STEPS)
    assert len(data.x.reads) == COUNT
    np.testing.assert_array_equal(kept.x, data.x.array)


def test_inputs_beyond_the_budget_are_read_only_when_a_batch_needs_them():
    data = examples(wrap=OnDemand)
    kept = data.kept("reading", budget=data.x.array.nbytes - 1)
    assert data.x.reads == []
    for _ in range(2):
        first_batches(kept.in_order(BATCH), 99)
    assert sorted(data.x.reads) == sorted(2 * list(range(COUNT)))


def peak_bytes_of_reading(data: Examples, budget: int) -> int:
    tracemalloc.start()
    try:
        for _ in data.kept("reading", budget).in_order(2):
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_folder_beyond_the_budget_is_streamed_without_holding_its_pixels(tmp_path):
    names = [f"{index}.png" for index in range(40)]
    for index, name in enumerate(names):
        Image.new("RGB", (32, 32), (index, 0, 0)).save(tmp_path / name)
    split = FileSplit(np.zeros(40, np.int32), names, tmp_path)
    data = Examples(SizedImages(split, (256, 256, 3)), split.labels)
    pixels = 40 * 256 * 256 * 3
    assert peak_bytes_of_reading(data, budget=pixels - 1) < pixels / 2
    assert peak_bytes_of_reading(data, budget=pixels) > pixels


@pytest.fixture(scope="module")
def network() -> keras.Model:
    layers = [keras.Input((2, 3)), keras.layers.Flatten(), keras.layers.Dense(5)]
    return keras.Sequential(layers)


def features_of(network, folder, budget) -> dict[str, np.ndarray]:
    sets = {"train": examples(), "validation": examples(3)}
    with cached_features(network, sets, BATCH, folder, budget) as cached:
        assert list(cached["train"].y) == list(range(COUNT))
        return {name: np.array(features.x) for name, features in cached.items()}


def test_cached_features_are_what_the_network_answers_in_memory_and_on_disk(network, tmp_path):
    in_memory = features_of(network, tmp_path, budget=1 << 20)
    on_disk = features_of(network, tmp_path, budget=0)
    for name, count in (("train", COUNT), ("validation", 3)):
        np.testing.assert_array_equal(in_memory[name], on_disk[name])
        expected = network(examples(count).x, training=False)
        np.testing.assert_allclose(in_memory[name], expected, rtol=1e-5, atol=1e-4)


def test_the_budget_is_that_of_all_sets_together(network, tmp_path):
    needed = (COUNT + 3) * 5 * 4
    for budget, on_disk in ((needed, False), (needed - 1, True)):
        sets = {"train": examples(), "validation": examples(3)}
        with cached_features(network, sets, BATCH, tmp_path, budget) as cached:
            assert [isinstance(e.x, np.memmap) for e in cached.values()] == [on_disk] * 2


def test_temporary_files_of_features_vanish(network, tmp_path):
    with cached_features(network, {"train": examples()}, BATCH, tmp_path, budget=0):
        assert list(tmp_path.rglob("train.npy"))
    assert list(tmp_path.iterdir()) == []


def test_temporary_files_of_features_vanish_on_an_error(network, tmp_path):
    with (
        pytest.raises(KeyboardInterrupt),
        cached_features(network, {"train": examples()}, BATCH, tmp_path, budget=0),
    ):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("count", "expected"),
    [(1, [0]), (2, [0, 9]), (4, [0, 3, 6, 9]), (10, list(range(10))), (99, list(range(10)))],
)
def test_a_sample_is_evenly_spread_and_in_memory(count, expected):
    data = examples(wrap=OnDemand)
    sample = data.sample(count)
    assert sample.y.tolist() == data.x.reads == expected
    np.testing.assert_array_equal(sample.x, data.x.array[expected])


@pytest.mark.parametrize(("side", "expected"), [(8, 16), (1024, 2), (4096, 1)])
def test_batches_are_made_ahead_in_bounded_memory(monkeypatch, side, expected):
    monkeypatch.setattr(pipeline, "cpu_count", lambda: 16)
    images = np.broadcast_to(np.uint8(0), (32, side, side, 3))
    assert pipeline._batches_ahead(images, batch_size=32) == expected
