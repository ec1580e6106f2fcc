"""Examples that are there more than once: in two splits, in two classes, or simply again."""

from __future__ import annotations

from collections.abc import Sequence

from maquette.checking.findings import FALSIFYING, Finding, Item
from maquette.checking.rows import Rows

LARGE_SHARE = 0.05  # of copies within train


def same(keys: Sequence[str]) -> list[list[int]]:
    """Return the positions that have the same key, where several do."""
    positions: dict[str, list[int]] = {}
    for position, key in enumerate(keys):
        positions.setdefault(key, []).append(position)
    return [group for group in positions.values() if len(group) > 1]


def copy_findings(rows: Rows, groups: Sequence[Sequence[int]], near: bool) -> list[Finding]:
    """Tell of copies by what they do harm to.

    Args:
        rows: all examples.
        groups: positions of examples that are the same.
        near: whether they are so nearly, in place of bit for bit.
    """
    findings = []
    across = [group for group in groups if len({rows.splits[i] for i in group}) > 1]
    contrary = [group for group in groups if len({rows.labels[i] for i in group}) > 1]
    bad = {id(group) for group in [*across, *contrary]}
    within = [group for group in groups if id(group) not in bad]
    if across:
        findings.append(_across(rows, across, near))
    if contrary:
        findings.append(_contrary(rows, contrary, near))
    if within:
        findings.append(_within(rows, within, near))
    return findings


def _across(rows: Rows, groups: Sequence[Sequence[int]], near: bool) -> Finding:
    held = {
        split: sum(
            rows.splits[i] == split
            for group in groups
            if any(rows.splits[i] == "train" for i in group)
            for i in group
        )
        for split in rows.sizes
        if split != "train"
    }
    shares = [count / rows.sizes[split] for split, count in held.items()]
    told = ", ".join(
        f"{count} of {rows.sizes[split]} {rows.noun} of {split}"
        for split, count in held.items()
        if count
    )
    where = f"in train as well: {told}" if told else "in validation and test"
    return Finding(
        "error" if max(shares, default=0) >= FALSIFYING else "warning",
        _kind("copies_across_splits", near),
        f"{_what(rows, near)} {where}",
        _items(rows, groups, rows.splits),
        "a model is judged on what it has learned by heart: keep each in one split",
    )


def _contrary(rows: Rows, groups: Sequence[Sequence[int]], near: bool) -> Finding:
    count = sum(map(len, groups))
    return Finding(
        "error" if count >= FALSIFYING * len(rows) else "warning",
        _kind("copies_with_different_labels", near),
        f"{_what(rows, near)} with different labels: {count} of {len(rows)}",
        _items(rows, groups, rows.labels),
        "no model can be right about both: decide for one label, or leave them out",
    )


def _within(rows: Rows, groups: Sequence[Sequence[int]], near: bool) -> Finding:
    count = sum(len(group) - 1 for group in groups)
    return Finding(
        "warning" if count >= LARGE_SHARE * len(rows) else "note",
        _kind("copies", near),
        f"{_what(rows, near)} within a split and class: {count} more than needed",
        _items(rows, groups, rows.splits),
        "they count several times, and make the data look larger than it is",
    )


def _items(rows: Rows, groups: Sequence[Sequence[int]], telling: Sequence[str]) -> tuple[Item, ...]:
    return tuple(
        Item(tuple(rows.named(list(group))), places=tuple(telling[i] for i in group))
        for group in groups
    )


def _what(rows: Rows, near: bool) -> str:
    return f"{rows.noun} that are nearly the same" if near else f"the same {rows.noun}"


def _kind(kind: str, near: bool) -> str:
    return f"near_{kind}" if near else kind
