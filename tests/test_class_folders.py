"""Folders of images in classes: links that are followed, and layouts that are refused and why."""

import os
import shutil
from pathlib import Path

from image_trees import add_images, refusal, sizes

from maquette.datasets import image_folder


def test_links_to_folders_are_followed_only_for_a_class(pets, tmp_path):
    add_images(tmp_path / "elsewhere", 8)
    (pets / "birds").symlink_to(tmp_path / "elsewhere")
    (pets / "cats" / "linked").symlink_to(tmp_path / "elsewhere")
    data = image_folder.load(str(pets))
    assert data.classes == ("birds", "cats", "dogs")
    assert sum(sizes(data).values()) == 48


def test_links_that_loop_are_safe(pets):
    (pets / "again").symlink_to(pets)
    (pets / "above").symlink_to(pets.parent)
    (pets / "cats" / "loop").symlink_to(pets / "cats")
    (pets / "self").symlink_to(pets / "self")
    data = image_folder.load(str(pets))
    assert (data.classes, sum(sizes(data).values())) == (("cats", "dogs"), 40)


def test_a_missing_folder_is_refused_with_the_nearest_name(pets):
    assert refusal(pets.parent / "pest").endswith("pest; perhaps you meant 'pets'")


def test_a_file_is_refused_and_an_archive_is_to_be_unpacked(tmp_path):
    for name, advice in (("pets.csv", "give a folder"), ("pets.zip", "unpack it")):
        (tmp_path / name).write_bytes(b"x")
        assert advice in refusal(tmp_path / name)


def test_an_empty_folder_is_refused(tmp_path):
    assert "is empty; expected one sub-folder" in refusal(tmp_path)


def test_folders_without_images_are_refused(tmp_path):
    for label in ("a", "b"):
        (tmp_path / label).mkdir()
        (tmp_path / label / "notes.txt").write_text("x")
    assert "no images in the sub-folders" in refusal(tmp_path)


def test_images_without_class_folders_are_refused_with_the_layout(pets):
    assert "cats/CLASS/000.png" in refusal(pets / "cats")


def test_a_test_folder_without_classes_is_left_out(split_pets):
    shutil.rmtree(split_pets / "test")
    add_images(split_pets / "test", 3)
    data = image_folder.load(str(split_pets))
    assert sizes(data) == {"train": 20, "validation": 8}
    expected = f"left out the test split: images lie directly in {split_pets / 'test'}"
    assert data.notes[0].startswith(expected)
    assert f"images lie directly in {split_pets / 'test'}" in refusal(split_pets, strict=True)


def test_one_class_is_refused_and_a_wrapping_folder_is_pointed_out(pets, tmp_path):
    assert f"one class only, 'pets'; two are needed; perhaps you meant {pets}" in refusal(tmp_path)
    shutil.rmtree(pets / "dogs")
    assert refusal(pets).endswith("one class only, 'cats'; two are needed")


def test_a_class_with_too_few_readable_images_is_left_out(pets):
    add_images(pets / "birds", 4)
    (pets / "birds" / "fifth.png").write_bytes(b"")
    data = image_folder.load(str(pets))
    assert (data.classes, sum(sizes(data).values())) == (("cats", "dogs"), 40)
    assert "left out classes (1): 'birds' (4 of the 5 images that are needed)" in data.notes
    assert sum(part.name.startswith("birds/") for part in data.left_out) == 5
    os.remove(pets / "birds" / "fifth.png")
    assert "class 'birds' has 4 of the 5 images" in refusal(pets, strict=True)


def test_one_class_that_is_left_is_too_few(pets):
    for path in (pets / "dogs").iterdir():
        path.write_bytes(b"")
    assert "class 'dogs' has no images" in refusal(pets)


def test_a_class_of_train_alone_is_learned_but_not_judged(split_pets):
    shutil.rmtree(split_pets / "val" / "dogs")
    data = image_folder.load(str(split_pets))
    assert (data.classes, sizes(data)["validation"]) == (("cats", "dogs"), 4)
    assert data.notes == ("no images in validation, so not judged there (1): 'dogs'",)
    assert "class 'dogs' has no images in validation; each split" in refusal(
        split_pets, strict=True
    )


def test_a_class_that_train_does_not_have_is_left_out(split_pets):
    (split_pets / "train" / "dogs").rename(split_pets / "train" / "dogz")
    add_images(split_pets / "train" / "birds", 3)
    data = image_folder.load(str(split_pets))
    assert data.classes == ("birds", "cats", "dogz")
    expected = "left out classes (1): 'dogs' (no images in train; perhaps you meant 'dogz')"
    assert expected in data.notes
    assert sizes(data) == {"train": 23, "validation": 4, "test": 3}
    assert "perhaps you meant 'dogz'" in refusal(split_pets, strict=True)


def test_a_split_of_which_no_class_can_be_learned_is_no_split(split_pets):
    for label in ("cats", "dogs"):
        (split_pets / "val" / label).rename(split_pets / "val" / f"old {label}")
    data = image_folder.load(str(split_pets))
    assert sizes(data) == {"train": 16, "validation": 4, "test": 6}
    assert all(name.startswith("train/") for name in data.splits["validation"].names)


def test_two_folders_for_one_split_are_refused(split_pets):
    add_images(split_pets / "valid" / "cats", 2)
    assert "has val and valid; keep one folder for validation" in refusal(split_pets)


def test_a_folder_of_unreadable_images_only_is_refused(pets):
    for path in pets.rglob("*.png"):
        path.write_bytes(b"<html>")
    assert "40 of 40 images" in refusal(pets)


def deny(monkeypatch, folder: Path) -> None:
    """Stage a refusal: permission bits do not bind an administrator."""

    def denying(call):
        def denied(path="."):
            if Path(path) == folder:
                raise PermissionError(13, "Permission denied", str(path))
            return call(path)

        return denied

    monkeypatch.setattr(os, "listdir", denying(os.listdir))
    monkeypatch.setattr(os, "scandir", denying(os.scandir))


def test_a_folder_without_read_permission_is_refused(pets, monkeypatch):
    deny(monkeypatch, pets)
    assert f"cannot read the folder {pets}: Permission denied" in refusal(pets)


def test_a_closed_folder_inside_a_class_is_left_out_and_told(pets, monkeypatch):
    add_images(pets / "cats" / "secret", 3)
    deny(monkeypatch, pets / "cats" / "secret")
    data = image_folder.load(str(pets))
    assert sum(sizes(data).values()) == 40
    expected = "left out folders that cannot be read (1): cats/secret (Permission denied)"
    assert expected in data.notes
    assert "cannot read the folder" in refusal(pets, strict=True)
