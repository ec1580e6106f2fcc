"""Small texts in folders and tables, and what opening them gives."""

from pathlib import Path

import pytest

from maquette.errors import UserError
from maquette.sources import open_source


def sentence(label: str, index: int) -> str:
    return f"Text {index} is {label}."


def add_texts(folder: Path, count: int, label: str = "") -> Path:
    """Write `count` small texts, all of them different."""
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(count):
        path = folder / f"{index:03}.txt"
        path.write_text(sentence(f"{label}{folder.name}", index), "utf-8")
    return folder


def open_text(source: Path | str, strict: bool = False, **options):
    return open_source(source, {"text"}, strict, **options)


def refusal(source: Path | str, strict: bool = False, **options) -> str:
    with pytest.raises(UserError) as caught:
        open_text(source, strict, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def sizes(data) -> dict[str, int]:
    return {name: len(split) for name, split in data.splits.items()}
