"""What a source holds and the opened data does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from maquette.splits import listed


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A part of a source that is no example of the data.

    Attributes:
        name: what the example would be called, e.g. its relative path.
        reason: why it is none, in a few words.
    """

    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name} ({self.reason})"


def unreadable_note(unreadable: Sequence[LeftOut], count: int) -> list[str]:
    """Return a line on files that cannot be read, if there are any.

    Args:
        unreadable: those files.
        count: how many files there are in all.
    """
    if not unreadable:
        return []
    return [f"left out {len(unreadable)} of {count} files: {listed([str(x) for x in unreadable])}"]
