"""Files of word vectors are read whatever their format, and never trusted."""

from __future__ import annotations

import gzip
import tracemalloc

import numpy as np
import pytest

from maquette.errors import UserError
from maquette.text import vector_files
from maquette.text.vector_files import (
    binary_format,
    read_vectors,
    text_format,
    write_binary,
    write_text,
)

WORDS = ["the", "café", "日本", "3.5", "don't"]
VECTORS = np.random.default_rng(0).normal(size=(5, 7)).astype(np.float32)


def glove_format(words, vectors) -> bytes:
    return text_format(words, vectors).partition(b"\n")[2]


def google_format(words, vectors) -> bytes:
    """The binary format without line ends, as gensim writes it and Google's files have it."""
    rows = zip(words, vectors, strict=True)
    return f"{len(words)} {vectors.shape[1]}\n".encode() + b"".join(
        word.encode() + b" " + vector.astype("<f4").tobytes() for word, vector in rows
    )


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("form", [glove_format, text_format, binary_format, google_format])
def test_every_format_is_told_by_its_content(form, packed, tmp_path):
    content = form(WORDS, VECTORS)
    path = tmp_path / "any_name"
    path.write_bytes(gzip.compress(content) if packed else content)
    vectors, found = read_vectors(path, ["日本", "missing", "the", "", "3.5"])
    assert vectors.dtype == np.float32
    assert found.tolist() == [True, False, True, False, True]
    np.testing.assert_array_equal(vectors[found], VECTORS[[2, 0, 3]])
    assert not vectors[~found].any()


@pytest.mark.parametrize("write", [write_text, write_binary])
def test_what_is_written_comes_back_bit_for_bit(write, tmp_path):
    extreme = np.array([[1e-38, -3.4e38, 1 / 3], [0.1, -0.0, 1e-45]], np.float32)
    write(tmp_path / "vectors", ["a", "b"], extreme)
    vectors, found = read_vectors(tmp_path / "vectors", ["a", "b"])
    assert found.all()
    np.testing.assert_array_equal(vectors, extreme)


def test_of_a_word_that_comes_twice_the_first_counts(tmp_path):
    (tmp_path / "twice").write_bytes(b"a 1 2\na 3 4\n")
    assert read_vectors(tmp_path / "twice", ["a"])[0].tolist() == [[1, 2]]


def test_words_of_glove_that_hold_spaces_are_no_other_words(tmp_path):
    (tmp_path / "glove").write_bytes(b"a 1 2\n. . . 3 4\nb 5 6\n")
    vectors, found = read_vectors(tmp_path / "glove", [".", "b"])
    assert found.tolist() == [False, True]
    assert vectors[1].tolist() == [5, 6]


def test_words_with_white_space_are_not_written(tmp_path):
    for word in ("new york", "", "line\n", "a\u00a0b"):
        with pytest.raises(UserError, match="words have no white space"):
            write_text(tmp_path / "vectors", [word], VECTORS[:1])
    assert not list(tmp_path.iterdir())


WHOLE = binary_format(WORDS, VECTORS)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (WHOLE[:-9], "word 5 of 5 is not whole"),
        (WHOLE + b"more", "goes on after the 5 words"),
        (gzip.compress(WHOLE)[:-20], "gzip stream is broken"),
        (b"\x1f\x8b and no gzip", "gzip stream is broken"),
        (b"2 70000\nw " + bytes(20), "announces 2 words of 70000"),
        (b"0 5\n", "announces 0 words"),
        (b"999999999999 100\nw " + bytes(10), "word 1 of 999999999999 is not whole"),
        (b"2 3\n" + b"x" * 9000 + b" " + bytes(24), "word 1 of 2 is not whole"),
        (b"3 2\na 1 2\nthe 1 2\n", "announces 3 words and has 2"),
        (b"a 1 2\nthe 1\n", "line 2 has fewer than 2 numbers"),
        (b"a 1 2\nthe nan 2\n", "'the' holds something else"),
        (b"a 1 2\nthe 1e99 2\n", "'the' holds something else"),
        (b"a 1 2\nthe one 2\n", "'the' holds something else"),
        (b"a 1 2\n" + b"x" * (1 << 21), "line 2 does not end"),
        (b"<html><body>not found</body></html>\n", "begins with neither"),
        (b"\x80\x04\x95 a pickle", "a pickle, which could run code"),
        (b"PK\x03\x04 an archive", "a zip archive; unpack it first"),
        (b"\x93NUMPY\x01\x00" + bytes(200), "begins with neither"),
    ],
)
def test_damage_is_one_clear_line(content, reason, tmp_path):
    path = tmp_path / "vectors"
    path.write_bytes(content)
    with pytest.raises(UserError, match=reason) as error:
        read_vectors(path, ["the"])
    assert "\n" not in str(error.value)
    assert str(path) in str(error.value)


def test_missing_file_and_folder_are_told(tmp_path):
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(UserError, match="cannot read word vectors"):
            read_vectors(path, ["the"])


@pytest.mark.parametrize("form", [glove_format, binary_format])
def test_memory_does_not_grow_with_the_file(form, tmp_path, monkeypatch):
    monkeypatch.setattr(vector_files, "BLOCK", 1 << 14)
    monkeypatch.setattr(vector_files, "LONGEST_LINE", 1 << 14)
    words, row = [f"word{number}" for number in range(20_000)], np.arange(50, dtype=np.float32)
    path = tmp_path / "vectors"
    path.write_bytes(form(words, np.broadcast_to(row, (len(words), 50))))
    tracemalloc.start()
    _, found = read_vectors(path, words[-2:])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.all()
    assert peak < path.stat().st_size / 10
