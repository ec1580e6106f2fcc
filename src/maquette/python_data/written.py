"""What the writers of data in memory have in common."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from maquette.splits import UNDIVIDED

TARGET = "target"


@dataclass(frozen=True)
class Written:
    """What was written into a folder.

    Args:
        name: Of the file in the folder that is the source; empty where it is the folder itself.
        columns: What the columns are called, by the argument that names them.
        fingerprint: SHA-256 of the content, where it does not follow from the files.
    """

    name: str
    columns: dict[str, str] = field(default_factory=dict)
    fingerprint: str | None = None


def file_of(split: str, suffix: str) -> str:
    """Return the name of the file that a split is written to: `train.jsonl`, `table.jsonl`."""
    return ("table" if split == UNDIVIDED else split) + suffix


def source_of(splits: Iterable[str], suffix: str) -> str:
    """Return the name of what holds all splits: the one file, or the folder of them."""
    return file_of(UNDIVIDED, suffix) if UNDIVIDED in splits else ""


def json_line(row: dict[str, Any]) -> str:
    """Return a row as a line of JSON, the values of arrays and tensors as plain ones."""
    plain = {name: plain_value(value) for name, value in row.items()}
    line = json.dumps(plain, ensure_ascii=False) + "\n"
    return line.encode("utf-8", "replace").decode()  # Half a surrogate pair cannot be written.


def plain_value(value: Any) -> Any:
    """Return a scalar as Python has it: a number, a string, a truth value, or `None` for NaN."""
    if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0):
        value = value.item()
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return None if isinstance(value, float) and value != value else value
