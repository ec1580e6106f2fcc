"""Images that a table or a metadata file lists: columns, paths, splits, and what is left out."""

import csv
import json
from pathlib import Path

import pyarrow
import pytest
from image_arrays import open_images, refusal
from image_trees import add_images, sizes
from pyarrow import parquet

from maquette.sources import kind_of, open_source


def rows_of(folder: Path, count: int = 20) -> list[tuple[str, str]]:
    """Write images of two breeds into one folder, and return their names and breeds."""
    for breed in ("collie", "pug"):
        add_images(folder / "photos", count, breed)
    return [
        (f"photos/{breed}{index:03}.png", breed)
        for breed in ("collie", "pug")
        for index in range(count)
    ]


def write_csv(path: Path, rows, columns=("photo", "breed")) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns, *rows])
    return path


@pytest.fixture
def rows(tmp_path) -> list[tuple[str, str]]:
    return rows_of(tmp_path)


def test_a_table_of_paths_and_labels_is_images(tmp_path, rows):
    path = write_csv(tmp_path / "dogs.csv", rows)
    source = f"{path}?target=breed&image=photo"
    data = open_images(source)
    assert sizes(data) == {"train": 28, "validation": 6, "test": 6}
    assert (data.classes, data.native_shape) == (("collie", "pug"), (10, 12, 3))
    assert data.source == source
    for split in data.splits.values():
        labels = [data.classes[label] for label in split.labels]
        assert labels == [dict(rows)[name] for name in split.names]
    train = data.splits["train"]
    assert train.read(0, (10, 12, 3)).shape == (10, 12, 3)


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_other_tables_give_the_same(tmp_path, rows, suffix):
    expected = open_images(f"{write_csv(tmp_path / 'a.csv', rows)}?target=breed&image=photo")
    path = tmp_path / f"b{suffix}"
    if suffix == ".parquet":
        photos, breeds = zip(*rows, strict=True)
        parquet.write_table(pyarrow.table({"photo": photos, "breed": breeds}), path)
    else:
        path.write_text("".join(json.dumps({"photo": p, "breed": b}) + "\n" for p, b in rows))
    assert open_images(f"{path}?target=breed&image=photo").fingerprint == expected.fingerprint


def test_usual_names_need_no_option_and_others_are_asked_for(tmp_path, rows):
    path = write_csv(tmp_path / "a.csv", rows, ("path", "label"))
    assert sizes(open_images(path))["train"] == 28
    assert kind_of(path, {"images"}) == "images"
    path = write_csv(tmp_path / "b.csv", rows, ("snapshot", "label"))
    message = refusal(open_images, path)
    assert message.endswith("name that of the paths of images with --image-column")
    message = refusal(open_images, f"{path}?image=snapshots")
    assert "perhaps you meant 'snapshot'; name it with --image-column" in message
    assert "name it with --target" in refusal(open_images, f"{path}?image=snapshot&target=breed")


def test_tables_named_after_splits_are_kept_apart(tmp_path, rows):
    write_csv(tmp_path / "train.csv", rows[:15] + rows[20:35])
    write_csv(tmp_path / "test.csv", rows[15:20] + rows[35:])
    data = open_images(f"{tmp_path}?image=photo&target=breed")
    assert sizes(data) == {"train": 26, "validation": 4, "test": 10}
    assert not data.divided_by_us


def test_rows_and_images_of_no_use_are_named_and_left_out(tmp_path, rows):
    (tmp_path / "photos" / "bad.png").write_bytes(b"<html>")
    odd = [("photos/bad.png", "pug"), ("gone.png", "pug"), ("", "pug"), ("photos/pug000.png", "")]
    path = write_csv(tmp_path / "a.csv", [*rows, *odd])
    source = f"{path}?image=photo&target=breed"
    data = open_images(source)
    assert sum(sizes(data).values()) == 40
    assert data.notes[:3] == (
        "left out lines without an image (1): a.csv:44",
        "left out lines without a label (1): a.csv:45",
        "left out 2 of 42 files: photos/bad.png (not an image (it begins with '<html>')), "
        "gone.png (not a file)",
    )
    assert "lines without an image (1): a.csv:44" in refusal(open_images, source, True)


def test_paths_that_fit_nothing_are_refused_with_the_folder(tmp_path, rows):
    path = write_csv(tmp_path / "a.csv", [(f"elsewhere/{p}", b) for p, b in rows])
    message = refusal(open_images, f"{path}?image=photo&target=breed")
    assert "40 of 40 images" in message
    assert message.endswith(f"paths are relative to {tmp_path}")


def test_a_change_of_one_image_changes_the_fingerprint(tmp_path, rows):
    source = f"{write_csv(tmp_path / 'a.csv', rows)}?image=photo&target=breed"
    before = open_images(source).fingerprint
    add_images(tmp_path / "photos", 1, "collie", size=(9, 9))
    assert open_images(source).fingerprint != before


@pytest.mark.parametrize("name", ["metadata.csv", "metadata.jsonl"])
def test_a_metadata_file_makes_a_folder_a_data_set(tmp_path, rows, name):
    if name.endswith("csv"):
        write_csv(tmp_path / name, rows, ("file_name", "label"))
    else:
        lines = [json.dumps({"file_name": path, "label": label}) for path, label in rows]
        (tmp_path / name).write_text("\n".join(lines))
    add_images(tmp_path / "photos", 1, "extra")
    data = open_images(tmp_path)
    assert sizes(data) == {"train": 28, "validation": 6, "test": 6}
    assert data.notes[0] == "left out images that no metadata names (1): photos/extra000.png"
    assert data.source == str(tmp_path)


def test_splits_may_each_have_their_metadata(tmp_path):
    for split, count in (("train", 12), ("test", 4)):
        write_csv(
            tmp_path / split / "metadata.csv",
            rows_of(tmp_path / split, count),
            ("file_name", "kind"),
        )
    data = open_images(tmp_path)
    assert sizes(data) == {"train": 20, "validation": 4, "test": 8}
    assert data.splits["test"].names[0] == "test/photos/collie000.png"


def test_one_metadata_file_may_list_splits_by_their_folders(tmp_path):
    rows = [
        (f"{split}/{path}", label)
        for split, count in (("train", 12), ("val", 4))
        for path, label in rows_of(tmp_path / split, count)
    ]
    write_csv(tmp_path / "metadata.csv", [(p, b, 1) for p, b in rows], ("file_name", "breed", "n"))
    assert "name that of the labels with --target" in refusal(open_images, tmp_path)
    data = open_images(f"{tmp_path}?target=breed")
    assert sizes(data) == {"train": 24, "validation": 8}


def test_other_metadata_leaves_a_folder_of_classes_as_it_is(pets):
    write_csv(pets / "metadata.csv", [("a", "b")], ("author", "licence"))
    assert open_source(pets, {"images"}).classes == ("cats", "dogs")
