"""Small images in arrays, all of them different, and what opening them gives."""

import hashlib

import numpy as np
import pytest

from maquette.errors import UserError
from maquette.sources import open_source


def images(count: int, seed: str = "", shape: tuple[int, ...] = (6, 5, 3)) -> np.ndarray:
    """Return `count` images, uint8, that reach from 0 to 255."""
    pixels = np.empty((count, *shape), np.uint8)
    for index in range(count):
        digest = hashlib.sha256(f"{seed} {index}".encode()).digest()
        pixels[index] = np.resize(np.frombuffer(digest, np.uint8), shape)
        pixels[index].flat[0], pixels[index].flat[-1] = 0, 255
    return pixels


def open_images(source, strict: bool = False, **options):
    return open_source(source, {"images"}, strict, **options)


def pixels_of(data, shape=(6, 5, 3)) -> dict[bytes, str]:
    """Return the class of each image, by its pixels."""
    return {
        split.read(index, shape).tobytes(): data.classes[split.labels[index]]
        for split in data.splits.values()
        for index in range(len(split))
    }


def refusal(call, *arguments, **options) -> str:
    with pytest.raises(UserError) as caught:
        call(*arguments, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)
