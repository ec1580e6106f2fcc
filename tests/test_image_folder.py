"""A user's own folder of images: how it is divided, what is left out and told."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from image_trees import add_images, refusal, sizes
from PIL import Image

from maquette.datasets import image_folder


def test_an_undivided_folder_is_divided_70_15_15(pets):
    data = image_folder.load(str(pets))
    assert data.source == str(pets)
    assert data.classes == ("cats", "dogs")
    assert sizes(data) == {"train": 28, "validation": 6, "test": 6}
    assert data.native_shape == (10, 12, 3)
    assert "split by us: 28 train, 6 validation, 6 test" in data.notes


def test_labels_and_pixels_belong_to_the_names(pets):
    data = image_folder.load(str(pets))
    for split in data.splits.values():
        for index, name in enumerate(split.names):
            assert data.classes[split.labels[index]] == name.split("/")[0]
            expected = np.asarray(Image.open(pets / name))
            np.testing.assert_array_equal(split.read(index, (10, 12, 3)), expected)


def test_the_folders_of_a_divided_source_are_kept(split_pets):
    data = image_folder.load(str(split_pets))
    assert sizes(data) == {"train": 20, "validation": 8, "test": 6}
    assert all(name.startswith("val/") for name in data.splits["validation"].names)
    assert data.notes == ()


@pytest.mark.parametrize(
    "names",
    [("training", "valid", "testing"), ("TRAIN", "Validation", "Test"), ("train", "dev", "test")],
)
def test_split_folders_go_by_their_usual_names(split_pets, names):
    for old, new in zip(("train", "val", "test"), names, strict=True):
        (split_pets / old).rename(split_pets / f"{new} ")
        (split_pets / f"{new} ").rename(split_pets / new)
    assert sizes(image_folder.load(str(split_pets))) == {"train": 20, "validation": 8, "test": 6}


def test_without_a_validation_folder_it_is_held_out_from_train(split_pets):
    shutil.rmtree(split_pets / "val")
    data = image_folder.load(str(split_pets))
    assert sizes(data) == {"train": 16, "validation": 4, "test": 6}
    assert all(name.startswith("train/") for name in data.splits["validation"].names)
    assert data.notes == ("no validation split: 4 images of train held out for validation",)


def test_without_a_test_folder_there_is_no_test_split(split_pets):
    shutil.rmtree(split_pets / "test")
    data = image_folder.load(str(split_pets))
    assert sizes(data) == {"train": 20, "validation": 8}
    assert data.notes == ("no test split",)


def test_a_class_may_be_called_train_but_the_user_is_told(tmp_path):
    for label in ("train", "bus"):
        add_images(tmp_path / "vehicles" / label, 6)
    data = image_folder.load(str(tmp_path / "vehicles"))
    assert data.classes == ("bus", "train")
    assert data.notes[0] == "train taken as a class, not as a split, because bus is beside it"


def test_the_division_is_the_same_every_time(pets):
    first, second = (image_folder.load(str(pets)) for _ in range(2))
    assert first.fingerprint == second.fingerprint
    for name, split in first.splits.items():
        assert list(split.names) == list(second.splits[name].names)


def test_the_division_does_not_depend_on_where_the_folder_lies_or_on_file_names(pets, tmp_path):
    def hashes(data):
        return {
            name: {(Path(data.source) / n).read_bytes() for n in split.names}
            for name, split in data.splits.items()
        }

    before = hashes(image_folder.load(str(pets)))
    pets.rename(tmp_path / "moved")
    for path in (tmp_path / "moved" / "cats").iterdir():
        path.rename(path.with_name(f"renamed {path.name}"))
    assert hashes(image_folder.load(str(tmp_path / "moved"))) == before


def test_a_new_image_moves_at_most_two_others(pets):
    def places(data):
        return {name: split for split, s in data.splits.items() for name in s.names}

    before = places(image_folder.load(str(pets)))
    add_images(pets / "cats", 1, "new")
    after = places(image_folder.load(str(pets)))
    assert sum(before[name] != after[name] for name in before) <= 2


def test_the_fingerprint_changes_with_contents_names_and_classes(pets):
    prints = [image_folder.load(str(pets)).fingerprint]
    Image.new("RGB", (12, 10), "teal").save(pets / "cats" / "000.png")
    prints.append(image_folder.load(str(pets)).fingerprint)
    (pets / "cats" / "000.png").rename(pets / "cats" / "other.png")
    prints.append(image_folder.load(str(pets)).fingerprint)
    (pets / "cats").rename(pets / "Cats")
    prints.append(image_folder.load(str(pets)).fingerprint)
    assert len(set(prints)) == 4


def test_nothing_in_the_folder_is_changed(pets):
    def state():
        return {
            path: (path.stat().st_mtime_ns, path.is_file() and path.read_bytes())
            for path in sorted(pets.rglob("*"))
        }

    (pets / "cats" / "broken.jpg").write_bytes(b"broken")
    before = state()
    data = image_folder.load(str(pets))
    data.splits["train"].read(0, (8, 8, 3))
    assert state() == before


def test_splits_hold_labels_and_digests_but_no_pixels(pets):
    for split in image_folder.load(str(pets)).splits.values():
        arrays = [value for value in vars(split).values() if isinstance(value, np.ndarray)]
        assert [array.shape for array in arrays] == [(len(split),), (len(split), 32)]


def test_native_shape_is_open_where_sizes_differ_and_grey_only_if_all_are(pets):
    add_images(pets / "dogs", 1, "wide", size=(30, 10))
    assert image_folder.load(str(pets)).native_shape == (None, None, 3)
    for path in pets.rglob("*.png"):
        Image.open(path).convert("L").resize((9, 9)).save(path)
    assert image_folder.load(str(pets)).native_shape == (9, 9, 1)


def test_images_in_folders_inside_a_class_are_included(pets):
    add_images(pets / "cats" / "indoors" / "winter", 3)
    names = [n for s in image_folder.load(str(pets)).splits.values() for n in s.names]
    assert sum(name.startswith("cats/indoors/winter/") for name in names) == 3


def test_spaces_and_unicode_in_names_are_kept(tmp_path):
    for label in ("chats  siamois", "猫", "caf\u00e9", "cafe\u0301"):
        add_images(tmp_path / "données" / label, 6, "é à ")
    data = image_folder.load(str(tmp_path / "données"))
    assert set(data.classes) == {"chats  siamois", "猫", "caf\u00e9", "cafe\u0301"}
    assert data.splits["train"].read(0, (4, 4, 3)).shape == (4, 4, 3)


def test_hidden_and_system_files_are_ignored_silently(pets):
    for name in (".DS_Store", "Thumbs.db", "desktop.ini", "cats/Thumbs.db", "cats/._000.png"):
        (pets / name).write_bytes(b"x")
    add_images(pets / "__MACOSX", 6)
    add_images(pets / ".cache", 6)
    add_images(pets / "cats" / ".thumbnails", 6)
    data = image_folder.load(str(pets))
    assert (data.classes, sum(sizes(data).values()), len(data.notes)) == (("cats", "dogs"), 40, 1)


def test_files_of_other_kinds_and_images_outside_classes_are_counted(pets):
    (pets / "cats" / "notes.txt").write_text("x")
    (pets / "licence.md").write_text("x")
    Image.new("L", (3, 3)).save(pets / "cover.png")
    notes = image_folder.load(str(pets)).notes
    assert "left out images outside any class folder (1): cover.png" in notes
    assert "left out files that are not images (2): licence.md, cats/notes.txt" in notes


def test_unreadable_images_are_named_and_left_out(pets):
    (pets / "cats" / "a.jpg").write_bytes((pets / "cats" / "000.png").read_bytes()[:60])
    (pets / "cats" / "b.JPG").write_bytes(b"")
    (pets / "dogs" / "c.png").symlink_to("nowhere.png")
    data = image_folder.load(str(pets))
    assert sum(sizes(data).values()) == 40
    assert data.notes[0] == (
        "left out 3 of 43 files: cats/a.jpg (truncated), cats/b.JPG (empty file), "
        "dogs/c.png (not a file)"
    )


def test_at_most_five_unreadable_images_are_named(pets):
    for index in range(8):
        (pets / "cats" / f"x{index}.jpg").write_bytes(b"")
    note = image_folder.load(str(pets)).notes[0]
    assert note.startswith("left out 8 of 48 files: ")
    assert note.endswith("cats/x4.jpg (empty file) and 3 more")


def test_strict_refuses_unreadable_images(pets):
    (pets / "cats" / "a.jpg").write_bytes(b"")
    message = refusal(pets, strict=True)
    assert "1 of 41 images" in message
    assert "cats/a.jpg (empty file)" in message


def test_images_of_train_that_come_again_in_test_are_told(split_pets):
    shutil.copy(split_pets / "train" / "cats" / "train000.png", split_pets / "test" / "dogs")
    (note,) = image_folder.load(str(split_pets)).notes
    assert note == "images of test that are in train as well, bit for bit: 1 of 7"


def test_imbalance_is_told(pets):
    add_images(pets / "dogs", 60, "more")
    assert image_folder.load(str(pets)).notes[-1] == (
        "classes are imbalanced: 56 dogs, 14 cats; --class-weights balances them"
    )


def test_progress_counts_every_image(pets):
    calls = []
    image_folder.load(str(pets), progress=lambda *call: calls.append(call))
    assert calls == [(done, 40) for done in range(1, 41)]


def test_what_is_written_like_a_path_is_taken_as_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    for source in ("photos", "missing/photos", "./x", "~/photos", "C:\\photos", "photos.zip"):
        assert image_folder.matches(source), source
    for source in ("digits", "mnist", "https://example.org/a", "hub:owner/name"):
        assert not image_folder.matches(source), source


def test_images_that_are_nearly_all_the_same_are_refused(tmp_path):
    for label in ("cats", "dogs"):
        (add_images(tmp_path / label, 1) / "000.png").rename(tmp_path / label / "0.png")
        for index in range(1, 8):
            shutil.copyfile(tmp_path / label / "0.png", tmp_path / label / f"{index}.png")
    assert refusal(tmp_path) == (
        f"{tmp_path} has too few different images: none would be left for validation; repeated "
        "images are kept in one split"
    )
