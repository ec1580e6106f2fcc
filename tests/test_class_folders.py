"""Folders of images in classes: links that are followed, and layouts that are refused and why."""

import os
import shutil
from pathlib import Path

import pytest
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


def test_images_without_class_folders_are_refused_with_the_layout(pets, split_pets):
    assert "cats/CLASS/000.png" in refusal(pets / "cats")
    shutil.rmtree(split_pets / "cats")
    shutil.rmtree(split_pets / "dogs")
    for label in ("cats", "dogs"):
        shutil.rmtree(split_pets / "test" / label)
    add_images(split_pets / "test", 3)
    assert f"images lie directly in {split_pets / 'test'}" in refusal(split_pets)


def test_one_class_is_refused_and_a_wrapping_folder_is_pointed_out(pets, tmp_path):
    assert f"one class only, 'pets'; two are needed; perhaps you meant {pets}" in refusal(tmp_path)
    shutil.rmtree(pets / "dogs")
    assert refusal(pets).endswith("one class only, 'cats'; two are needed")


def test_a_class_with_too_few_readable_images_is_refused(pets):
    add_images(pets / "birds", 4)
    assert "class 'birds' has 4 readable images" in refusal(pets)
    (pets / "birds" / "fifth.png").write_bytes(b"")
    assert refusal(pets).endswith("cannot read birds/fifth.png (empty file)")


def test_a_split_without_readable_images_of_a_class_is_refused(split_pets):
    for path in (split_pets / "val" / "dogs").iterdir():
        path.write_bytes(b"")
    message = refusal(split_pets)
    assert "class 'dogs' has 0 readable images" in message
    assert "val/dogs/val000.png (empty file)" in message


@pytest.mark.parametrize(("missing", "having"), [("val", "train"), ("train", "val")])
def test_a_class_missing_from_a_split_is_refused(split_pets, missing, having):
    shutil.rmtree(split_pets / missing / "dogs")
    message = refusal(split_pets)
    assert f"class 'dogs' is in {split_pets / having} but not in {split_pets / missing}" in message


def test_a_class_spelled_otherwise_in_a_split_is_pointed_out(split_pets):
    (split_pets / "val" / "dogs").rename(split_pets / "val" / "dogz")
    assert "perhaps you meant 'dog" in refusal(split_pets)


def test_two_folders_for_one_split_are_refused(split_pets):
    add_images(split_pets / "valid" / "cats", 2)
    assert "has val and valid; keep one folder for validation" in refusal(split_pets)


def test_a_folder_of_unreadable_images_only_is_refused(pets):
    for path in pets.rglob("*.png"):
        path.write_bytes(b"<html>")
    assert "40 of 40 images" in refusal(pets)


@pytest.mark.parametrize("closed", [".", "cats"])
def test_a_folder_without_read_permission_is_refused(pets, closed, monkeypatch):
    # Permission bits do not bind an administrator, so the refusal is staged.
    def deny(call):
        def denied(path="."):
            if Path(path) == pets / closed:
                raise PermissionError(13, "Permission denied", str(path))
            return call(path)

        return denied

    monkeypatch.setattr(os, "listdir", deny(os.listdir))
    monkeypatch.setattr(os, "scandir", deny(os.scandir))
    assert f"cannot read the folder {pets / closed}: Permission denied" in refusal(pets)
