# ruff: noqa: RUF001
"""Texts of any size become word ids, block by block, with nothing lost at the edges."""

from __future__ import annotations

import gzip
import tracemalloc

import numpy as np
import pytest

from maquette.datasets import pydoc_topics, text_file
from maquette.errors import UserError
from maquette.sources import open_source
from maquette.text import corpus as module
from maquette.text import vocabulary
from maquette.text.corpus import Chunks, RawCorpus, WordRow, encode, split_words

TEXTS = [
    "Don’t ‘PANIC’, 'he said'. ''tis'' rock'n'roll '",
    "ΟΔΟΣ Σ ΣΑΣ İstanbul ÌÍĨ é́tude naïve—dash…x２³½ Ⅷ _under_score\0nul 日本語 ’’' a'b''c",
    "e\u0301a \u200d zero\u200bwidth ǅ ẞ ß ﬁ 𝒳 ਕ੍ਰ \x1cfile\x85next\u2028line\u00a0space",
    "\ud800 lone",
    "",
]


def raw(*documents: str) -> RawCorpus:
    return RawCorpus("test", "0", (), lambda: ([text] for text in documents))


def words_of(corpus) -> list[str]:
    entries = corpus.vocabulary.to_text().splitlines()
    return [entries[i] if i else "|" for i in corpus.splits["train"].ids]


def load(path, **options):
    return encode(text_file.load(str(path), **options))


@pytest.mark.parametrize("text", TEXTS)
def test_words_are_those_of_every_other_text(text):
    ours = split_words(text)
    theirs = vocabulary.split_words([text.encode("utf-8", "replace")]).to_list()[0]
    assert ours == theirs


def test_ids_follow_the_text_without_rare_words_and_with_gaps_between_documents():
    corpus = encode(raw("The cat, the rare DOG", "a cat the dog a"), min_count=2, gap=3)
    assert corpus.vocabulary.words == ("the", "a", "cat", "dog")
    assert words_of(corpus) == [
        *["the", "cat", "the", "dog"],
        *"|||",
        *["a", "cat", "the", "dog", "a"],
        *"|||",
    ]
    assert corpus.counts.tolist() == [0, 0, 3, 2, 2, 2]
    assert corpus.words == 10


def test_vocabulary_is_cut_to_the_most_frequent_and_survives_its_file():
    corpus = encode(raw("a a a b b c c d"), size=4)
    assert corpus.vocabulary.words == ("a", "b")
    assert vocabulary.Vocabulary.from_text(corpus.vocabulary.to_text()) == corpus.vocabulary


def test_another_text_takes_the_vocabulary_of_the_first():
    first = encode(raw("a a a b b c"))
    other = encode(raw("c c new a")).numbered_by(first.vocabulary).as_test_if_undivided()
    assert other.splits["test"].ids.tolist() == [4, 4, 2, 0]
    assert other.counts.tolist() == [0, 0, 1, 0, 2]


def test_text_without_enough_words_is_refused():
    with pytest.raises(
        UserError, match=r"has 1 words that occur 2 times or more; .* a lower --min-count"
    ):
        encode(raw("once upon a time a"), min_count=2)


def test_chunks_hold_every_word_once_and_are_of_one_length():
    chunks = Chunks(WordRow(np.arange(1, 11, dtype=np.int32)), 4)
    assert chunks.shape == (3, 4)
    assert chunks[np.array([2, 0])].tolist() == [[7, 8, 9, 10], [1, 2, 3, 0]]
    assert Chunks(WordRow(np.arange(1, 11, dtype=np.int32)), 4, multiple=4).shape == (4, 3)


@pytest.mark.parametrize("block", [4, 5, 7, 64])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252"])
def test_block_edges_cut_neither_words_nor_characters(encoding, block, tmp_path, monkeypatch):
    text = "naïve café don’t\nstop “quoted” Ünïcödé\r\nwords " * 3
    text += "" if encoding == "cp1252" else "日本 𝒳 ﬁn"
    (tmp_path / "text.txt").write_bytes(text.encode(encoding))
    monkeypatch.setattr(text_file, "BLOCK", block)
    corpus = load(tmp_path / "text.txt")
    assert words_of(corpus)[:-1] == [word.decode() for word in split_words(text)]


def test_encoding_is_reported_and_damage_is_counted(tmp_path):
    path = tmp_path / "text.txt"
    path.write_bytes("café résumé".encode("cp1252"))
    assert text_file.load(str(path)).notes == ("not UTF-8, so read as Windows-1252",)
    path.write_bytes("café résumé naïve ".encode() * 2 + b"bro\xffken bro\xffken")
    assert text_file.load(str(path)).notes == ("2 characters are not UTF-8 and were replaced",)
    with pytest.raises(UserError, match="2 characters that are not UTF-8"):
        text_file.load(str(path), strict=True)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty file"),
        (b"\x7fELF\x02\x01" + bytes(100), "control characters"),
        (gzip.compress(b"some words " * 999)[:-9], "damaged gzip"),
        (None, "No such file"),
    ],
)
def test_what_is_no_text_is_refused_in_one_line(content, reason, tmp_path):
    path = tmp_path / "text.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=reason):
        open_source(path, {"corpus", "text"})


def test_packed_text_is_the_same_text(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"one two two three " * 50)
    (tmp_path / "b.txt.gz").write_bytes(gzip.compress(b"one two two three " * 50))
    plain, packed = load(tmp_path / "a.txt"), load(tmp_path / "b.txt.gz")
    assert plain.fingerprint == packed.fingerprint
    np.testing.assert_array_equal(plain.splits["train"].ids, packed.splits["train"].ids)


def test_the_texts_of_a_table_are_a_corpus_without_labels(tmp_path):
    path = tmp_path / "reviews.csv"
    path.write_text("review,stars\nGood film,5\nBad film,\n,3\n")
    raw = open_source(f"{path}?text=review", {"corpus", "text"})
    assert [list(document) for document in raw.documents()] == [["Good film"], ["Bad film"]]
    assert raw.source == f"{path}?text=review"
    assert raw.notes == ("left out lines without a text (1): reviews.csv:4",)
    with pytest.raises(UserError, match="name it with --text-column"):
        open_source(path, {"corpus", "text"})


def test_tables_and_folders_are_left_to_other_sources(tmp_path):
    (tmp_path / "table.csv").write_text("text,label\n")
    (tmp_path / "text8").write_text("no suffix")
    assert not text_file.matches(str(tmp_path / "table.csv"))
    assert not text_file.matches(str(tmp_path))
    assert not text_file.matches("https://example.org/a.txt")
    assert text_file.matches(str(tmp_path / "text8"))
    assert text_file.matches("missing.txt")


@pytest.mark.parametrize("separator", [b" ", b"\n"], ids=["one line", "many lines"])
def test_memory_does_not_grow_with_the_text(separator, tmp_path, monkeypatch):
    monkeypatch.setattr(text_file, "BLOCK", 1 << 14)
    monkeypatch.setattr(module, "MEMORY_BUDGET", 1 << 10)
    rng = np.random.default_rng(0)
    words = np.array([b"word%d" % number for number in range(500)], object)
    count = 400_000
    path = tmp_path / "text.txt"
    path.write_bytes(separator.join(words[rng.integers(0, 500, count)]))
    tracemalloc.start()
    corpus = load(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert isinstance(corpus.splits["train"].ids, np.memmap)
    assert len(corpus.splits["train"]) == corpus.words + 1 == count + 1
    assert peak < path.stat().st_size / 4


def test_rarest_words_are_forgotten_where_there_are_too_many(monkeypatch):
    monkeypatch.setattr(module, "MOST_DIFFERENT", 50)
    rare = " ".join(f"rare{number}" for number in range(40))
    others = " ".join(f"other{number}" for number in range(40))
    counts = module.count_words([["often often " + rare], ["often " + others]])
    assert counts[b"often"] == 3
    assert len(counts) <= 50


def test_help_pages_of_python_are_english_and_divided_by_page():
    corpus = encode(pydoc_topics.load(), min_count=5, gap=2)
    assert {"python", "statement", "object"} <= set(corpus.vocabulary.words)
    assert corpus.words > 50_000
    ids = corpus.splits["train"].ids
    assert np.sum((ids[:-1] == 0) & (ids[1:] == 0)) == len(list(corpus.raw.documents()))
