"""Paths that no file can have, or that lead nowhere, are told in one line, whatever opens them."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest
from image_trees import add_images

import maquette
from maquette.errors import UserError
from maquette.sources import KINDS, kind_of, open_source

LONG = "a" * 5000
PAGE = "it was a film of many words " * 20


def refusal(source: str, kind: str = "images") -> str:
    with pytest.raises(UserError) as caught:
        open_source(source, {kind})
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("source", [LONG, f"{LONG}.csv", f"{LONG}.npz", f"{LONG}/photos/"])
def test_a_name_longer_than_any_path_is_refused(source):
    message = refusal(source)
    assert message.startswith("cannot open 'aaa")
    assert message.endswith("File name too long")
    assert len(message) < 200
    with pytest.raises(UserError, match="File name too long"):
        kind_of(source, KINDS)
    with pytest.raises(UserError, match="File name too long"):
        maquette.check(source)


@pytest.mark.parametrize("source", ["pho\0tos/", "pho\0tos.csv", "pho\0tos"])
def test_a_name_with_a_zero_byte_is_refused(source):
    assert refusal(source).startswith("no path has a zero byte in it; received 'pho")


def test_a_link_that_leads_in_a_circle_is_refused(tmp_path):
    os.symlink("circle", tmp_path / "circle")
    assert refusal(str(tmp_path / "circle")).endswith("Too many levels of symbolic links")


@pytest.mark.parametrize("name", ["x.csv", "x.npz", "x.tfrecord", "photos/", "x.txt"])
def test_a_path_below_a_file_is_refused(tmp_path, name):
    (tmp_path / "notes").touch()
    for kind in ("images", "text", "table", "corpus"):
        assert str(tmp_path / "notes") in refusal(f"{tmp_path}/notes/{name}", kind)


@pytest.mark.parametrize("path", ["photos/\0.png", f"{LONG}.png", "photos", PAGE, "\udcff.png"])
def test_a_row_whose_path_can_be_no_file_is_left_out(tmp_path, path):
    add_images(tmp_path / "photos", 20)
    rows = [(f"photos/{index:03}.png", "ab"[index % 2]) for index in range(20)]
    table = tmp_path / "photos.csv"
    with table.open("w", newline="", encoding="utf-8", errors="replace") as file:
        csv.writer(file).writerows([("image", "label"), *rows, (path, "a")])
    data = open_source(str(table), {"images"})
    assert sum(map(len, data.splits.values())) == 20
    assert [left_out.reason for left_out in data.left_out] == ["not a file"]


def test_a_column_of_texts_named_as_that_of_images_is_refused(tmp_path):
    rows = "".join(f"{PAGE} {index},{'ab'[index % 2]}\n" for index in range(20))
    (tmp_path / "reviews.csv").write_text(f"review,label\n{rows}")
    assert "20 of 20 images" in refusal(f"{tmp_path}/reviews.csv?image=review")


def test_names_with_marks_of_addresses_are_paths_like_others(tmp_path):
    folder = tmp_path / "a b?x=1&y #2 é"
    for label in "ab":
        add_images(folder / label, 8)
    data = open_source(str(folder), {"images"})
    assert Path(data.source) == folder
    assert sum(map(len, data.splits.values())) == 16
