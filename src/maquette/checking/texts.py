"""Texts: copies and near copies, too short and too long ones, damaged letters."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from maquette.checking.alike import groups
from maquette.checking.copies import copy_findings, same
from maquette.checking.findings import Finding, Item, singly
from maquette.checking.rows import Rows
from maquette.checking.similar_texts import similar_texts

TIMES_THE_USUAL, LEAST_LONG = 20, 5000  # letters
NOTED_SHARE = 0.1
# UTF-8 that was read as Windows-1252: "Ã©" in place of "é", "â€™" in place of an apostrophe.
TWICE_ENCODED = re.compile(
    "\u00c3[\u0080-\u00bf]|\u00c3[\u00a1-\u00bf]|\u00e2\u20ac[\u2122\u0153\u201c\u201d\u02dc\u00a6]"
)
REPLACED = "\ufffd"


def text_findings(rows: Rows, texts: Sequence[str], length: int | None = None) -> list[Finding]:
    """Return what the texts themselves tell.

    Args:
        rows: all examples.
        texts: the text of each.
        length: words that the model reads of a text; not known by default.
    """
    return [
        *_copies(rows, texts),
        *_lengths(rows, texts),
        *_beyond_the_model(rows, texts, length),
        *_letters(rows, texts),
    ]


def _copies(rows: Rows, texts: Sequence[str]) -> list[Finding]:
    exact = same(texts)
    first = sorted({*range(len(texts))} - {i for group in exact for i in group[1:]})
    pairs = similar_texts([texts[i] for i in first])
    near = [[first[i] for i in group] for group in groups(pairs, len(first))]
    return [*copy_findings(rows, exact, near=False), *copy_findings(rows, near, near=True)]


def _lengths(rows: Rows, texts: Sequence[str]) -> list[Finding]:
    lengths = np.array([len(text) for text in texts])
    longest_usual = max(TIMES_THE_USUAL * np.median(lengths), LEAST_LONG)
    long = np.flatnonzero(lengths > longest_usual)
    wordless = [i for i, text in enumerate(texts) if not re.search(r"\w", text)]
    single = [i for i, text in enumerate(texts) if len(text.split()) == 1 and i not in {*wordless}]
    findings = []
    if wordless:
        items = singly(rows.named(wordless), [repr(texts[i][:30]) for i in wordless])
        message = f"{rows.noun} without any word: {len(wordless)}"
        findings.append(
            Finding("warning", "no_words", message, items, "they tell nothing; remove them")
        )
    if single and np.median([len(text.split()) for text in texts]) > 3:
        items = singly(rows.named(single), [repr(texts[i][:30]) for i in single])
        message = f"{rows.noun} of a single word: {len(single)}"
        findings.append(Finding("note", "single_word", message, items, "look whether they belong"))
    if len(long):
        items = singly(rows.named(long), [f"{lengths[i]:,} letters" for i in long])
        message = f"{rows.noun} much longer than the others: {len(long)}"
        advice = "perhaps several in one, or a file of another kind; a model sees the beginning"
        findings.append(Finding("warning", "very_long", message, items, advice))
    return findings


def _beyond_the_model(rows: Rows, texts: Sequence[str], length: int | None) -> list[Finding]:
    if length is None:
        return []
    words = np.array([len(text.split()) for text in texts])
    longer = np.flatnonzero(words > length)
    if not len(longer):
        return []
    share = len(longer) / len(texts)
    message = f"{rows.noun} of more than the {length} words that the model reads: {share:.1%}"
    items = singly(rows.named(longer), [f"{words[i]} words" for i in longer])
    severity = "warning" if share >= NOTED_SHARE else "note"
    return [Finding(severity, "beyond_the_model", message, items, "--length reads more of them")]


def _letters(rows: Rows, texts: Sequence[str]) -> list[Finding]:
    findings = []
    twice = {i: found[0] for i, text in enumerate(texts) if (found := TWICE_ENCODED.search(text))}
    lost = [i for i, text in enumerate(texts) if REPLACED in text]
    if twice:
        items = tuple(Item((rows.names[i],), f"has {letters!r}") for i, letters in twice.items())
        message = f"{rows.noun} whose letters were decoded wrongly before: {len(twice)}"
        advice = "decode the original as UTF-8"
        findings.append(Finding("warning", "twice_encoded", message, items, advice))
    if lost:
        items = singly(rows.named(lost))
        message = f"{rows.noun} with letters that are lost ({REPLACED}): {len(lost)}"
        advice = "mend the encoding of the file"
        findings.append(Finding("warning", "lost_letters", message, items, advice))
    return findings
