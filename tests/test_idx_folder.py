"""MNIST-like IDX files: what is read, how it is divided, and what is refused."""

import gzip
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from maquette.datasets import idx_folder
from maquette.errors import UserError

MNIST_NAMES = {
    "train images": "train-images-idx3-ubyte",
    "train labels": "train-labels-idx1-ubyte",
    "test images": "t10k-images-idx3-ubyte",
    "test labels": "t10k-labels-idx1-ubyte",
}


def idx_bytes(array: np.ndarray) -> bytes:
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return header + array.astype(np.uint8).tobytes()


def write(path: Path, content: bytes) -> None:
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def small_set(train: int = 40, test: int = 10, classes: int = 4) -> dict[str, np.ndarray]:
    """Images of 6x5 that differ, whose first pixel is their class."""
    images = np.random.default_rng(0).integers(0, 256, (train + test, 6, 5), np.uint8)
    labels = np.arange(train + test, dtype=np.uint8) % classes
    images[:, 0, 0] = labels
    return {
        "train images": images[:train],
        "train labels": labels[:train],
        "test images": images[train:],
        "test labels": labels[train:],
    }


def add_files(folder: Path, arrays: dict[str, np.ndarray], pattern: str = "{}.gz") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in arrays.items():
        write(folder / pattern.format(MNIST_NAMES[name]), idx_bytes(array))
    return folder


@pytest.fixture
def digits_folder(tmp_path: Path) -> Path:
    return add_files(tmp_path / "digits", small_set())


def refusal(folder: Path) -> str:
    assert idx_folder.matches(str(folder))
    with pytest.raises(UserError) as caught:
        idx_folder.load(str(folder))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_pixels_labels_and_names_belong_together(digits_folder):
    data, arrays = idx_folder.load(str(digits_folder)), small_set()
    assert data.source == str(digits_folder)
    assert data.classes == ("0", "1", "2", "3")
    assert data.native_shape == (6, 5, 1)
    assert {name: len(split) for name, split in data.splits.items()} == {
        "train": 32, "validation": 8, "test": 10,
    }  # fmt: skip
    for split in data.splits.values():
        for index, name in enumerate(split.names):
            part, position = name.split()
            image = split.read(index, (6, 5, 1))
            np.testing.assert_array_equal(image[..., 0], arrays[f"{part} images"][int(position)])
            assert image[0, 0, 0] == split.labels[index]
    held_out = set(data.splits["validation"].names)
    assert not held_out & set(data.splits["train"].names)
    assert any("8 images of train held out" in note for note in data.notes)


@pytest.mark.parametrize("pattern", ["{}", "{}.gz", "kmnist-{}.gz"])
def test_files_go_by_the_names_in_use_and_give_the_same_data(tmp_path, digits_folder, pattern):
    folder = add_files(tmp_path / "other", small_set(), pattern)
    assert idx_folder.matches(str(folder))
    assert (
        idx_folder.load(str(folder)).fingerprint == idx_folder.load(str(digits_folder)).fingerprint
    )


def test_a_dot_before_idx_and_test_for_t10k_are_understood(tmp_path):
    folder = add_files(tmp_path / "digits", small_set(), "{}")
    for path in list(folder.iterdir()):
        path.rename(folder / path.name.replace("-idx", ".idx").replace("t10k", "test"))
    assert len(idx_folder.load(str(folder)).splits["test"]) == 10


def test_a_file_beside_its_gz_is_read_once(digits_folder):
    expected = idx_folder.load(str(digits_folder)).fingerprint
    add_files(digits_folder, small_set(), "{}")
    (digits_folder / "train-labels-idx1-ubyte.gz").write_bytes(b"damaged, but not needed")
    assert idx_folder.load(str(digits_folder)).fingerprint == expected


def test_emnist_is_turned_upright(tmp_path):
    folder = add_files(tmp_path / "letters", small_set(), "emnist-letters-{}.gz")
    data, arrays = idx_folder.load(str(folder)), small_set()
    assert data.native_shape == (5, 6, 1)
    np.testing.assert_array_equal(data.splits["test"].images[3, ..., 0], arrays["test images"][3].T)
    assert any("upright" in note for note in data.notes)


def test_classes_are_label_values_in_the_order_of_numbers(tmp_path):
    arrays = small_set(classes=2)
    for name in ("train labels", "test labels"):
        arrays[name] = np.where(arrays[name] == 0, 10, 9)
    data = idx_folder.load(str(add_files(tmp_path / "set", arrays)))
    assert data.classes == ("9", "10")
    assert all(split.labels.dtype == np.int32 for split in data.splits.values())
    np.testing.assert_array_equal(data.splits["test"].labels, arrays["test labels"] == 10)


def test_without_test_files_there_is_no_test_split(digits_folder):
    for path in digits_folder.glob("t10k*"):
        path.unlink()
    data = idx_folder.load(str(digits_folder))
    assert set(data.splits) == {"train", "validation"}
    assert "no test split: there are no test files" in data.notes


def test_other_folders_are_left_to_others(tmp_path, pets):
    assert not idx_folder.matches(str(pets))
    assert not idx_folder.matches(str(tmp_path / "missing"))
    assert not idx_folder.matches("mnist")


@pytest.mark.parametrize("claimed", [2_000_000_000, 41])
def test_a_header_that_claims_more_than_there_is_costs_no_memory(digits_folder, claimed):
    content = struct.pack(">4B3I", 0, 0, 8, 3, claimed, 6, 5) + bytes(40 * 30)
    write(digits_folder / "train-images-idx3-ubyte.gz", content)
    tracemalloc.start()
    message = refusal(digits_folder)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "train-images-idx3-ubyte.gz" in message
    assert "header" in message
    assert peak < 1 << 25


def test_a_file_longer_than_its_header_is_refused_without_reading_it_all(digits_folder):
    content = struct.pack(">4B3I", 0, 0, 8, 3, 40, 6, 5) + bytes(1 << 27)
    write(digits_folder / "train-images-idx3-ubyte.gz", content)
    tracemalloc.start()
    message = refusal(digits_folder)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "holds more bytes" in message
    assert peak < 1 << 25


def test_other_or_damaged_files_are_refused_by_name(digits_folder):
    path = digits_folder / "train-images-idx3-ubyte.gz"
    whole = path.read_bytes()
    contents = {
        "magic number 2049": gzip.compress(idx_bytes(small_set()["train labels"])),
        "magic number 0": gzip.compress(b""),
        "cannot read": whole[:-300],
        "gzip": b"<html>not found</html>",
        "not 1 to": gzip.compress(struct.pack(">4B3I", 0, 0, 8, 3, 0, 6, 5)),
    }
    for reason, content in contents.items():
        path.write_bytes(content)
        message = refusal(digits_folder)
        assert reason in message
        assert path.name in message


def test_files_that_do_not_fit_each_other_are_refused(tmp_path):
    arrays = small_set()
    labels = arrays["train labels"]
    unfit = {
        "40 images, train-labels-idx1-ubyte.gz 39 labels": {"train labels": labels[1:]},
        "of test are (5, 6) pixels, of train (6, 5)": {
            "test images": arrays["test images"].swapaxes(1, 2)
        },
        "label 7, which train lacks": {"test labels": np.full(10, 7)},
        "1 label 9": {"train labels": np.r_[9, labels[1:]]},
    }
    for number, (reason, change) in enumerate(unfit.items()):
        folder = add_files(tmp_path / str(number), {**arrays, **change})
        assert reason in refusal(folder)


def test_a_missing_file_is_named(digits_folder):
    (digits_folder / "t10k-labels-idx1-ubyte.gz").unlink()
    assert "no IDX file of the test labels" in refusal(digits_folder)


def test_several_sets_in_one_folder_are_refused(digits_folder):
    add_files(digits_folder, small_set(), "emnist-letters-{}.gz")
    assert "'', 'emnist-letters-'" in refusal(digits_folder)


def test_a_file_that_would_fill_the_memory_is_refused(digits_folder, monkeypatch):
    monkeypatch.setattr(idx_folder, "LARGEST", 1000)
    assert "shape (40, 6, 5): not 1 to 1000 bytes" in refusal(digits_folder)
