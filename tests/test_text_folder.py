"""A user's own folder of texts: how it is divided, what is left out and told."""

import shutil
from pathlib import Path

import pytest
from text_files import add_texts, open_text, refusal, sizes

from maquette.datasets import text_folder


@pytest.fixture
def mail(tmp_path) -> Path:
    """An undivided folder of two classes."""
    add_texts(tmp_path / "mail" / "good", 20)
    add_texts(tmp_path / "mail" / "spam", 20)
    return tmp_path / "mail"


@pytest.fixture
def split_mail(tmp_path) -> Path:
    """A folder with train, val and test inside."""
    for split, count in (("train", 10), ("val", 4), ("test", 3)):
        for label in ("good", "spam"):
            add_texts(tmp_path / "mail" / split / label, count, f"{split} ")
    return tmp_path / "mail"


def test_an_undivided_folder_is_divided_70_15_15(mail):
    data = open_text(mail)
    assert (data.source, data.classes) == (str(mail), ("good", "spam"))
    assert sizes(data) == {"train": 28, "validation": 6, "test": 6}
    assert data.notes == ("split by us: 28 train, 6 validation, 6 test",)
    assert sizes(data.as_test_if_undivided()) == {"test": 40}


def test_labels_and_texts_belong_to_the_names(mail):
    for split in open_text(mail).splits.values():
        for name, text, label in zip(split.names, split.texts, split.labels, strict=True):
            assert (mail / name).read_text() == text
            assert name.split("/")[0] == ("good", "spam")[label]


def test_the_folders_of_a_divided_source_are_kept(split_mail):
    data = open_text(split_mail)
    assert sizes(data) == {"train": 20, "validation": 8, "test": 6}
    assert all(name.startswith("val/") for name in data.splits["validation"].names)
    assert data.notes == ()
    assert sizes(data.as_test_if_undivided()) == sizes(data)


def test_without_validation_it_is_held_out_from_train(split_mail):
    shutil.rmtree(split_mail / "val")
    data = open_text(split_mail)
    assert sizes(data) == {"train": 16, "validation": 4, "test": 6}
    assert data.notes == ("no validation split: 4 texts of train held out for validation",)
    shutil.rmtree(split_mail / "test")
    assert open_text(split_mail).notes[1] == "no test split"


def test_files_that_are_no_text_are_named_and_left_out(mail):
    (mail / "good" / "photo.txt").write_bytes(b"\x89PNG\0\0")
    (mail / "spam" / "empty.txt").write_text("\n")
    (mail / "spam" / "letter.doc").write_bytes(b"x")
    (mail / "readme.txt").write_text("x")
    data = open_text(mail)
    assert sum(sizes(data).values()) == 40
    assert data.notes[:3] == (
        "left out 2 of 42 files: good/photo.txt (not text: it has control characters in it), "
        "spam/empty.txt (empty file)",
        "left out texts outside any class folder (1): readme.txt",
        "left out files that are not texts (1): spam/letter.doc",
    )
    assert "2 of 42 texts" in refusal(mail, strict=True)


def test_foreign_encodings_are_read_and_told(mail):
    (mail / "good" / "000.txt").write_bytes("Crème".encode("cp1252"))
    (mail / "good" / "001.txt").write_bytes("Crème\r\nbrûlée\r\n".encode("utf-16"))
    data = open_text(mail)
    texts = {n: t for s in data.splits.values() for n, t in zip(s.names, s.texts, strict=True)}
    assert texts["good/000.txt"] == "Crème"
    assert texts["good/001.txt"] == "Crème\nbrûlée"
    assert data.notes[0] == "not UTF-8, so read as Windows-1252 (1): good/000.txt"


def test_texts_of_train_that_come_again_in_test_are_told(split_mail):
    shutil.copy(split_mail / "train" / "good" / "000.txt", split_mail / "test" / "spam" / "x.txt")
    assert open_text(split_mail).notes == (
        "texts of test that are in train as well, bit for bit: 1 of 7",
    )


def test_progress_counts_every_text(mail):
    calls = []
    text_folder.load(str(mail), progress=lambda *call: calls.append(call))
    assert calls == [(done, 40) for done in range(1, 41)]


def test_layouts_that_are_not_understood_are_refused(mail, tmp_path):
    assert refusal(tmp_path / "mial").endswith("mial; perhaps you meant 'mail'")
    assert "texts lie directly in" in refusal(mail / "good")
    assert "one class only, 'mail'; two are needed; perhaps you meant" in refusal(tmp_path)
    add_texts(mail / "rare", 4)
    assert "class 'rare' has 4 of the 5 texts" in refusal(mail, strict=True)
    assert open_text(mail).classes == ("good", "spam")
    shutil.rmtree(mail / "rare")
    for path in mail.rglob("*.txt"):
        path.write_bytes(b"")
    assert "40 of 40 texts" in refusal(mail)
    (tmp_path / "mail.pdf").write_bytes(b"%PDF")
    assert "is no labelled text; give a folder" in refusal(tmp_path / "mail.pdf")
