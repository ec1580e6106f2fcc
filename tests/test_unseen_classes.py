"""Division by class: validation and test hold classes that were never trained on."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from image_trees import add_images, refusal, sizes

from maquette.datasets import digits, image_folder
from maquette.errors import UserError
from maquette.images.data import ImageData
from maquette.images.rotations import Rotated, with_rotations_as_classes
from maquette.images.unseen_classes import HELD_OUT, divide_classes, with_unseen_classes
from maquette.pipeline import Examples
from maquette.splits import SHARES

NAMES = [f"letter {number}" for number in range(40)]


def classes_of(data: ImageData) -> dict[str, set[str]]:
    return {k: {data.classes[label] for label in v.labels} for k, v in data.splits.items()}


def letters(folder: Path, names: list[str], count: int = 3) -> Path:
    for name in names:
        add_images(folder / name, count)
    return folder


def opened(folder: Path) -> ImageData:
    return with_unseen_classes(image_folder.load(str(folder), open_set=True))


def test_every_class_falls_into_one_part_by_its_share():
    parts = divide_classes(NAMES, SHARES)
    assert {name: len(part) for name, part in parts.items()} == {
        "train": 28,
        "validation": 6,
        "test": 6,
    }
    assert sorted(name for part in parts.values() for name in part) == sorted(NAMES)
    assert parts["train"] != NAMES[:28]


def test_the_part_of_a_class_does_not_depend_on_the_order_of_the_names():
    assert divide_classes(NAMES[::-1], SHARES) == divide_classes(NAMES, SHARES)


def test_one_class_more_moves_few_of_the_others():
    before, after = divide_classes(NAMES, SHARES), divide_classes([*NAMES, "letter x"], SHARES)
    moved = sum(len(set(before[part]) - set(after[part])) for part in before)
    assert moved <= 2


@pytest.mark.parametrize(
    ("count", "shares", "expected"),
    [
        (7, SHARES, (2, 2, 3)),
        (10, SHARES, (5, 2, 3)),
        (4, HELD_OUT, (2, 2)),
        (40, HELD_OUT, (36, 4)),
    ],
)
def test_few_classes_leave_enough_in_each_part(count, shares, expected):
    parts = divide_classes(NAMES[:count], shares)
    assert tuple(len(part) for part in parts.values()) == expected


@pytest.mark.parametrize(("count", "shares"), [(6, SHARES), (3, HELD_OUT)])
def test_too_few_classes_are_refused(count, shares):
    with pytest.raises(
        ValueError, match=f"{count} classes cannot be divided, it takes {count + 1}"
    ):
        divide_classes(NAMES[:count], shares)


def test_embedded_data_is_divided_anew_with_all_its_images():
    before, after = digits.load(), with_unseen_classes(digits.load())
    classes = classes_of(after)
    assert {name: len(part) for name, part in classes.items()} == {
        "train": 5,
        "validation": 2,
        "test": 3,
    }
    assert set.union(*classes.values()) == set(before.classes)
    assert sum(sizes(after).values()) == 1797
    assert after.notes == ("split by us: 5 classes train, 2 classes validation, 3 classes test",)
    # Images moved together with their labels.
    images = np.concatenate([split.images for split in before.splits.values()])
    labels = np.concatenate([split.labels for split in before.splits.values()])
    known = {image.tobytes(): label for image, label in zip(images, labels, strict=True)}
    test = after.splits["test"]
    assert all(known[i.tobytes()] == n for i, n in zip(test.images, test.labels, strict=True))


def test_an_undivided_folder_is_divided_by_class(tmp_path):
    data = opened(letters(tmp_path, NAMES[:10]))
    parts = classes_of(data)
    assert {name: len(part) for name, part in parts.items()} == {
        "train": 5,
        "validation": 2,
        "test": 3,
    }
    assert sizes(data) == {"train": 15, "validation": 6, "test": 9}
    assert all(name.split("/")[0] in parts["test"] for name in data.splits["test"].names)
    assert data.divided_by_us


def test_splits_may_have_classes_of_their_own(tmp_path):
    letters(tmp_path / "train", NAMES[:4])
    letters(tmp_path / "val", NAMES[4:6])
    letters(tmp_path / "test", NAMES[6:9])
    data = opened(tmp_path)
    assert classes_of(data) == {
        "train": set(NAMES[:4]),
        "validation": set(NAMES[4:6]),
        "test": set(NAMES[6:9]),
    }
    assert data.notes == ()
    assert not data.divided_by_us


def test_without_validation_some_classes_of_train_are_held_out(tmp_path):
    letters(tmp_path / "train", NAMES[:20])
    letters(tmp_path / "test", NAMES[20:23])
    data = opened(tmp_path)
    parts = classes_of(data)
    assert (len(parts["train"]), len(parts["validation"])) == (18, 2)
    assert parts["train"] | parts["validation"] == set(NAMES[:20])
    assert parts["test"] == set(NAMES[20:23])
    assert list(data.splits) == ["train", "validation", "test"]
    assert data.notes == ("no validation folder: 2 classes of train held out",)


def test_classes_seen_in_training_are_told_of(tmp_path):
    letters(tmp_path / "train", NAMES[:4])
    letters(tmp_path / "val", NAMES[4:6])
    letters(tmp_path / "test", NAMES[2:9])
    assert opened(tmp_path).notes[-1] == (
        "2 of 7 classes of test are in train as well: what is measured there says less of new "
        "classes"
    )


def test_a_missing_test_folder_is_told_of(tmp_path):
    letters(tmp_path / "train", NAMES[:6])
    data = opened(tmp_path)
    assert set(data.splits) == {"train", "validation"}
    assert "no test split: there is no test folder" in data.notes


def test_too_few_classes_to_divide_are_there_to_judge_on(tmp_path):
    data = opened(letters(tmp_path, NAMES[:6]))
    assert sizes(data) == {"test": 18}
    assert data.notes == ("too few classes to divide: 6; all of them are test",)


def test_too_few_classes_to_hold_any_out_are_refused(tmp_path):
    letters(tmp_path / "train", NAMES[:3])
    with pytest.raises(UserError, match="no val folder, and of train 3 classes cannot be divided"):
        opened(tmp_path)


def test_an_open_set_without_images_in_a_split_is_refused(tmp_path):
    letters(tmp_path / "train", NAMES[:4])
    letters(tmp_path / "test", NAMES[:2])
    for path in (tmp_path / "test").rglob("*.png"):
        path.write_bytes(b"")
    message = refusal(tmp_path, open_set=True)
    assert f"no readable images in the sub-folders of {tmp_path / 'test'}" in message
    assert "empty file" in message


def test_a_class_without_images_is_passed_over_in_an_open_set(tmp_path):
    letters(tmp_path, NAMES[:10])
    shutil.rmtree(tmp_path / NAMES[0])
    (tmp_path / NAMES[0]).mkdir()
    assert set.union(*classes_of(opened(tmp_path)).values()) == set(NAMES[1:10])


def test_images_turned_left_are_classes_of_their_own():
    images = np.random.default_rng(0).integers(0, 255, (5, 4, 4, 1), dtype=np.uint8)
    turned = with_rotations_as_classes(Examples(images, np.array([0, 1, 2, 1, 0])), classes=3)
    assert turned.x.shape == (20, 4, 4, 1)
    assert turned.y.tolist() == [0, 1, 2, 1, 0, 3, 4, 5, 4, 3, 6, 7, 8, 7, 6, 9, 10, 11, 10, 9]
    some = turned.x[np.array([19, 2, 7, 11, 0])]
    for image, (index, turn) in zip(some, [(4, 3), (2, 0), (2, 1), (1, 2), (0, 0)], strict=True):
        np.testing.assert_array_equal(image, np.rot90(images[index], turn))


def test_turning_leaves_the_images_given_as_they_were():
    images = np.arange(16, dtype=np.uint8).reshape(1, 4, 4, 1)
    Rotated(images)[np.array([1, 2, 3])]
    np.testing.assert_array_equal(images.ravel(), np.arange(16))
