"""The images of a split at one size: from the cache where they are there, else decoded."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, cached_property
from typing import Self

import numpy as np

from maquette.images.data import ImageSplit
from maquette.images.pixel_files import KeptPixels, Shape, pixel_writer
from maquette.progress import progress_bar

CHUNK = 256  # images between two steps of a progress bar
TIMED = 8  # images that tell how long reading takes
DISK_SPEED = 1e9  # bytes a second; what is read faster than that from its source stays there


class SizedImages:
    """The images of a split at one size, read when indexed.

    Args:
        split: Images of any size; what counts is its length, `read` and `digests`.
        shape: `(height, width, channels)` of what is read.
    """

    dtype = np.dtype(np.uint8)

    def __init__(self, split: ImageSplit, shape: Shape):
        self.split = split
        self.shape = (len(split), *shape)

    def __getitem__(self, indices: np.ndarray) -> np.ndarray:
        images = np.empty((len(indices), *self.shape[1:]), np.uint8)
        kept = self._kept
        missing = np.array(
            [p for p, i in enumerate(indices) if not (kept and kept.read(i, images[p]))], int
        )

        def put(place: int, pixels: np.ndarray) -> None:
            images[missing[place]] = pixels

        self._read_each(np.asarray(indices)[missing], put)
        return images

    @property
    def is_on_disk(self) -> bool:
        """Whether all of them are in the cache."""
        return self._kept is not None and not len(self._kept.missing)

    def on_disk(self, label: str) -> Self:
        """Return the same images, kept in the cache where that is worth it and there is room.

        Args:
            label: Shown beside the progress.
        """
        if self._kept is None or self.is_on_disk:
            return self
        missing = self._kept.missing
        if not self._is_worth_it(missing):
            return self
        shape, digests = self.shape[1:], self.split.digests[missing]
        with pixel_writer(shape, len(missing)) as writer, progress_bar() as bar:
            if writer is None:
                return self
            task = bar.add_task(label, total=len(missing))
            for start in range(0, len(missing), CHUNK):

                def put(place: int, pixels: np.ndarray, start: int = start) -> None:
                    writer.put(start + place, digests[start + place], pixels)

                chunk = missing[start : start + CHUNK]
                self._read_each(chunk, put)
                bar.advance(task, len(chunk))
        return SizedImages(self.split, shape)

    @cached_property
    def _kept(self) -> KeptPixels | None:
        digests = self.split.digests
        return None if digests is None else KeptPixels(self.shape[1:], digests)

    def _read_each(self, indices: np.ndarray, put: Callable[[int, np.ndarray], None]) -> None:
        """Read images by all processors; `put` is given the place of each in `indices`."""
        shape = self.shape[1:]

        def read(places: np.ndarray) -> None:
            for place in places:
                put(place, self.split.read(int(indices[place]), shape))

        if len(indices):
            list(_threads().map(read, np.array_split(np.arange(len(indices)), os.cpu_count())))

    def _is_worth_it(self, indices: np.ndarray) -> bool:
        """Return whether reading some images anew takes longer than reading their pixels."""
        timed = indices[:: max(1, len(indices) // TIMED)][:TIMED]
        began = time.perf_counter()
        for index in timed:
            self.split.read(int(index), self.shape[1:])
        seconds = (time.perf_counter() - began) / len(timed)
        return seconds > np.prod(self.shape[1:]) / DISK_SPEED


@cache
def _threads() -> ThreadPoolExecutor:
    """Pillow decodes without the interpreter lock."""
    return ThreadPoolExecutor(os.cpu_count(), "images")
