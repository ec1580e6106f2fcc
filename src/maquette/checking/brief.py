"""The short form of a check before a training: what costs nothing once the data is opened."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from maquette.checking.copies import copy_findings, same
from maquette.checking.findings import Finding, printable
from maquette.checking.images import copies_of_images
from maquette.checking.natural import rows_of
from maquette.images.data import FileSplit, ImageData
from maquette.images.inspection import ImageInfo
from maquette.splits import listed
from maquette.text.data import TextData

ALREADY_TOLD = "copies_across_splits"  # by the notes of the data itself


def brief_lines(data: Any, known: Mapping[Path, ImageInfo]) -> list[str]:
    """Return a line on each thing that falsifies the result of a training.

    Args:
        data: the opened data.
        known: what was found out of its images as they were opened, by path.
    """
    return [
        f"{finding.severity}: {printable(finding.message)}: "
        f"{listed([str(item) for item in finding.items])}; `maquette check` shows them"
        for finding in _copies(data, known)
        if finding.severity != "note" and finding.kind != ALREADY_TOLD
    ]


def _copies(data: Any, known: Mapping[Path, ImageInfo]) -> list[Finding]:
    if isinstance(data, TextData):
        texts = [text for split in data.splits.values() for text in split.texts]
        return copy_findings(rows_of(data), same(texts), near=False)
    if not isinstance(data, ImageData):
        return []
    splits = [split for split in data.splits.values() if isinstance(split, FileSplit)]
    infos = [known.get(split.root / name) for split in splits for name in split.names]
    if len(splits) < len(data.splits) or None in infos:
        return []
    return copies_of_images(rows_of(data), infos)
