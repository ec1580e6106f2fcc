"""Folders of small images in classes, and what opening one gives."""

import hashlib
from pathlib import Path

import pytest
from PIL import Image

from maquette.datasets import image_folder
from maquette.errors import UserError


def add_images(folder: Path, count: int, seed: str = "", size=(12, 10)) -> Path:
    """Write `count` small images, all of them different."""
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(count):
        digest = hashlib.sha256(f"{folder.name} {seed} {index}".encode()).digest()
        small = Image.frombytes("RGB", (2, 2), digest[:12])
        small.resize(size).save(folder / f"{seed}{index:03}.png")
    return folder


def sizes(data) -> dict[str, int]:
    return {name: len(split) for name, split in data.splits.items()}


def refusal(source: Path | str, **options) -> str:
    with pytest.raises(UserError) as caught:
        image_folder.load(str(source), **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)
