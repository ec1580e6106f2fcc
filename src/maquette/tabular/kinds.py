"""What kind of values each column of a table has, as its values tell, or as the user says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from maquette.errors import UserError, nearest
from maquette.tabular.values import (
    as_boolean,
    as_minutes,
    as_number,
    as_word,
    is_missing,
    is_pair,
)

KINDS = ("number", "category", "boolean", "date", "text", "ignore")
MOST_OF = 0.95  # of the values must be of a kind; the others are taken as missing
FEWEST_FOR_ID = 20
WORDS_OF_TEXT, MOST_NAMED = 3, 50  # longer ones, and so many different, are no names
MOST_DIFFERENT = 0.5
SHOWN = 3


@dataclass(frozen=True)
class Finding:
    """What was found of a column.

    Attributes:
        kind: One of `KINDS`.
        reason: Why it is ignored, or what is remarkable; empty where nothing is.
    """

    kind: str
    reason: str = ""


def chosen_kinds(columns: Sequence[str], choices: Sequence[str]) -> dict[str, str]:
    """Return the kinds of columns that the user chose.

    Example:
        >>> chosen_kinds(["age", "zip"], ["zip=category"])
        {'zip': 'category'}

    Args:
        columns: All columns.
        choices: What the user gave, each `COLUMN=KIND`.

    Raises:
        UserError: there is no such column or kind, or a column is given twice.
    """
    chosen: dict[str, str] = {}
    for choice in choices:
        name, mark, kind = choice.rpartition("=")
        if not mark:
            raise UserError(
                f"--columns takes COLUMN=KIND, as in {[*columns, 'age'][0]}={KINDS[0]}; "
                f"received {choice!r}; kinds are {', '.join(KINDS)}"
            )
        if name not in columns:
            raise UserError(f"--columns {choice}: no column {name!r}{nearest(name, columns)}")
        if kind not in KINDS:
            raise UserError(
                f"--columns {choice}: no kind {kind!r}{nearest(kind, KINDS)}; "
                f"there are {', '.join(KINDS)}"
            )
        if name in chosen:
            raise UserError(f"--columns has {name!r} twice; give it once")
        chosen[name] = kind
    return chosen


def find_kinds(
    columns: Mapping[str, Sequence[Any]], chosen: Mapping[str, str]
) -> dict[str, Finding]:
    """Return what each column is.

    Args:
        columns: The values of each.
        chosen: Kinds that the user chose.
    """
    return {
        name: _as_chosen(values, chosen[name]) if name in chosen else find_kind(name, values)
        for name, values in columns.items()
    }


def find_kind(name: str, values: Sequence[Any]) -> Finding:
    """Return what a column is, as its values tell.

    Args:
        name: Of the column.
        values: As a file holds them.
    """
    present = [value for value in values if not is_missing(value)]
    if not present:
        return Finding("ignore", "it has no values")
    words = {as_word(value) for value in present}
    if len(words) == 1 and len(present) == len(values):
        return Finding("ignore", f"it is always {min(words)!r}")
    if all(isinstance(v, bool) for v in present) or is_pair({word.lower() for word in words}):
        return Finding("boolean")
    for kind, read in (("number", as_number), ("date", as_minutes)):
        of_kind = [value for value in present if read(value) is not None]
        if len(of_kind) < MOST_OF * len(present):
            continue
        if kind == "number" and _counts_up(name, of_kind, len(values)):
            return Finding("ignore", "it numbers the rows")
        return Finding(kind, _others(present, read, kind))
    return _of_words(present, len(words))


def _of_words(present: Sequence[Any], different: int) -> Finding:
    texts = [as_word(value) for value in present]
    words = sum(len(text.split()) for text in texts) / len(texts)
    if words >= WORDS_OF_TEXT and different > min(MOST_NAMED, MOST_DIFFERENT * len(texts)):
        return Finding("text")
    if len(texts) >= FEWEST_FOR_ID and different > MOST_DIFFERENT * len(texts):
        return Finding("ignore", f"{different} of {len(texts)} values are different, as of an id")
    return Finding("category")


def _counts_up(name: str, values: Sequence[Any], rows: int) -> bool:
    """Return whether a column is the number of the row, or an id."""
    numbers = {as_number(value) for value in values}
    if not len(numbers) == len(values) == rows or rows < FEWEST_FOR_ID:
        return False
    is_named_so = name.strip().lower().rpartition("_")[2] in ("", "id", "index", "unnamed: 0")
    is_whole = all(number.is_integer() for number in numbers)
    return is_whole and (is_named_so or max(numbers) - min(numbers) == rows - 1)


def _as_chosen(values: Sequence[Any], kind: str) -> Finding:
    read = {"number": as_number, "date": as_minutes, "boolean": as_boolean}.get(kind)
    if kind == "ignore":
        return Finding(kind, "as you said")
    present = [value for value in values if not is_missing(value)]
    return Finding(kind, _others(present, read, kind) if read else "")


def _others(present: Sequence[Any], read: Any, kind: str) -> str:
    """Tell of values that are not of the column's kind."""
    others = [as_word(value) for value in present if read(value) is None]
    if not others:
        return ""
    shown = ", ".join(map(repr, others[:SHOWN])) + (" ..." if len(others) > SHOWN else "")
    verb = "is" if len(others) == 1 else "are"
    return f"{len(others)} {verb} no {kind} and taken as missing: {shown}"
