"""What to do with each offender: leave it out, write it anew, or look at it."""

from __future__ import annotations

from typing import NamedTuple

from maquette.checking.findings import Finding, Item, Report

UNUSABLE = frozenset(
    {"empty_file", "truncated", "not_an_image", "not_text", "damaged", "too_large", "broken_link"}
    | {"closed_file", "flat_image", "no_words", "broken_line", "empty_text", "no_label"}
    | {"copies_with_different_labels", "near_copies_with_different_labels"}
)
ALL_BUT_ONE = frozenset(
    {"copies", "near_copies", "copies_across_splits", "near_copies_across_splits"}
    | {"rows_across_splits"}
)
WRITTEN_ANEW = frozenset(
    {"cmyk", "sixteen_bit", "animation", "rotated", "wrong_suffix"}
    | {"foreign_encoding", "damaged_bytes", "zero_bytes", "byte_order_mark"}
)
# The copy that stays: what a model is judged by is worth more than what it learns from.
KEPT_FIRST = ("test", "validation", "train")


class Remedy(NamedTuple):
    """What to do with one example or file.

    Attributes:
        name: of the example or file.
        action: "leave out", "write anew" or "look".
        kind: of the finding.
        severity: of the finding.
        reason: in words.
    """

    name: str
    action: str
    kind: str
    severity: str
    reason: str


def remedies(result: Report) -> list[Remedy]:
    """Return what to do with each offender of each finding.

    Args:
        result: what was found.
    """
    return [
        remedy
        for finding in result.findings
        for item in finding.items
        for remedy in _of_item(finding, item)
    ]


def _of_item(finding: Finding, item: Item) -> list[Remedy]:
    kept = _kept(item) if finding.kind in ALL_BUT_ONE else None
    return [
        Remedy(name, _action(finding.kind, name == kept), finding.kind, finding.severity, reason)
        for name, reason in zip(item.names, _reasons(finding, item), strict=True)
    ]


def _kept(item: Item) -> str:
    def rank(position: int) -> int:
        place = item.places[position]
        return KEPT_FIRST.index(place) if place in KEPT_FIRST else len(KEPT_FIRST)

    return item.names[min(range(len(item.names)), key=rank)]


def _action(kind: str, is_kept: bool) -> str:
    if kind in UNUSABLE or (kind in ALL_BUT_ONE and not is_kept):
        return "leave out"
    return "write anew" if kind in WRITTEN_ANEW else "look"


def _reasons(finding: Finding, item: Item) -> list[str]:
    if len(item.names) == 1:
        return [item.detail or finding.message]
    return [
        f"like {', '.join(other for other in item.names if other != name)}" for name in item.names
    ]
