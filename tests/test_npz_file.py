"""A user's own arrays in one .npz file: names, shapes, brightness, labels, and what is refused."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from image_arrays import images, open_images, pixels_of, refusal
from image_trees import sizes

from maquette import array_files
from maquette.array_files import ArrayFile
from maquette.images.unseen_classes import with_unseen_classes
from maquette.python_data.as_source import as_source
from maquette.sources import kind_of, open_source

LABELS = np.arange(40) % 2


def save(path: Path, **arrays) -> Path:
    np.savez(path, **arrays)
    return path


def test_images_and_labels_are_divided_70_15_15(tmp_path):
    path = save(tmp_path / "a.npz", x=images(40), y=LABELS)
    data = open_images(path)
    assert sizes(data) == {"train": 28, "validation": 6, "test": 6}
    assert (data.source, data.classes, data.native_shape) == (str(path), ("0", "1"), (6, 5, 3))
    assert data.divided_by_us
    expected = {
        image.tobytes(): str(label) for image, label in zip(images(40), LABELS, strict=True)
    }
    assert pixels_of(data) == expected


def test_names_tell_what_was_divided_by_the_user(tmp_path):
    arrays = {"x_train": images(20), "y_train": LABELS[:20], "x_test": images(8, "t")}
    path = save(tmp_path / "a.npz", **arrays, y_test=LABELS[:8], other=np.zeros(3))
    data = open_images(path)
    assert sizes(data) == {"train": 16, "validation": 4, "test": 8}
    assert "no validation split: 4 images of train held out for validation" in data.notes
    assert data.splits["test"].read(3, (6, 5, 3)).tolist() == images(8, "t")[3].tolist()
    whole = {**arrays, "y_test": LABELS[:8], "x_val": images(4, "v"), "y_val": LABELS[:4]}
    assert sizes(open_images(save(path, **whole))) == {"train": 20, "validation": 4, "test": 8}


@pytest.mark.parametrize("packed", [False, True])
def test_packed_or_not_in_memory_or_not_the_data_is_the_same(tmp_path, monkeypatch, packed):
    expected = open_images(save(tmp_path / "a.npz", images=images(40), labels=LABELS))
    write = np.savez_compressed if packed else np.savez
    write(tmp_path / "b.npz", images=images(40), labels=LABELS)
    monkeypatch.setattr(array_files, "MEMORY_BUDGET", 1000)
    assert isinstance(ArrayFile(tmp_path / "b.npz").array("images"), np.memmap)
    data = open_images(tmp_path / "b.npz")
    assert data.fingerprint == expected.fingerprint
    assert pixels_of(data) == pixels_of(expected)


@pytest.mark.parametrize(
    ("convert", "noted"),
    [
        (lambda x: x / 255, True),
        (lambda x: x.astype(np.float64), False),
        (lambda x: x.astype(np.int64), False),
        (lambda x: x.astype(np.uint16) * 257, True),
        (np.asfortranarray, False),
    ],
)
def test_numbers_of_other_types_are_the_same_images(tmp_path, convert, noted):
    expected = open_images(save(tmp_path / "a.npz", x=images(40), y=LABELS))
    data = open_images(save(tmp_path / "b.npz", x=convert(images(40)), y=LABELS))
    assert data.fingerprint == expected.fingerprint
    assert any("multiplied" in note for note in data.notes) == noted


def test_grey_images_need_no_axis_of_channels(tmp_path):
    grey = images(40, shape=(6, 5))
    data = open_images(save(tmp_path / "a.npz", x=grey, y=LABELS))
    assert data.native_shape == (6, 5, 1)
    again = open_images(save(tmp_path / "b.npz", x=grey[..., None], y=LABELS))
    assert again.fingerprint == data.fingerprint


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (LABELS[:, None] * 2 + 9, ("9", "11")),
        (np.eye(2)[LABELS], ("0", "1")),
        (np.array(["dog", "cat"])[LABELS], ("cat", "dog")),
        (np.array([b"dog", b"cat"])[LABELS], ("cat", "dog")),
        (LABELS == 1, ("false", "true")),
        (LABELS.astype(float), ("0", "1")),
    ],
)
def test_labels_may_be_numbers_strings_or_one_hot(tmp_path, labels, classes):
    data = open_images(save(tmp_path / "a.npz", x=images(40), y=labels))
    assert data.classes == classes
    assert sizes(data)["train"] == 28


def test_classes_have_names_where_the_file_has_them(tmp_path):
    names = np.array(["ant", "bee"])
    path = save(tmp_path / "a.npz", x=images(40), y=LABELS, classes=names)
    assert open_images(path).classes == ("ant", "bee")
    path = save(tmp_path / "a.npz", x=images(40), y=LABELS + 1, classes=names)
    assert "has the label '2', none of its 2 classes" in refusal(open_images, path)


def test_another_array_of_labels_is_named_by_the_target(tmp_path):
    path = save(tmp_path / "a.npz", x=images(40), y=LABELS, colour=np.array(["r", "g"])[LABELS])
    assert open_images(f"{path}?target=colour").classes == ("g", "r")
    assert "perhaps you meant 'colour'" in refusal(open_images, f"{path}?target=color")


def test_models_that_compare_images_get_classes_that_they_never_saw(tmp_path):
    path = save(tmp_path / "a.npz", x=images(80), y=np.arange(80) // 4)
    data = with_unseen_classes(open_images(path, open_set=True))
    seen = [set(split.labels.tolist()) for split in data.splits.values()]
    assert len(seen) == 3
    assert not seen[0] & seen[2]


def test_rows_of_numbers_are_a_table(tmp_path):
    rows = np.arange(80.0).reshape(40, 2)
    path = save(tmp_path / "a.npz", x=rows, y=LABELS, classes=np.array(["no", "yes"]))
    assert kind_of(path, {"images", "table"}) == "table"
    data = open_source(path, {"images", "table"})
    in_memory = open_source(as_source((rows, LABELS), tmp_path), {"table"})
    assert data.spec.target.name == in_memory.spec.target.name
    assert (data.classes, [column.name for column in data.columns]) == (("no", "yes"), ["x0", "x1"])
    assert sizes(data) == {"train": 28, "validation": 6, "test": 6}
    path = save(tmp_path / "a.npz", x=rows, price=np.arange(40) / 3)
    assert open_source(f"{path}?target=price", {"table"}).classes == ()
    assert "holds table, and this takes images" in refusal(open_images, f"{path}?target=price")


def test_strings_are_texts(tmp_path):
    texts = np.array([f"text {i}" for i in range(39)] + [" "])
    path = save(tmp_path / "a.npz", x=texts, y=LABELS)
    assert kind_of(path, {"images", "text"}) == "text"
    data = open_source(path, {"text"})
    assert sizes(data) == {"train": 27, "validation": 6, "test": 6}
    assert data.notes[0] == "left out empty texts (1): x 39"
    assert "holds text, and this takes images" in refusal(open_images, path)


@pytest.mark.parametrize(
    ("arrays", "told"),
    [
        ({"x": images(4)}, "has the arrays x; expected x_train, y_train"),
        ({"x": images(4), "y": LABELS[:3]}, "x has shape (4, 6, 5, 3), y (3,); expected as many"),
        ({"x": images(40) / 127.5 - 1, "y": LABELS}, "range from -1 to 1; expected 0 to 255"),
        ({"x": np.full((40, 2, 2), np.nan), "y": LABELS}, "range from nan to nan"),
        ({"x": images(40, shape=(3, 6, 5)), "y": LABELS}, "the channels come first there"),
        ({"x": images(40), "y": np.zeros((40, 3))}, "expected one label each"),
        ({"x": images(40), "y": LABELS + 0.5}, "has the label 0.5; expected names or whole"),
        ({"x": images(40), "y": LABELS * 0}, "one class only, '0'"),
        ({"x": images(40), "y": np.array([{}] * 40)}, "'y' holds Python objects"),
        ({"x_test": images(40), "y_test": LABELS}, "expected x_train, y_train"),
    ],
)
def test_arrays_of_no_use_are_refused(tmp_path, arrays, told):
    assert told in refusal(open_images, save(tmp_path / "a.npz", **arrays))


def test_a_file_that_is_damaged_missing_or_lies_is_refused(tmp_path):
    path = save(tmp_path / "a.npz", x=images(40), y=LABELS)
    assert refusal(open_images, tmp_path / "b.npz").endswith("perhaps you meant 'a.npz'")
    whole = path.read_bytes()
    path.write_bytes(whole[:2000])
    assert f"cannot read {path} as .npz" in refusal(open_images, path)
    with zipfile.ZipFile(path, "w") as archive, archive.open("x.npy", "w") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": (1 << 40, 8, 8)}
        np.lib.format.write_array_header_1_0(file, header)
    assert "not as long as its header says" in refusal(open_images, path)
