"""Names of columns as code can have them."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable

# What cannot name an argument in Kotlin, Swift or JavaScript, and what callers name so already.
TAKEN_ELSEWHERE = """
abstract and any as associatedtype await boolean break byte case catch char class const continue
data debugger default defer deinit delete do double else endpoint enum eval export extends
extension extra fallthrough false file final finally fix float for fun func function goto guard
if implements import in init inout inputs instanceof int interface internal is let long map
model name native new nil np null object open operator outputs override package private
protected protocol public repeat rethrows return run self short static string struct subscript
super switch synchronized this throw throws transient true try typealias typeof val values var
void volatile when where while with words yield
"""
TAKEN = frozenset({*keyword.kwlist, *keyword.softkwlist, *TAKEN_ELSEWHERE.split()})


def identifiers(names: Iterable[str]) -> list[str]:
    """Return names that are identifiers in any language, all different.

    Example:
        >>> identifiers(["Ticket Price (€)", "class", "2nd"])
        ['ticket_price', 'class_value', 'column_2nd']

    Args:
        names: Of columns.
    """
    found: dict[str, None] = {}  # in order
    for name in names:
        plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
        plain = plain if plain[:1].isalpha() else f"column_{plain}".rstrip("_")
        plain = f"{plain}_value" if plain in TAKEN else plain
        others = (f"{plain}_{number}" for number in range(2, len(found) + 3))
        found[plain if plain not in found else next(n for n in others if n not in found)] = None
    return list(found)
