"""From data in memory to a data source: files that every verb can open again."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from maquette.errors import UserError
from maquette.files import TEMPORARY, require_writable, sha256_of
from maquette.progress import say
from maquette.python_data.written import Written
from maquette.sources import compose
from maquette.splits import SPLIT_NAMES, UNDIVIDED

FOLDER = "data"
EXPECTED = (
    "a path or name, (x, y), a dictionary of splits, a tf.data.Dataset or a data frame would do"
)


def as_source(
    data: Any,
    out: str | Path,
    target: str | None = None,
    text_column: str | None = None,
    image_column: str | None = None,
) -> str:
    """Return the data source that some data is, once it is in files.

    Data in memory is written to `<out>/data/<fingerprint>/`, and only if it is not there yet.

    Example:
        >>> as_source((images, labels), "saved_models")
        'saved_models/data/5c1f…/arrays.npz'

    Args:
        data: A source; or `(x, y)` of arrays, `((x_train, y_train), (x_test, y_test))`, a
            `tf.data.Dataset` or two of them for training and validation, a data frame, a
            dictionary of columns, or a dictionary of any of these by split.
        out: Folder of all runs.
        target: Column of what is to be predicted.
        text_column: Column of the texts.
        image_column: Column of the images.

    Raises:
        UserError: the data is of no kind that can be read, or its parts do not fit each other.
    """
    named = {"target": target, "text_column": text_column, "image_column": image_column}
    if isinstance(data, str | Path):
        return compose(data, **named)
    parts = _by_split(data)
    writer = _writer(parts, data)
    folder = Path(out).absolute() / FOLDER
    require_writable(folder)
    path, written = _written_once(folder, lambda temporary: writer(temporary, parts, named))
    return compose(path / written.name, **(named | written.columns))


def _written_once(folder: Path, write: Callable[[Path], Written]) -> tuple[Path, Written]:
    """Write a folder whose name tells its contents, unless it is there."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with TemporaryDirectory(prefix=TEMPORARY, dir=folder) as temporary:
            fresh = Path(temporary) / FOLDER
            fresh.mkdir()
            written = write(fresh)
            path = folder / (written.fingerprint or sha256_of(fresh))[:16]
            if not path.exists():
                with suppress(OSError):  # Another process may have been quicker.
                    fresh.replace(path)
                say(f"note: the data was written to {path}, where this and later runs find it")
            return path, written
    finally:
        with suppress(OSError):  # It stays where anything is in it.
            folder.rmdir()


def _by_split(data: Any) -> dict[str, Any]:
    """Return the parts of the data by the split that they are."""
    if isinstance(data, Mapping) and data and all(_is_split(name) for name in data):
        parts = {SPLIT_NAMES[name.casefold()]: part for name, part in data.items()}
        if "train" not in parts or len(parts) < len(data):
            raise UserError(
                f"data has the splits {', '.join(data)}; expected train and, once each, validation "
                "and test"
            )
        return parts
    if isinstance(data, tuple | list) and len(data) == 2:
        if all(map(_is_dataset, data)):
            return {"train": data[0], "validation": data[1]}
        if all(isinstance(part, tuple) and len(part) == 2 for part in data):
            return {"train": data[0], "test": data[1]}
    return {UNDIVIDED: data}


def _writer(parts: dict[str, Any], data: Any) -> Callable[..., Written]:
    """Return what writes data of this kind."""
    from maquette.python_data import arrays, frames, streams

    first, *others = parts.values()
    if all(map(_is_dataset, parts.values())):
        return streams.write
    if all(map(_is_frame, parts.values())):
        return frames.write
    if all(isinstance(part, tuple | list) and len(part) == 2 for part in parts.values()):
        return arrays.write
    kinds = " and ".join(dict.fromkeys(type(part).__name__ for part in (first, *others)))
    received = type(data).__name__ if not others else f"splits of {kinds}"
    raise UserError(f"cannot use data of type {received}; {EXPECTED}")


def _is_split(name: Any) -> bool:
    return isinstance(name, str) and name.casefold() in SPLIT_NAMES


def _is_dataset(data: Any) -> bool:
    tensorflow = sys.modules.get("tensorflow")  # Without it there are no datasets of it.
    return tensorflow is not None and isinstance(data, tensorflow.data.Dataset)


def _is_frame(data: Any) -> bool:
    is_pandas = hasattr(data, "columns") and hasattr(data, "iloc")
    return is_pandas or hasattr(data, "__arrow_c_stream__") or isinstance(data, Mapping)
