"""What a check writes: a cleaned copy, a list of offenders, pictures. The original stays."""

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest
from faulty_data import (
    add_photos,
    good_photos,
    good_texts,
    photo,
    plant_image_faults,
    plant_text_faults,
    state_of,
    text,
)
from PIL import Image

import maquette
from maquette.errors import UserError
from maquette.text.parquet import write_parquet
from maquette.text.tables import read_table

REPAIRED = {"class_not_judged", "imbalance", "few_to_judge_by", "unusual_name", "name_not_unicode"}
REPAIRED |= {"names_clash", "very_small", "very_large", "extreme_shape", "grey_among_colour"}
REPAIRED |= {"outside_classes", "class_not_in_train", "very_long", "long_line", "single_word"}
REPAIRED |= {"twice_encoded", "lost_letters"}  # what a copy cannot mend


@pytest.fixture(scope="module")
def cleaned(tmp_path_factory):
    """A faulty folder of photos, its state before, and a cleaned copy."""
    root = good_photos(tmp_path_factory.mktemp("photos") / "photos")
    plant_image_faults(root)
    before = state_of(root)
    copy = root.parent / "cleaned"
    maquette.check(root, fix=copy)
    return root, before, copy


def done(copy: Path) -> dict[str, set[str]]:
    with (copy / "cleaning.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    return {row["name"]: {r["action"] for r in rows if r["name"] == row["name"]} for row in rows}


def test_a_cleaned_copy_has_none_of_the_faults_that_a_copy_can_mend(cleaned):
    _, _, copy = cleaned
    left = {finding.kind for finding in maquette.check(copy).findings}
    assert left <= REPAIRED | {"other_files"}  # the list itself


def test_the_original_is_only_read_and_shares_nothing_with_the_copy(cleaned):
    root, before, copy = cleaned
    assert state_of(root) == before
    nodes = {path.stat().st_ino for path in root.rglob("*.jpg") if path.is_file()}
    files = [path for path in copy.rglob("*") if path.is_file()]
    assert len(files) > 40
    assert not any(path.is_symlink() or path.stat().st_ino in nodes for path in files)


def test_of_copies_the_one_that_is_judged_by_stays(cleaned):
    _, _, copy = cleaned
    assert (copy / "val" / "ants" / "same.jpg").exists()
    assert not (copy / "train" / "ants" / "02.jpg").exists()
    twins = [copy / "train" / "bees" / name for name in ("04.jpg", "twice.jpg")]
    assert sum(path.exists() for path in twins) == 1


def test_contradictory_examples_are_left_out_altogether(cleaned):
    _, _, copy = cleaned
    for name in ("ants/03.jpg", "bees/both.jpg", "ants/contrary.jpg", "bees/03.jpg"):
        assert not (copy / "train" / name).exists(), name


def test_odd_kinds_of_images_are_written_anew_as_they_were_read(cleaned):
    _, _, copy = cleaned
    images = {n: Image.open(copy / "train" / n) for n in ("bees/print.jpg", "bees/lying.jpg")}
    assert {image.mode for image in images.values()} == {"RGB"}
    upright = np.asarray(photo(205).transpose(Image.Transpose.ROTATE_270), float)
    assert images["bees/lying.jpg"].getexif().get(0x0112, 1) == 1
    assert np.abs(np.asarray(images["bees/lying.jpg"], float) - upright).mean() < 5
    assert Image.open(copy / "train" / "bees" / "moves.gif").n_frames == 1
    assert Image.open(copy / "train" / "bees" / "really.png").format == "PNG"


def test_the_copy_says_what_was_done(cleaned):
    _, _, copy = cleaned
    actions = done(copy)
    assert actions["train/ants/cut.jpg"] == {"leave out"}
    assert actions["train/bees/print.jpg"] == {"write anew"}
    assert "train/ants/04.jpg" not in actions


def test_texts_are_cleaned_to_utf8(tmp_path):
    root = good_texts(tmp_path / "texts")
    plant_text_faults(root)
    before = state_of(root)
    maquette.check(root, fix=tmp_path / "cleaned")
    left = {finding.kind for finding in maquette.check(tmp_path / "cleaned").findings}
    assert left <= REPAIRED | {"other_files"}
    mended = (tmp_path / "cleaned" / "train" / "bad" / "windows.txt").read_text("utf-8")
    assert mended.endswith("café naïve\n")
    assert state_of(root) == before


def test_a_table_is_cleaned_line_by_line(tmp_path):
    lines = [(text(index), ("bad", "good")[index % 2]) for index in range(30)]
    lines += [lines[0], (lines[1][0], "bad"), ("", "bad")]
    with (tmp_path / "reviews.csv").open("w", newline="", encoding="utf-16") as stream:
        csv.writer(stream).writerows([("text", "label"), *lines])
    maquette.check(tmp_path / "reviews.csv", fix=tmp_path / "cleaned")
    with (tmp_path / "cleaned" / "reviews.csv").open(encoding="utf-8", newline="") as stream:
        header, *rows = csv.reader(stream)
    assert header == ["text", "label"]
    assert [tuple(row) for row in rows] == [lines[0], *lines[2:30]]


def test_a_copy_is_not_written_over_something_or_into_the_original(tmp_path):
    root = good_photos(tmp_path / "photos")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a").write_text("x")
    for folder, told in ((tmp_path / "full", "is not empty"), (root / "new", "is within")):
        with pytest.raises(UserError, match=told):
            maquette.check(root, fix=folder)
    with pytest.raises(UserError, match="--fix copies folders"):
        maquette.check("digits", fix=tmp_path / "digits")


def test_what_was_written_is_told_before_the_page(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    root = good_photos(tmp_path / "photos")
    (root / "train" / "ants" / "empty.jpg").write_bytes(b"")
    *_, listed, cleaned, page = command(
        "check", "photos", "--fix", "new", "--list", "all.csv"
    ).out.splitlines()
    assert listed == "list: all.csv, 1 line"
    assert cleaned.startswith("cleaned copy: new, 1 left out, 0 written anew; cleaning.csv in it")
    assert (tmp_path / page).is_file()


def test_a_list_alone_tells_what_to_do_with_each_offender(tmp_path):
    root = good_photos(tmp_path / "photos")
    (root / "train" / "ants" / "empty.jpg").write_bytes(b"")
    maquette.check(root, list_file=tmp_path / "list.csv")
    header, row = csv.reader((tmp_path / "list.csv").open(encoding="utf-8"))
    assert header == ["name", "action", "kind", "severity", "reason"]
    assert row == ["train/ants/empty.jpg", "leave out", "empty_file", "error", "empty file"]


def test_pictures_of_images_and_texts_are_drawn(tmp_path):
    maquette.check(good_photos(tmp_path / "photos"), figures=tmp_path / "images")
    drawn = {path.stem for path in (tmp_path / "images").iterdir()}
    assert drawn == {"classes", "sizes", "class_00", "class_01"}
    maquette.check(good_texts(tmp_path / "texts"), figures=tmp_path / "lengths")
    assert {path.stem for path in (tmp_path / "lengths").iterdir()} == {"classes", "lengths"}
    assert all(np.asarray(Image.open(p)).std() > 5 for p in (tmp_path / "images").iterdir())


def test_a_class_that_is_a_link_is_copied_as_a_folder(tmp_path):
    add_photos(tmp_path / "elsewhere", 8, 1)
    add_photos(tmp_path / "photos" / "bees", 8, 2)
    (tmp_path / "photos" / "ants").symlink_to(tmp_path / "elsewhere")
    maquette.check(tmp_path / "photos", fix=tmp_path / "cleaned")
    assert not (tmp_path / "cleaned" / "ants").is_symlink()
    assert len(list((tmp_path / "cleaned" / "ants").iterdir())) == 8


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_a_table_of_numbers_is_cleaned_row_by_row(tmp_path, suffix):
    rows = [
        {"size": index + 0.5, "sold": index % 3 == 0, "price": index * 2.25} for index in range(40)
    ]
    for split, part in (("train", [*rows[:30], rows[35]]), ("test", rows[30:])):
        write_rows(tmp_path / "cars" / f"{split}{suffix}", [*part, {**rows[0], "price": None}])
    before = state_of(tmp_path / "cars")
    maquette.check(tmp_path / "cars", target="price", fix=tmp_path / "cleaned")
    assert state_of(tmp_path / "cars") == before
    head = int(suffix in (".csv", ".tsv"))  # a line of names
    lines = [("train", 31 + head), ("train", 32 + head), ("test", 11 + head)]
    assert done(tmp_path / "cleaned") == {
        f"{split}{suffix}:{line}": {"leave out"} for split, line in lines
    }
    cleaned = ".csv" if suffix == ".tsv" else suffix
    kept = [values for _, values in read_table(tmp_path / "cleaned" / f"train{cleaned}").rows]
    assert kept == [as_read(row, suffix) for row in rows[:30]]
    opened = maquette.check(tmp_path / "cleaned", target="price")
    assert not {finding.kind for finding in opened.findings} & {"rows_across_splits", "no_label"}


def write_rows(path: Path, rows: list[dict]) -> None:
    path.parent.mkdir(exist_ok=True)
    if path.suffix == ".parquet":
        write_parquet(path, rows)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        with path.open("w", newline="") as stream:
            writer = csv.DictWriter(
                stream, [*rows[0]], delimiter="\t" if path.suffix == ".tsv" else ","
            )
            writer.writeheader()
            writer.writerows(rows)


def as_read(row: dict, suffix: str) -> dict:
    """Return a row as it is read again: of CSV and TSV as strings."""
    if suffix in (".jsonl", ".parquet"):
        return row
    return {name: str(value) for name, value in row.items()}


def uncopied(folder: Path) -> dict[str, tuple[Path, dict]]:
    """Write sources that no cleaned copy is made of, each with the columns to open it by."""
    add_photos(folder / "hub" / "photos", 16, 1)
    names = sorted(path.name for path in (folder / "hub" / "photos").iterdir())
    rows = [(f"photos/{name}", "ab"[index % 2]) for index, name in enumerate(names)]
    for path in ("hub/metadata.csv", "hub/list.csv"):
        with (folder / path).open("w", newline="") as stream:
            csv.writer(stream).writerows([("file_name", "label"), *rows])
    arrays = {"x": np.random.default_rng(0).random((20, 3)), "y": np.arange(20) % 2}
    np.savez(folder / "rows.npz", **arrays)
    return {
        "a folder with metadata": (folder / "hub", {}),
        "a table of images": (folder / "hub" / "list.csv", {"image_column": "file_name"}),
        "arrays": (folder / "rows.npz", {}),
    }


@pytest.mark.parametrize("kind", ["a folder with metadata", "a table of images", "arrays"])
def test_what_no_copy_is_made_of_is_refused_before_anything_is_written(tmp_path, kind):
    source, columns = uncopied(tmp_path)[kind]
    before = state_of(tmp_path)
    outputs = {"fix": tmp_path / "cleaned", "list_file": tmp_path / "list.csv"}
    with pytest.raises(UserError, match=r"--fix copies folders .* is neither"):
        maquette.check(source, **columns, **outputs)
    assert state_of(tmp_path) == before


def test_pictures_of_data_without_classes_are_refused_before_anything_is_written(tmp_path):
    outputs = {"figures": tmp_path / "figures", "list_file": tmp_path / "list.csv"}
    with pytest.raises(UserError, match="diabetes has no examples in classes to draw"):
        maquette.check("diabetes", **outputs)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("option", ["report", "list_file"])
def test_a_folder_in_the_place_of_a_file_is_refused(tmp_path, option):
    with pytest.raises(UserError, match=r"is a folder; give the path of a file"):
        maquette.check("digits", **{option: tmp_path})


def test_classes_are_drawn_whatever_their_names(tmp_path):
    names = ["$x_$ and $", os.fsdecode(b"caf\xe9"), "\u65e5\u672c"]
    for index, name in enumerate(names):
        add_photos(tmp_path / "photos" / name, 8, index)
    maquette.check(tmp_path / "photos", figures=tmp_path / "figures")
    assert len(list((tmp_path / "figures").glob("class_*.png"))) == 3
