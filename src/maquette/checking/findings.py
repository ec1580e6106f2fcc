"""What a check finds, and the whole of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
FALSIFYING = 0.01  # share of examples that can move a score by a point


@dataclass(frozen=True)
class Item:
    """One offender, or several that belong together.

    Attributes:
        names: of examples or files, as the data calls them.
        detail: what is the matter with these in particular.
        places: split or class of each name, where that is what matters.
    """

    names: tuple[str, ...]
    detail: str = ""
    places: tuple[str, ...] = ()

    def __str__(self) -> str:
        names = " = ".join(printable(name) for name in self.names)
        detail = self.detail or ", ".join(self.places)
        return f"{names} ({detail})" if detail else names


@dataclass(frozen=True)
class Finding:
    """One thing about the data that a user should know.

    Attributes:
        severity: "error" breaks a training or falsifies its result, "warning" is to be looked at,
            "note" is to be known.
        kind: what it is, always by the same name, e.g. "truncated".
        message: one line.
        items: all offenders.
        advice: what to do about it.
    """

    severity: Severity
    kind: str
    message: str
    items: tuple[Item, ...] = ()
    advice: str = ""


@dataclass(frozen=True)
class Report:
    """The outcome of a check.

    Attributes:
        source: name or path of the data.
        kind: "images", "text", "corpus" or "table".
        counts: number of examples in each split.
        classes: number of examples of each class in each split.
        findings: the worst first.
        notes: lines on how the data was opened.
        forecast: what a training of the chosen template would take; empty without one.
        seconds: that the check took.
    """

    source: str
    kind: str
    counts: dict[str, int]
    classes: dict[str, dict[str, int]]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()
    forecast: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0

    def of(self, severity: Severity) -> list[Finding]:
        """Return the findings of one severity."""
        return [finding for finding in self.findings if finding.severity == severity]

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain values, for JSON."""
        values = asdict(self)
        for finding in values["findings"]:
            for item in finding["items"]:
                item["names"] = [printable(name) for name in item["names"]]
        return {**values, **{f"{name}s": len(self.of(name)) for name in SEVERITIES}}


def singly(names: Sequence[str], details: Sequence[str] = ()) -> tuple[Item, ...]:
    """Return an item for each name.

    Args:
        names: of examples or files.
        details: what is the matter with each.
    """
    return tuple(
        Item((name,), detail)
        for name, detail in zip(names, details or [""] * len(names), strict=True)
    )


def in_order(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return findings with the worst first."""
    return tuple(sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity)))


def plural(count: int, noun: str) -> str:
    """Return a count and a noun given in the plural: "1 image", "2 images"."""
    return f"{count} {noun.removesuffix('s') if count == 1 else noun}"


def printable(name: str) -> str:
    """Return a name that any stream takes: of a file's, bytes may be no valid Unicode."""
    return name.encode("utf-8", "backslashreplace").decode()
