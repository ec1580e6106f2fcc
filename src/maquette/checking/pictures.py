"""What is known of each image of opened data, in files or in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from maquette.images.data import FileSplit, ImageData, ImageSplit
from maquette.images.inspection import ImageInfo, UnreadableImage, inspect_all, thumbnail
from maquette.progress import track

LARGEST_NATIVE = 64  # pixels of a side; larger images in memory are looked at this large


def infos_of(data: ImageData, known: Mapping[Path, ImageInfo]) -> list[ImageInfo]:
    """Return what is known of all images, one split after the other.

    Args:
        data: the images.
        known: what was found out when they were opened, by path.
    """
    return [
        info
        for split in data.splits.values()
        for info in (
            _of_files(split, known)
            if isinstance(split, FileSplit)
            else _in_memory(split, data.native_shape)
        )
    ]


def _of_files(split: FileSplit, known: Mapping[Path, ImageInfo]) -> list[ImageInfo]:
    paths = [split.root / name for name in split.names]
    missing = [path for path in paths if path not in known]
    found = dict(zip(missing, inspect_all(missing), strict=True))
    infos = [known.get(path) or found[path] for path in paths]
    return [_must_be_whole(info) for info in infos]


def _must_be_whole(info: ImageInfo | UnreadableImage) -> ImageInfo:
    if isinstance(info, UnreadableImage):
        raise info
    return info


def _in_memory(split: ImageSplit, native: tuple[int | None, int | None, int]) -> list[ImageInfo]:
    height, width, channels = native
    sides = [side if side and side <= LARGEST_NATIVE else LARGEST_NATIVE for side in native[:2]]
    shape = (*sides, channels)
    size = (height or 0, width or 0)
    pixels = (split.read(index, shape) for index in range(len(split)))
    return [_described(image, size) for image in track(pixels, "looking at images", len(split))]


def _described(pixels: np.ndarray, size: tuple[int, int]) -> ImageInfo:
    channels = pixels.shape[-1]
    image = Image.fromarray(pixels[..., 0] if channels == 1 else pixels)
    grey = image.convert("L")
    lowest, highest = grey.getextrema()
    return ImageInfo(
        size=size,
        channels=channels,
        sha256=hashlib.sha256(pixels.tobytes()).hexdigest(),
        file_size=0,
        format="",
        mode=image.mode,
        bits=8,
        frames=1,
        orientation=1,
        lowest=lowest,
        highest=highest,
        thumbnail=thumbnail(grey),
    )
