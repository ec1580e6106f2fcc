"""From what a caller gives as data to a data source."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from maquette.errors import UserError
from maquette.sources import compose


def as_source(
    data: Any,
    out: str | Path,
    target: str | None = None,
    text_column: str | None = None,
    image_column: str | None = None,
) -> str:
    """Return the data source that some data is.

    Args:
        data: A source.
        out: Folder of all runs.
        target: Column of what is to be predicted.
        text_column: Column of the texts.
        image_column: Column of the images.

    Raises:
        UserError: the data is of no kind that can be read.
    """
    if isinstance(data, str | Path):
        return compose(data, target, text_column, image_column)
    raise UserError(f"cannot use data of type {type(data).__name__}; expected a path or name")
