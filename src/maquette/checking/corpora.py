"""A text as a whole, as word vectors are learned from: how much of it there is, what repeats."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from maquette.checking.findings import Finding, singly
from maquette.text.corpus import RawCorpus

FEW_WORDS = 100_000
REPEATED_SHARE = 0.05
LONG_ENOUGH = 40  # letters of a line, for its repetition to mean something
MOST_LINES = 1_000_000  # that are remembered
SHOWN = 60  # letters


def corpus_findings(raw: RawCorpus) -> list[Finding]:
    """Return what reading a text once tells.

    Args:
        raw: the text.
    """
    words, lines, seen, repeated = 0, 0, set(), Counter()
    for line in _lines(raw):
        words += len(line.split())
        lines += 1
        if len(line) >= LONG_ENOUGH and len(seen) < MOST_LINES:
            key = hash(line)
            if key in seen:
                repeated[line] += 1
            seen.add(key)
    findings = []
    if words < FEW_WORDS:
        message = f"a short text: {words:,} words"
        advice = "vectors of few occurrences say little; millions of words are usual"
        findings.append(Finding("note", "short_corpus", message, (), advice))
    copies = repeated.total()
    if copies:
        most = repeated.most_common()
        details = [f"{count + 1} times" for _, count in most]
        items = singly([text[:SHOWN] for text, _ in most], details)
        severity = "warning" if copies >= REPEATED_SHARE * lines else "note"
        message = f"long lines that come again: {copies:,} of {lines:,}"
        advice = "headers or copies, perhaps; they weigh as much as they are frequent"
        findings.append(Finding(severity, "repeated_lines", message, items, advice))
    return findings


def _lines(raw: RawCorpus) -> Iterator[str]:
    """Yield the lines of all documents; one that goes on in the next block is joined."""
    for document in raw.documents():
        rest = ""
        for block in document:
            *whole, rest = (rest + block).split("\n")
            yield from whole
        yield rest
