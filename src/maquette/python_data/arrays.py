"""Write NumPy arrays: images as .npz, texts as JSON lines, rows of numbers as Parquet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from maquette.class_labels import one_each
from maquette.errors import UserError
from maquette.python_data.frames import write_table
from maquette.python_data.written import (
    TARGET,
    Written,
    file_of,
    json_line,
    source_of,
)
from maquette.splits import UNDIVIDED

ARRAYS = "arrays.npz"
STRINGS = "UST"  # kinds of NumPy's dtypes
EXPECTED = (
    "expected images (n, height, width, channels), texts (n,) or numbers (n, features), and as "
    "many labels"
)


def write(folder: Path, parts: dict[str, Any], named: dict[str, str | None]) -> Written:
    """Write pairs of arrays.

    Args:
        folder: Where to.
        parts: `(x, y)` by split. `x` are images, `(n, height, width)` or with channels; strings,
            `(n,)`; or numbers, `(n,)` or `(n, features)`.
        named: Columns that were named; arrays have none.

    Raises:
        UserError: the arrays do not fit each other, or are of no such kind.
    """
    given = next((name for name, value in named.items() if value is not None), None)
    if given is not None:
        raise UserError(f"{given} names a column, and arrays have none; received {named[given]!r}")
    pairs = {split: _pair(split, x, y) for split, (x, y) in parts.items()}
    kinds = {_kind(split, x) for split, (x, _) in pairs.items()}
    if len(kinds) > 1:
        raise UserError(f"x is {' in one split and '.join(sorted(kinds))} in another")
    return {"images": _write_images, "texts": _write_texts, "numbers": _write_numbers}[kinds.pop()](
        folder, pairs
    )


def _pair(split: str, x: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
    where = "" if split == UNDIVIDED else f" of {split}"
    try:
        x, y = np.asarray(x), np.asarray(y)
    except ValueError:  # The rows of one of them are not equally long.
        raise UserError(
            f"x or y{where} is no array: its parts are of several shapes; {EXPECTED}"
        ) from None
    if not x.ndim or not y.ndim or len(x) != len(y):
        raise UserError(f"x{where} has shape {x.shape} and y {y.shape}; they must be as many")
    if not x.size:
        raise UserError(f"x{where} has shape {x.shape}, which holds nothing; {EXPECTED}")
    return x, y


def _kind(split: str, x: np.ndarray) -> str:
    is_text = x.dtype.kind in STRINGS
    if x.dtype == object:
        is_text = all(isinstance(value, str) for value in x.ravel())
    if is_text and x.ndim in (1, 2) and x.size == len(x):
        return "texts"
    if x.dtype.kind in "buif" and x.ndim in (3, 4):
        return "images"
    if x.dtype.kind in "buif" and x.ndim in (1, 2):
        return "numbers"
    raise UserError(f"x has shape {x.shape} and type {x.dtype}; {EXPECTED}")


def _write_images(folder: Path, pairs: dict[str, tuple[np.ndarray, np.ndarray]]) -> Written:
    arrays = {}
    for split, (x, y) in pairs.items():
        end = "" if split == UNDIVIDED else f"_{split}"
        arrays |= {f"x{end}": x, f"y{end}": _labels(split, y)}
    with (folder / ARRAYS).open("wb") as file:
        np.savez(file, allow_pickle=False, **{name: _plain(a) for name, a in arrays.items()})
    return Written(ARRAYS)


def _write_texts(folder: Path, pairs: dict[str, tuple[np.ndarray, np.ndarray]]) -> Written:
    for split, (x, y) in pairs.items():
        with (folder / file_of(split, ".jsonl")).open("w", encoding="utf-8") as file:
            for text, label in zip(x.ravel(), one_each(y), strict=True):
                file.write(json_line({"text": text, "label": label}))
    return Written(source_of(pairs, ".jsonl"))


def _write_numbers(folder: Path, pairs: dict[str, tuple[np.ndarray, np.ndarray]]) -> Written:
    for split, (x, y) in pairs.items():
        columns = {f"x{i}": column for i, column in enumerate(x.reshape(len(x), -1).T)}
        write_table(folder / file_of(split, ".parquet"), {**columns, TARGET: _plain(one_each(y))})
    return Written(source_of(pairs, ".parquet"), {"target": TARGET})


def _labels(split: str, y: np.ndarray) -> np.ndarray:
    """Return labels of images, each of which must have one."""
    labels = one_each(y)
    if labels.dtype == object and (bad := [v for v in labels if not isinstance(v, str | int)]):
        raise UserError(
            f"y of {split} images has {bad[0]!r} among its labels; leave these images out"
        )
    return labels


def _plain(array: np.ndarray) -> np.ndarray:
    """Return strings that are Python objects as NumPy's own."""
    return array.astype(str) if array.dtype.kind in "OT" else array
