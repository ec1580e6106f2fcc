"""Judging word vectors by people's sense of similarity, and by analogies.

Files of similarity have two words and a score in each line, as WordSim-353, SimLex-999, MEN and
RG-65 do. Files of analogies have four words in each line and sections that begin with a colon, as
Google's questions-words.txt has them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from maquette.errors import UserError
from maquette.text.reading import read_text

DELIMITERS = "\t,;"
MOST_FREQUENT = 30_000  # answers of analogies
BATCH = 512


@dataclass(frozen=True)
class ScoredPairs:
    """Pairs of words, and how similar people find them.

    Attributes:
        name: Of the file.
        pairs: The words, lower case.
        scores: Higher is more similar, shape `(len(pairs),)`.
    """

    name: str
    pairs: list[tuple[str, str]]
    scores: np.ndarray


@dataclass(frozen=True)
class Analogies:
    """Questions of the form a is to b as c is to d, by section.

    Attributes:
        sections: The four words of each question, lower case, by the name of the section.
    """

    sections: dict[str, list[tuple[str, str, str, str]]]


class WordVectorTable:
    """Vectors of unit length, looked up by word.

    Args:
        words: The words, the most frequent first.
        vectors: Shape `(len(words), dimension)`, of any length.
    """

    def __init__(self, words: Sequence[str], vectors: np.ndarray):
        self.words = words
        self.rows = {word: row for row, word in enumerate(words)}
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        self.unit = vectors / np.maximum(lengths, 1e-12)

    def neighbours(self, word: str, count: int) -> dict[str, float]:
        """Return the words with the largest cosine, and it."""
        cosines = self.unit @ self.unit[self.rows[word]]
        cosines[self.rows[word]] = -np.inf
        nearest = np.argsort(-cosines, kind="stable")[:count]
        return {self.words[row]: round(float(cosines[row]), 4) for row in nearest}

    def correlation(self, scored: ScoredPairs) -> dict[str, Any]:
        """Return Spearman's correlation of the cosines and the scores, over pairs that are known.

        Returns:
            A row with the file, the correlation (0 where fewer than three pairs are known), the
            number of pairs, and how many of them are known.
        """
        from scipy.stats import spearmanr

        known = [
            i for i, pair in enumerate(scored.pairs) if all(word in self.rows for word in pair)
        ]
        pairs = np.array([[self.rows[word] for word in scored.pairs[i]] for i in known], int)
        spearman = 0.0
        if len(known) > 2:
            cosines = np.sum(self.unit[pairs[:, 0]] * self.unit[pairs[:, 1]], axis=1)
            spearman = float(np.nan_to_num(spearmanr(cosines, scored.scores[known])[0]))
        return {
            "file": scored.name,
            "spearman": round(spearman, 4),
            "pairs": len(scored.pairs),
            "known": len(known),
        }

    def analogies(self, questions: Analogies) -> list[dict[str, Any]]:
        """Return the share of right answers by section, over questions whose words are all known.

        The answer to a : b = c : ? is the word nearest to b - a + c (3CosAdd, Mikolov et al. 2013b)
        among the `MOST_FREQUENT`, the three words themselves aside.

        Returns:
            A row for each section and one for all: accuracy, the number of questions, and how many
            of them are known.
        """
        rows, right_of_all, known_of_all = [], 0, 0
        for section, asked in questions.sections.items():
            known = [[self.rows[w] for w in q] for q in asked if all(w in self.rows for w in q)]
            known = [q for q in known if max(q) < MOST_FREQUENT]
            right = self._right_answers(np.array(known, int).reshape(-1, 4))
            rows.append(_accuracy_row(section, right, len(asked), len(known)))
            right_of_all, known_of_all = right_of_all + right, known_of_all + len(known)
        asked_of_all = sum(map(len, questions.sections.values()))
        return [*rows, _accuracy_row("all", right_of_all, asked_of_all, known_of_all)]

    def _right_answers(self, questions: np.ndarray) -> int:
        candidates, right = self.unit[:MOST_FREQUENT], 0
        for start in range(0, len(questions), BATCH):
            a, b, c, d = questions[start : start + BATCH].T
            cosines = (self.unit[b] - self.unit[a] + self.unit[c]) @ candidates.T
            for asked in (a, b, c):
                cosines[np.arange(len(a)), asked] = -np.inf
            right += int(np.sum(cosines.argmax(axis=1) == d))
        return right


def read_similarity(path: str | Path) -> ScoredPairs:
    """Read pairs of words with scores.

    Tabs, commas, semicolons or spaces part the columns, whichever fits. Lines that begin with # are
    no pairs, nor is a head line. The score is the first column of numbers after the words.

    Raises:
        UserError: the file is missing, or holds no such lines.
    """
    lines = _lines(path)
    parted = [_parted(line) for _, line in lines]
    column = _score_column(parted[1:] or parted)
    if column is None:
        raise UserError(f"{path} has no lines of two words and a score, e.g. `tiger,cat,7.35`")
    if not _is_number(parted[0], column):
        lines, parted = lines[1:], parted[1:]
    for (number, line), fields in zip(lines, parted, strict=True):
        if not _is_number(fields, column):
            raise UserError(f"line {number} of {path} is no two words and a score: {line[:60]!r}")
    return ScoredPairs(
        Path(path).name,
        [(fields[0].lower(), fields[1].lower()) for fields in parted],
        np.array([float(fields[column]) for fields in parted]),
    )


def read_analogies(path: str | Path) -> Analogies:
    """Read questions of four words each, in sections.

    Raises:
        UserError: the file is missing, or holds something else.
    """
    sections: dict[str, list] = {}
    name = "analogies"
    for number, line in _lines(path):
        if line.startswith(":"):
            name = line[1:].strip()
            continue
        words = line.lower().split()
        if len(words) != 4:
            raise UserError(f"line {number} of {path} is no four words: {line[:60]!r}")
        sections.setdefault(name, []).append(tuple(words))
    if not sections:
        raise UserError(f"{path} has no questions of four words, e.g. `athens greece oslo norway`")
    return Analogies(sections)


def _lines(path: str | Path) -> list[tuple[int, str]]:
    """Return the lines that are neither blank nor comments, with their numbers."""
    lines = enumerate(read_text(Path(path)).splitlines(), start=1)
    stripped = [(number, line.strip()) for number, line in lines]
    kept = [(number, line) for number, line in stripped if line and not line.startswith("#")]
    if not kept:
        raise UserError(f"{path} has no lines but comments")
    return kept


def _parted(line: str) -> list[str]:
    delimiter = next((d for d in DELIMITERS if d in line), None)
    return [part.strip() for part in line.split(delimiter)]


def _score_column(rows: list[list[str]]) -> int | None:
    """Return the first column after the words that holds numbers in half of the rows or more."""
    for column in range(2, max(map(len, rows))):
        if 2 * sum(_is_number(fields, column) for fields in rows) >= len(rows):
            return column
    return None


def _is_number(fields: list[str], column: int) -> bool:
    number = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"
    return len(fields) > column and re.fullmatch(number, fields[column]) is not None


def _accuracy_row(section: str, right: int, asked: int, known: int) -> dict[str, Any]:
    accuracy = round(right / known, 4) if known else 0.0
    return {"section": section, "accuracy": accuracy, "questions": asked, "known": known}
