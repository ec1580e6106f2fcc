"""Decoded images are kept from one command to the next, and never change what a network sees."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from image_trees import add_images

from maquette import cache_folder
from maquette.datasets import digits, image_folder
from maquette.errors import UserError
from maquette.images import decoding, pixel_files, remembered, sized_images
from maquette.images.data import FileSplit
from maquette.images.pixel_files import KeptPixels, pixel_writer
from maquette.images.sized_images import SizedImages
from maquette.pipeline import Examples
from maquette.positioned_file import PositionedFile

SHAPE = (20, 24, 3)
IMAGE = 20 * 24 * 3  # bytes


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MAQUETTE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(sized_images, "DISK_SPEED", 1e12)  # small images are worth it, too
    return tmp_path / "cache" / "pixels"


@pytest.fixture
def decoded(monkeypatch):
    """The names of images that were read one by one."""
    names = []

    def read(split, index, shape, read=FileSplit.read):
        names.append(split.names[index])
        return read(split, index, shape)

    monkeypatch.setattr(FileSplit, "read", read)
    return names


def opened(folder, shape=None) -> SizedImages:
    return SizedImages(image_folder.load(str(folder), shape=shape).splits["train"], SHAPE)


def everything(images: SizedImages) -> np.ndarray:
    return images[np.arange(images.shape[0])]


def expected(images: SizedImages) -> np.ndarray:
    files = [images.split.root / name for name in images.split.names]
    return np.stack([decoding.decode(file, SHAPE) for file in files])


def test_images_are_decoded_only_once_where_the_size_is_known_at_opening(pets, decoded):
    images = opened(pets, SHAPE)
    np.testing.assert_array_equal(everything(images.on_disk("reading")), expected(images))
    assert decoded == []


def test_where_it_is_not_known_they_are_decoded_once_before_the_first_epoch(pets, decoded):
    images = opened(pets).on_disk("reading")
    timed = len(decoded) - len(images.split)
    assert 0 < timed <= sized_images.TIMED
    for _ in range(2):
        np.testing.assert_array_equal(everything(images), expected(images))
    assert len(decoded) == len(images.split) + timed


def test_the_next_command_finds_the_pixels_in_any_order(pets, decoded):
    opened(pets).on_disk("reading")
    decoded.clear()
    again = opened(pets)
    np.testing.assert_array_equal(again[np.array([5, 0, 5, 3])], expected(again)[[5, 0, 5, 3]])
    assert decoded == []


def test_a_folder_whose_only_new_file_cannot_be_read_leaves_nothing_in_the_cache(
    pets, cache, monkeypatch
):
    monkeypatch.setattr(remembered, "MOMENT", 0)  # or the files of a test would be too new
    (pets / "cats" / "broken.png").write_bytes(b"")
    for _ in range(3):  # from the second time on, only the broken file is inspected anew
        images = opened(pets, SHAPE)
        np.testing.assert_array_equal(everything(images), expected(images))
    assert len(list(cache.iterdir())) == 1


def test_a_file_of_the_cache_without_any_image_is_passed_over(pets, cache, monkeypatch):
    monkeypatch.setattr(pixel_files.PixelWriter, "holds_any", True)  # as it was written before
    with pixel_writer(SHAPE, 1):
        pass
    assert len(list(cache.iterdir())) == 1
    images = opened(pets)
    np.testing.assert_array_equal(everything(images), expected(images))


def test_pixels_of_another_size_are_not_taken(pets):
    images = opened(pets, (24, 20, 3))
    assert list(images._kept.missing) == list(range(len(images.split)))


def test_of_a_folder_that_grew_only_what_is_new_is_decoded(split_pets, decoded):
    opened(split_pets).on_disk("reading")
    add_images(split_pets / "train" / "cats", 3, "new")
    decoded.clear()
    images = opened(split_pets).on_disk("reading")
    np.testing.assert_array_equal(everything(images), expected(images))
    assert {name for name in images.split.names if "new" in name} == set(decoded)


def test_a_damaged_row_is_decoded_anew(pets, cache, decoded):
    images = opened(pets).on_disk("reading")
    (file,) = cache.iterdir()
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    decoded.clear()
    again = opened(pets)
    np.testing.assert_array_equal(everything(again), expected(images))
    assert len(decoded) == 1


@pytest.mark.parametrize("harm", [lambda c: b"", lambda c: c[:-1], lambda c: b"x" * len(c)])
@pytest.mark.parametrize("place", ["whole", "table"])
def test_a_damaged_file_is_passed_over(pets, cache, harm, place):
    images = opened(pets).on_disk("reading")
    (file,) = cache.iterdir()
    content = file.read_bytes()
    file.write_bytes(harm(content) if place == "whole" else content[:70] + harm(content[70:90]))
    np.testing.assert_array_equal(everything(opened(pets)), expected(images))


def test_a_file_that_vanishes_while_it_is_used_does_no_harm(pets, cache):
    images = opened(pets).on_disk("reading")
    first = everything(images)
    for file in cache.iterdir():
        os.truncate(file, 100)
        file.unlink()
    np.testing.assert_array_equal(everything(images), first)


def test_what_was_not_used_for_longest_makes_room(pets, cache, monkeypatch):
    count = len(opened(pets).split)
    opened(pets).on_disk("reading")
    (first,) = cache.iterdir()
    os.utime(first, (0, 0))
    monkeypatch.setenv("MAQUETTE_CACHE_GB", str(1.5 * count * IMAGE / 1e9))
    SizedImages(opened(pets).split, (24, 20, 3)).on_disk("reading")
    (second,) = cache.iterdir()
    assert second.name.startswith("24x20x3-")


def test_what_is_larger_than_the_cache_is_decoded_each_time(pets, cache, decoded, monkeypatch):
    monkeypatch.setenv("MAQUETTE_CACHE_GB", "0.000001")
    images = opened(pets, SHAPE).on_disk("reading")
    assert list(cache.iterdir()) == []
    decoded.clear()
    np.testing.assert_array_equal(everything(images), expected(images))
    assert sorted(decoded) == sorted(images.split.names)


def test_the_cache_can_be_switched_off(pets, cache, monkeypatch):
    monkeypatch.setenv("MAQUETTE_CACHE", "off")
    images = opened(pets, SHAPE).on_disk("reading")
    np.testing.assert_array_equal(everything(images), expected(images))
    assert not cache.parent.exists()


@pytest.mark.parametrize("size", ["lots", "-1", "nan"])
def test_a_bound_that_is_no_size_is_refused(pets, monkeypatch, size):
    monkeypatch.setenv("MAQUETTE_CACHE_GB", size)
    with pytest.raises(UserError, match=f"MAQUETTE_CACHE_GB is '{size}'; give a number"):
        opened(pets, SHAPE)


def test_a_place_that_is_no_folder_is_refused_where_it_was_asked_for(pets, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("MAQUETTE_CACHE", str(tmp_path / "file"))
    with pytest.raises(UserError, match="name a folder to write to, or off"):
        opened(pets, SHAPE)
    monkeypatch.setenv("MAQUETTE_CACHE", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert opened(pets, SHAPE).shape == (28, *SHAPE)


def test_a_cache_that_cannot_be_written_to_is_done_without(pets, monkeypatch):
    def refuse(**where):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(pixel_files, "mkstemp", refuse)
    images = opened(pets, SHAPE).on_disk("reading")
    np.testing.assert_array_equal(everything(images), expected(images))


def test_a_disk_that_fills_up_costs_no_more_than_the_cache(pets, cache, monkeypatch):
    def refuse(file, position, data, write=PositionedFile.write):
        if position > 10 * IMAGE:
            raise OSError(28, "No space left on device")
        write(file, position, data)

    monkeypatch.setattr(PositionedFile, "write", refuse)
    images = opened(pets, SHAPE)
    assert 0 < len(images._kept.missing) < len(images.split)
    np.testing.assert_array_equal(everything(images), expected(images))


def test_half_of_the_free_disk_is_left_alone(pets, cache, monkeypatch):
    usage = cache_folder.shutil.disk_usage(pets)
    monkeypatch.setattr(
        cache_folder.shutil, "disk_usage", lambda _: usage._replace(free=30 * IMAGE)
    )
    opened(pets).on_disk("reading")  # 28 images
    assert list(cache.iterdir()) == []
    monkeypatch.setattr(
        cache_folder.shutil, "disk_usage", lambda _: usage._replace(free=99 * IMAGE)
    )
    opened(pets).on_disk("reading")
    assert len(list(cache.iterdir())) == 1


def test_what_is_read_faster_than_from_a_disk_is_not_kept(cache, monkeypatch):
    monkeypatch.setattr(sized_images, "DISK_SPEED", 1e6)
    split = digits.load().splits["train"]
    SizedImages(split, (8, 8, 1)).on_disk("reading")
    assert not cache.exists() or list(cache.iterdir()) == []


def test_images_in_memory_are_kept_where_resizing_them_takes_time(cache, monkeypatch):
    split = digits.load().splits["test"]
    kept = SizedImages(split, (64, 64, 3)).on_disk("reading")
    pixels = np.stack([split.read(index, (64, 64, 3)) for index in range(len(split))])
    np.testing.assert_array_equal(everything(kept), pixels)
    assert len(list(cache.iterdir())) == 1


def test_nothing_is_left_of_a_file_that_could_not_be_finished(cache):
    with pytest.raises(KeyboardInterrupt), pixel_writer(SHAPE, 3):
        raise KeyboardInterrupt
    assert list(cache.iterdir()) == []


def test_several_processes_may_write_the_same_file(pets, cache):
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: opened(pets, SHAPE), range(4)))
    assert len(list(cache.iterdir())) == 1
    for images in results:
        np.testing.assert_array_equal(everything(images), expected(images))


def test_rows_that_were_not_written_are_missing():
    digests = np.arange(96, dtype=np.uint8).reshape(3, 32)
    with pixel_writer(SHAPE, 3) as writer:
        writer.put(1, digests[1], np.full(SHAPE, 7, np.uint8))
    kept, out = KeptPixels(SHAPE, digests), np.zeros(SHAPE, np.uint8)
    assert kept.missing.tolist() == [0, 2]
    assert kept.read(1, out)
    assert (out == 7).all()
    assert not kept.read(0, out)


def test_batches_are_the_same_to_the_bit_from_files_from_the_cache_and_from_memory(pets):
    images = opened(pets)
    ways = {"files": Examples(images, images.split.labels)}
    ways["cache"] = ways["files"].kept("reading", budget=0)
    ways["memory"] = ways["cache"].kept("reading")
    assert isinstance(ways["memory"].x, np.ndarray)
    assert len(ways["cache"].x._kept.missing) == 0
    streams = {name: way.shuffled(8, seed=1).take(9) for name, way in ways.items()}
    for batches in zip(*streams.values(), strict=True):
        for x, y in batches:
            np.testing.assert_array_equal(x, batches[0][0])
            np.testing.assert_array_equal(y, batches[0][1])
