"""Words and their numbers: the same everywhere, whatever the text."""

import os
import subprocess
import sys
from unicodedata import category, ucd_3_2_0

import numpy as np
import pytest
import tensorflow as tf

from maquette.errors import UserError
from maquette.text.vocabulary import BATCH, Vocabulary, split_words

SENTENCES = [
    "Don't PANIC: it's 42, 'he said'!",
    "rock'n'roll ''quoted'' '' dogs' 'tis d' '",
    "it\u2019s typographic, \u2018isn\u2019t\u2019 it",
    "Crème brûlée, Übergröße; ÉCOLE STRASSE ẞ",
    "ΟΔΥΣΣΕΥΣ ΟΔΟΣ Σ",
    "Привет, МИР! Ёлка",
    "İstanbul IĞDIR I Ì Í Ĩ Ǆ",
    "हिन्दी में, भाषा। ภาษาไทย",
    "cafe\u0301 e\u0301te\u0301",
    "'all quoted'",
    "the dogs'",
    "snake_case a-b c/d e.f 3.14 ½ ²",
    "日本語 テキスト、中文。",
    "emoji ❤\ufe0f👍🏽 end",
    "<br /><br />tabs\tand\nnew\u00a0lines\u2003here",
    "a\0b",
    "",
    "  ",
    "'''",
]


def words_in_plain_python(text: str) -> list[str]:
    """What the docstring of the module tells other readers to do."""
    text = text.replace("İ", "i").replace("\u2019", "'").lower()
    parts = "".join(c if c == "'" or category(c)[0] in "LMN" else " " for c in text).split()
    return [part.strip("'") for part in parts if part.strip("'")]


def words(texts: list[str]) -> list[list[str]]:
    rows = split_words(tf.constant(texts, tf.string)).to_list()
    return [[word.decode() for word in row] for row in rows]


def test_words_are_lower_case_without_punctuation_and_outer_apostrophes():
    assert words(SENTENCES[:4]) == [
        ["don't", "panic", "it's", "42", "he", "said"],
        ["rock'n'roll", "quoted", "dogs", "tis", "d"],
        ["it's", "typographic", "isn't", "it"],
        ["crème", "brûlée", "übergröße", "école", "strasse", "ß"],
    ]


def test_marks_that_complete_a_letter_stay_with_it():
    assert words(["हिन्दी में", "cafe\u0301"]) == [["हिन्दी", "में"], ["cafe\u0301"]]


def test_three_lines_of_plain_python_find_the_same_words():
    assert words(SENTENCES) == [words_in_plain_python(text) for text in SENTENCES]


def test_every_letter_of_unicode_is_treated_as_in_plain_python():
    # What came after Unicode 3.2 may be unknown to one of the libraries.
    letters = [c for c in map(chr, range(0x110000)) if ucd_3_2_0.category(c) not in ("Cn", "Cs")]
    texts = [f"A{letter}b" for letter in letters if ucd_3_2_0.category(letter) != "Co"]
    assert len(texts) > 90_000
    different = [
        text
        for text, found in zip(texts, words(texts), strict=True)
        if found != words_in_plain_python(text)
    ]
    assert different == []


@pytest.mark.parametrize("language", ["tr_TR", "lt_LT"])
def test_words_do_not_depend_on_the_language_of_the_machine(language):
    text = "TITLE İ Ì Í Ĩ Į\u0300 J\u0301"
    code = (
        "import tensorflow as tf; from maquette.text.vocabulary import split_words;"
        f"print(ascii([word.decode() for word in split_words([{text!a}]).values.numpy()]))"
    )
    elsewhere = {**os.environ, "LC_ALL": f"{language}.UTF-8"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=elsewhere, capture_output=True, text=True
    )
    assert done.stdout.strip() == ascii(words_in_plain_python(text)), done.stderr


def test_numbers_follow_frequency_then_the_alphabet():
    vocabulary = Vocabulary.of(["b a c", "c b", "c d"], size=100)
    assert vocabulary.words == ("c", "b", "a", "d")
    assert len(vocabulary) == 6


def test_the_vocabulary_does_not_depend_on_the_order_of_the_texts():
    texts = [f"common {index % 7} rare{index}" for index in range(3 * BATCH)]
    assert Vocabulary.of(texts, 50) == Vocabulary.of(texts[::-1], 50)


def test_size_counts_all_entries_and_rare_words_can_be_left_out():
    texts = ["one two two three three three"]
    assert Vocabulary.of(texts, size=4).words == ("three", "two")
    assert Vocabulary.of(texts, size=9, min_count=2).words == ("three", "two")
    assert Vocabulary.of(texts, size=1).words == ()


def test_a_text_becomes_numbers_padded_at_its_end_or_cut_there():
    vocabulary = Vocabulary(("the", "film"))
    ids = vocabulary.encode(["The film: the FILM, the film", "good film", ""], length=4)
    assert ids.dtype == np.int32
    assert ids.tolist() == [[2, 3, 2, 3], [1, 3, 0, 0], [0, 0, 0, 0]]


def test_any_number_of_texts_keeps_its_order():
    vocabulary = Vocabulary(tuple(f"w{index}" for index in range(3 * BATCH)))
    texts = [f"w{index}" for index in range(2 * BATCH + 5)]
    assert vocabulary.encode(texts, 1)[:, 0].tolist() == list(range(2, 2 * BATCH + 7))
    assert vocabulary.encode([], 3).shape == (0, 3)


def test_a_vocabulary_without_words_knows_none():
    assert Vocabulary(()).encode(["any word"], 3).tolist() == [[1, 1, 0]]


def test_half_a_surrogate_pair_is_no_obstacle():
    assert Vocabulary.of(["good \ud83d film"], 9).encode(["\ud83d film"], 2).tolist() == [[2, 0]]


def test_a_saved_model_numbers_raw_text_alike(tmp_path):
    class Reader(tf.Module):
        def __init__(self, vocabulary):
            self.table, self.vocabulary = vocabulary.table, vocabulary

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
        def ids(self, texts):
            return self.vocabulary.padded_ids(texts, 12)

    vocabulary = Vocabulary.of(SENTENCES, 60)
    tf.saved_model.save(Reader(vocabulary), str(tmp_path))
    loaded = tf.saved_model.load(str(tmp_path))
    expected = vocabulary.encode(SENTENCES, 12)
    np.testing.assert_array_equal(loaded.ids(tf.constant(SENTENCES)), expected)


def test_line_numbers_of_the_file_are_the_numbers_of_the_words():
    vocabulary = Vocabulary.of(SENTENCES, 60)
    lines = vocabulary.to_text().split("\n")
    assert lines[:2] == ["<pad>", "<unknown>"]
    first = vocabulary.encode(SENTENCES, 1)[:, 0]
    known = [(row[0], number) for row, number in zip(words(SENTENCES), first, strict=True) if row]
    assert all(lines[number] == word for word, number in known if number != 1)
    assert Vocabulary.from_text(vocabulary.to_text()) == vocabulary


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is no vocabulary"),
        ("the\nfilm\n", "is no vocabulary"),
        ("<pad>\n<unknown>\nthe\nfilm\nthe\n", "line 5 repeats 'the' of line 3"),
        ("<pad>\n<unknown>\nthe\n\nfilm\n", "line 4 holds '', not one word"),
        ("<pad>\n<unknown>\nthe film\n", "line 3 holds 'the film', not one word"),
        ("<pad>\n<unknown>\nthe\n<pad>\n", "line 4 repeats '<pad>' of line 1"),
    ],
)
def test_a_damaged_vocabulary_is_refused_with_the_line(text, told):
    with pytest.raises(UserError) as caught:
        Vocabulary.from_text(text, "words.txt")
    assert "words.txt" in str(caught.value)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
