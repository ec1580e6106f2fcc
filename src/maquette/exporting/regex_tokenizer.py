"""Our words for MediaPipe's tokenizer, which splits a text at a regular expression of RE2.

It changes no letter of the text, so the vocabulary lists each word in lower case and in the common
ways to write it with capitals, and with either apostrophe, all with one id. A word in another mixed
case, such as `PlayStation`, is unknown to it; put a text into lower case for these.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from maquette.text.vocabulary import RESERVED

_WORD = r"\p{L}\p{M}\p{N}"
_QUOTES = "'\u2019"
# No alternative matches the empty text: the tokenizer would never come to its end.
DELIMITER = rf"[{_QUOTES}]*[^{_WORD}{_QUOTES}][^{_WORD}]*|^[{_QUOTES}]+|[{_QUOTES}]+$"
MEDIAPIPE_RESERVED = ("<PAD>", "<UNKNOWN>")


def vocabulary_lines(entries: Sequence[str]) -> str:
    """Return the content of a vocabulary file for MediaPipe: a word and its id on each line.

    Args:
        entries: All entries in the order of their ids, padding and unknown first.
    """
    ids = {name: number for number, name in enumerate(MEDIAPIPE_RESERVED)}
    words = entries[len(RESERVED) :]
    for number, word in enumerate(words, len(RESERVED)):
        ids[word] = number
    for number, word in enumerate(words, len(RESERVED)):
        for form in _forms(word):
            ids.setdefault(form, number)
    return "".join(f"{word} {number}\n" for word, number in ids.items())


def _forms(word: str) -> Iterator[str]:
    """Yield other ways to write a word that we read as the same."""
    for form in (word, *_capitalised(word)):
        for written in (form, form.replace("'", "\u2019")):
            if written.replace("\u2019", "'").lower() == word:
                yield written


def _capitalised(word: str) -> Iterator[str]:
    """Yield the common ways to write a word with capitals: Word, WORD, MPs, BBC's, O'Neill, ..."""
    yield from (word.capitalize(), word.upper())
    stem, apostrophe, end = word.rpartition("'")
    if apostrophe:
        yield stem.upper() + apostrophe + end
        yield "'".join(part.capitalize() for part in word.split("'"))
    elif word.endswith("s"):
        yield word[:-1].upper() + "s"
    if word.startswith("mc"):
        yield "Mc" + word[2:].capitalize()
    if word.startswith(("e", "i")):
        yield word[0] + word[1:].capitalize()
