"""Files of text: encodings, and what is no text."""

import codecs
import contextlib
import gzip

import numpy as np
import pytest

from maquette.errors import UserError
from maquette.text.reading import (
    UnreadableText,
    decode,
    encoding_notes,
    read_all,
    read_text,
    text_files,
    tidy,
)

TEXT = "Café “crème”, 5 €"


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (TEXT.encode(), "UTF-8"),
        (codecs.BOM_UTF8 + TEXT.encode(), "UTF-8"),
        (TEXT.encode("utf-16"), "UTF-16"),
        (codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), "UTF-16"),
        (TEXT.encode("utf-32"), "UTF-32"),
        (TEXT.encode("cp1252"), "Windows-1252"),
        (gzip.compress(TEXT.encode(), mtime=0), "UTF-8"),
    ],
)
def test_common_encodings_are_told_apart(data, encoding):
    decoded = decode(data)
    assert (decoded.text, decoded.encoding, decoded.damaged) == (TEXT, encoding, False)


def test_utf8_with_a_damaged_byte_stays_utf8():
    decoded = decode("é é é é ".encode() + b"\xff" + " ü".encode())
    assert (decoded.encoding, decoded.damaged) == ("UTF-8", True)
    assert decoded.text == "é é é é \ufffd ü"


def test_bytes_that_windows_does_not_know_are_replaced():
    decoded = decode(b"caf\xe9 \x81 na\xefve")
    assert (decoded.encoding, decoded.damaged) == ("Windows-1252", True)
    assert decoded.text == "café \ufffd naïve"


def test_half_a_character_at_the_end_of_utf16_is_damage():
    assert decode(codecs.BOM_UTF16_LE + b"a\0b\0c").damaged


def test_a_replacement_character_of_the_author_is_no_damage():
    assert not decode("lost \ufffd here".encode()).damaged


@pytest.mark.parametrize(
    "data",
    [b"text \0\0" * 99, "no mark".encode("utf-16-le"), bytes(range(1, 256)), b"\x01\x02" * 9],
)
def test_binary_files_are_no_text(data):
    with pytest.raises(UnreadableText, match="not text"):
        decode(data)


def test_a_byte_of_zero_here_and_there_is_damage_that_becomes_a_space():
    decoded = decode(b"text " * 99 + b"a\0b")
    assert decoded.damaged
    assert tidy(decoded.text).endswith("text a b")


def test_a_cut_gzip_file_is_no_text():
    packed = gzip.compress(np.random.default_rng(0).bytes(1000).hex().encode())
    for damaged in (packed[:-20], packed[:30], packed[:10] + b"\xff" * 20, packed[:-8] + bytes(8)):
        with pytest.raises(UnreadableText, match="damaged gzip file"):
            decode(damaged)


def test_any_bytes_are_read_as_valid_unicode_or_refused():
    generator = np.random.default_rng(0)
    read = 0
    for size in generator.integers(0, 60, 400):
        data = generator.choice([0x41, 0xC3, 0xA9, 0xFF, 0xFE, 0x0A, 0x81, 0xEF, 0xBB, 0xBF], size)
        with contextlib.suppress(UnreadableText):
            text = decode(data.astype(np.uint8).tobytes()).text
            assert text.encode().decode() == text
            read += 1
    assert read > 300


def test_tidy_text_has_unix_lines_and_valid_unicode():
    assert tidy(" \r\n one\r\ntwo\rthree\0 ") == "one\ntwo\nthree"
    assert tidy("é \ud83d").encode() == "é ?".encode()


def test_each_file_is_read_or_has_its_reason(tmp_path):
    (tmp_path / "good.txt").write_text("good")
    (tmp_path / "empty.txt").write_text(" \n ")
    (tmp_path / "binary.txt").write_bytes(b"\0\1")
    calls = []
    names = ("good.txt", "empty.txt", "binary.txt", "missing.txt")
    outcomes = read_all([tmp_path / name for name in names], lambda *call: calls.append(call))
    assert outcomes[0].text == "good"
    assert [str(reason) for reason in outcomes[1:]] == [
        "empty file",
        "not text: it has control characters in it",
        "not a file",
    ]
    assert calls == [(done, 4) for done in range(1, 5)]


def test_a_user_is_told_which_file_is_no_text(tmp_path):
    (tmp_path / "photo.txt").write_bytes(b"\x89PNG\0")
    with pytest.raises(UserError, match=r"cannot read .*photo\.txt as text: not text"):
        read_text(tmp_path / "photo.txt")
    (tmp_path / "dos.txt").write_bytes(b"one\r\ntwo\r\n")
    assert read_text(tmp_path / "dos.txt") == "one\ntwo"


def test_a_folder_stands_for_the_texts_below_it(tmp_path):
    for folder in ("b/deep", ".git"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("b/deep/2.TXT", "b/1.txt", ".hidden.txt", ".git/3.txt", "notes.md"):
        (tmp_path / name).write_text("x")
    single = tmp_path / "notes.md"
    names = [path.relative_to(tmp_path).as_posix() for path in text_files([single, tmp_path])]
    assert names == ["notes.md", "b/1.txt", "b/deep/2.TXT"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no texts in"):
        text_files([tmp_path / "empty"])


def test_foreign_and_damaged_files_are_counted():
    files = [("a", decode(b"caf\xe9")), ("b", decode(b"x")), ("c", decode(b"\xe9 \x81"))]
    assert encoding_notes(files) == [
        "not UTF-8, so read as Windows-1252 (2): a, c",
        "some bytes are not valid and were replaced (1): c",
    ]
    assert encoding_notes(files[1:2]) == []
