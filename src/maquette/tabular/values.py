"""Read the values of a table: numbers, dates, true and false, and what stands for nothing."""

from __future__ import annotations

import math
import re
import unicodedata
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

NOTHING = frozenset(
    {"", "na", "n/a", "#n/a", "nan", "null", "nil", "none", "missing", "?", "-", "--", "."}
)
TRUE, FALSE = ("true", "yes", "t", "y", "on"), ("false", "no", "f", "n", "off")
PAIRS = [{true, false} for true, false in zip(TRUE, FALSE, strict=True)]
DECIMAL_COMMA = re.compile(r"[-+]?\d+,(\d{1,2}|\d{4,})")  # "1,234" may mean either
DAYS_FIRST = ("%d.%m.%Y", "%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M:%S", "%Y/%m/%d")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LARGEST = 2**31 - 1


def is_missing(value: Any) -> bool:
    """Return whether a value stands for nothing, such as `None`, `"NA"` or an empty string."""
    if isinstance(value, str):
        return value.strip().lower() in NOTHING
    return value is None or (isinstance(value, float | Decimal) and not math.isfinite(value))


def as_number(value: Any) -> float | None:
    """Return a value as a number, `None` where it is none; `"3,5"` is 3.5."""
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, str):
        text = value.strip()
        value = text.replace(",", ".") if DECIMAL_COMMA.fullmatch(text) else text
        value = "" if "_" in value else value
    elif not isinstance(value, int | float | Decimal):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def as_boolean(value: Any) -> bool | None:
    """Return a value as true or false, `None` where it is neither."""
    word = str(value).strip().lower()
    if word in TRUE:
        return True
    return False if word in FALSE else None


def is_pair(words: set[str]) -> bool:
    """Return whether some values are a pair such as yes and no, or one of such a pair."""
    return any(words <= pair for pair in PAIRS)


def as_minutes(value: Any) -> int | None:
    """Return a date as the minutes since the beginning of 1970, `None` where it is none.

    Args:
        value: A date as Python has it, ISO 8601 (`"2026-03-01"`, `"2026-03-01T14:30"`), or
            `"1.3.2026"`, `"1.3.2026 14:30"` and `"2026/3/1"`. Time zones are taken into account.
    """
    if isinstance(value, str):
        value = _parsed(value.strip())
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)
    if not isinstance(value, datetime):
        return None
    aware = value if value.tzinfo else value.replace(tzinfo=UTC)
    minutes = int((aware - EPOCH).total_seconds() // 60)
    return minutes if abs(minutes) <= LARGEST else None


def as_word(value: Any) -> str:
    """Return a value as the name of a category; 3.0 is "3", and `True` is "true".

    A letter with its accent apart is the same letter.
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    word = " ".join(str(value).split())
    return word if word.isascii() else unicodedata.normalize("NFC", word)


def _parsed(text: str) -> datetime | None:
    if not re.match(r"\d{1,4}[-./]\d{1,2}[-./]\d{1,4}", text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    for form in DAYS_FIRST:
        try:
            return datetime.strptime(text, form)
        except ValueError:
            continue
    return None
