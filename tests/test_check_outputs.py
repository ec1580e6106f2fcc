"""What a check writes: a cleaned copy, a list of offenders, pictures. The original stays."""

import csv
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
