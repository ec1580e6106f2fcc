"""Look at image files once, to know that they are whole and what they hold."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from maquette.images.decoding import SMALLEST, Loaded, UnreadableImage, enough_for, fit, load, read
from maquette.images.pixel_files import PixelWriter, Shape, pixel_writer
from maquette.images.remembered import recall, remember, stamp_of

THUMBNAIL = 16
# EXIF orientations that bring the last column to the left, and the last row to the top.
FILLED_LEFT, FILLED_ABOVE = frozenset({2, 3, 6, 7}), frozenset({3, 4, 7, 8})
INSPECTED_AT_ONCE = 1024  # files that wait as tasks, however many there are
_KEPT: ContextVar[dict | None] = ContextVar("kept", default=None)


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """What is known of an image that was read once, in plain values.

    Attributes:
        size: (height, width) in pixels, as seen: after EXIF rotation.
        channels: 1 for a grey image, 3 for any other.
        sha256: hexadecimal digest of the file's bytes.
        file_size: bytes of the file.
        format: "JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF", or "MPO" for a JPEG of several.
        mode: Pillow's name of the kind of its pixels, e.g. "CMYK" or "P".
        bits: 8, or what a value of the file has beyond that.
        frames: number of images in the file.
        orientation: EXIF's, 1 to 8; 1 is upright.
        lowest: darkest grey of the whole image, at reduced size.
        highest: brightest grey.
        thumbnail: grey pixels of the whole image squeezed into 16 by 16, row by row.
    """

    size: tuple[int, int]
    channels: int
    sha256: str
    file_size: int
    format: str
    mode: str
    bits: int
    frames: int
    orientation: int
    lowest: int
    highest: int
    thumbnail: bytes


def inspect(source: Path | bytes) -> ImageInfo:
    """Read a file once and decode its pixels, to know that it is whole.

    Args:
        source: path of the image, or the bytes of its file.

    Returns:
        What is known of it.

    Raises:
        UnreadableImage: the file is missing, empty, truncated, too large or not an image.
    """
    data = source if isinstance(source, bytes) else read(source)
    return _described(load(data, SMALLEST), data)


def inspect_all(
    sources: Sequence[Path | bytes],
    progress: Callable[[int, int], None] | None = None,
    shape: Shape | None = None,
) -> list[ImageInfo | UnreadableImage]:
    """Inspect many files at once, in threads: Pillow decodes without the interpreter lock.

    Files that did not change since an earlier inspection are not read again.

    Args:
        sources: paths of images, or the bytes of their files.
        progress: called from this thread with the number of files done and their total.
        shape: (height, width, channels) that the images will be used at. Where it is known, their
            pixels are kept in the cache, so that they are decoded only once.

    Returns:
        For each of them what `inspect` returned, or the error that it raised.
    """
    stamps = {s: stamp for s in sources if isinstance(s, Path) and (stamp := stamp_of(s))}
    known = recall(ImageInfo, stamps)
    is_new = [isinstance(source, bytes) or source not in known for source in sources]
    rows = np.cumsum(is_new) - 1
    outcomes: list[ImageInfo | UnreadableImage] = []
    with (
        warnings.catch_warnings(),
        ThreadPoolExecutor(os.cpu_count()) as pool,
        pixel_writer(shape, sum(is_new)) as writer,
    ):
        warnings.filterwarnings("ignore", module=r"PIL\.")  # oddities of files that are good

        def look(place: int) -> ImageInfo | UnreadableImage:
            source = sources[place]
            return _outcome(source, rows[place], writer) if is_new[place] else known[source]

        for start in range(0, len(sources), INSPECTED_AT_ONCE):
            places = range(start, min(start + INSPECTED_AT_ONCE, len(sources)))
            for outcome in pool.map(look, places):
                outcomes.append(outcome)
                if progress:
                    progress(len(outcomes), len(sources))
    by_path = {s: o for s, o in zip(sources, outcomes, strict=True) if isinstance(s, Path)}
    new = {path: stamp for path, stamp in stamps.items() if path not in known}
    remember((p, s, by_path[p]) for p, s in new.items() if isinstance(by_path[p], ImageInfo))
    if (found := _KEPT.get()) is not None:
        found.update((p, o) for p, o in by_path.items() if isinstance(o, ImageInfo))
    return outcomes


@contextmanager
def kept() -> Iterator[dict[Path, ImageInfo]]:
    """Yield what `inspect_all` finds out meanwhile, by path, for who needs it again."""
    found: dict[Path, ImageInfo] = {}
    token = _KEPT.set(found)
    try:
        yield found
    finally:
        _KEPT.reset(token)


def thumbnail(grey: Image.Image, content: tuple[float, float, float, float] | None = None) -> bytes:
    """Return grey pixels squeezed into 16 by 16, row by row.

    Args:
        grey: An image of mode L.
        content: Which part of it, as (left, top, right, bottom). Defaults to all of it.
    """
    side = (THUMBNAIL, THUMBNAIL)
    return grey.resize(side, Image.Resampling.BILINEAR, box=content).tobytes()


def _content(small: Image.Image, loaded: Loaded) -> tuple[float, float, float, float]:
    """Return where the content of a shrunk image is: its last pixels are filled up."""
    sides, full = small.size, loaded.size
    spans = [f / max(round(f / side), 1) for f, side in zip(full, sides, strict=True)]
    spans = [min(span, side) for span, side in zip(spans, sides, strict=True)]
    left = sides[0] - spans[0] if loaded.orientation in FILLED_LEFT else 0
    top = sides[1] - spans[1] if loaded.orientation in FILLED_ABOVE else 0
    return left, top, left + spans[0], top + spans[1]


def _described(loaded: Loaded, data: bytes) -> ImageInfo:
    # As far as the decoder of a JPEG shrinks it: how large an image was decoded plays no part.
    factor = next((k for k in (8, 4, 2) if min(loaded.image.size) >= k * SMALLEST), 1)
    small = loaded.image.convert("L").reduce(factor)
    lowest, highest = small.getextrema()
    return ImageInfo(
        size=loaded.size[::-1],
        channels=len(loaded.image.getbands()),
        sha256=hashlib.sha256(data).hexdigest(),
        file_size=len(data),
        format=loaded.format,
        mode=loaded.mode,
        bits=loaded.bits,
        frames=loaded.frames,
        orientation=loaded.orientation,
        lowest=lowest,
        highest=highest,
        thumbnail=thumbnail(small, _content(small, loaded)),
    )


def _outcome(
    source: Path | bytes, row: int, writer: PixelWriter | None
) -> ImageInfo | UnreadableImage:
    """Inspect a file; write its pixels, too, where there is a writer."""
    try:
        if writer is None:
            return inspect(source)
        data = source if isinstance(source, bytes) else read(source)
        loaded = load(data, enough_for(writer.shape))
        info = _described(loaded, data)
        writer.put(row, bytes.fromhex(info.sha256), fit(loaded.image, writer.shape))
        return info
    except UnreadableImage as error:
        # The traceback would keep the bytes of the file in memory.
        return UnreadableImage(str(error))
