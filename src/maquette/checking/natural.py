"""The checks that fit a kind of data, whatever template it is for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from maquette.checking.classes import class_findings
from maquette.checking.corpora import corpus_findings
from maquette.checking.encodings import encoding_findings
from maquette.checking.files import file_findings
from maquette.checking.findings import Finding
from maquette.checking.folder import folder_findings
from maquette.checking.images import image_findings
from maquette.checking.kinds import path_of
from maquette.checking.pictures import infos_of
from maquette.checking.rows import Rows
from maquette.checking.tables import table_findings
from maquette.checking.texts import text_findings
from maquette.images.data import ImageData
from maquette.images.inspection import ImageInfo
from maquette.splits import LabelledData
from maquette.tabular.data import TableData
from maquette.text.corpus import Corpus, RawCorpus
from maquette.text.data import TextData

NOUNS = {ImageData: "images", TextData: "texts"}


def kind_of_data(data: Any) -> str:
    """Return "images", "text", "corpus" or "table"."""
    kinds = {ImageData: "images", TextData: "text", RawCorpus: "corpus", Corpus: "corpus"}
    return next((kind for cls, kind in kinds.items() if isinstance(data, cls)), "table")


def rows_of(data: Any) -> Rows | None:
    """Return the examples of labelled data; `None` for a text without labels."""
    if not isinstance(data, LabelledData):
        return None
    noun = next((noun for cls, noun in NOUNS.items() if isinstance(data, cls)), "rows")
    return Rows.of(data, noun)


def natural_findings(data: Any, known: Mapping[Path, ImageInfo]) -> list[Finding]:
    """Return all findings on opened data.

    Args:
        data: as a source or a task opened it.
        known: what was found out of images as they were opened, by path.
    """
    findings, path = [], path_of(data.source)
    if path is not None and path.is_dir():
        findings += folder_findings(path)
    rows = rows_of(data)
    if rows is not None:
        findings += file_findings(data.left_out)
        findings += _of_classes(rows) if data.classes else []
    if isinstance(data, ImageData):
        findings += image_findings(rows, infos_of(data, known))
    elif isinstance(data, TableData):
        findings += table_findings(rows, data)
    elif isinstance(data, TextData):
        texts = [text for split in data.splits.values() for text in split.texts]
        findings += text_findings(rows, texts, getattr(data, "length", None))
        findings += encoding_findings(path, rows.names) if path else []
    elif isinstance(data, RawCorpus | Corpus):
        findings += corpus_findings(data if isinstance(data, RawCorpus) else data.raw)
        findings += encoding_findings(path, []) if path else []
    return findings


def _of_classes(rows: Rows) -> list[Finding]:
    """Return findings on classes, unless each split has classes of its own, as it must then."""
    per_class = rows.per_class().values()
    if not any(sum(count > 0 for count in counts.values()) > 1 for counts in per_class):
        return []
    return class_findings(rows)
