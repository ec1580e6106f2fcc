"""Look at image files once, to know that they are whole and what they hold."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from maquette.images.decoding import Loaded, UnreadableImage, load, read

THUMBNAIL = 16
ENOUGH = 2 * THUMBNAIL  # pixels of a side; more would not change a thumbnail
INSPECTED_AT_ONCE = 1024  # files that wait as tasks, however many there are


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
    return _described(load(data, at_least=ENOUGH), data)


def inspect_all(
    sources: Sequence[Path | bytes], progress: Callable[[int, int], None] | None = None
) -> list[ImageInfo | UnreadableImage]:
    """Inspect many files at once, in threads: Pillow decodes without the interpreter lock.

    Args:
        sources: paths of images, or the bytes of their files.
        progress: called from this thread with the number of files done and their total.

    Returns:
        For each of them what `inspect` returned, or the error that it raised.
    """
    outcomes: list[ImageInfo | UnreadableImage] = []
    with warnings.catch_warnings(), ThreadPoolExecutor(os.cpu_count()) as pool:
        warnings.filterwarnings("ignore", module=r"PIL\.")  # oddities of files that are good
        for start in range(0, len(sources), INSPECTED_AT_ONCE):
            for outcome in pool.map(_outcome, sources[start : start + INSPECTED_AT_ONCE]):
                outcomes.append(outcome)
                if progress:
                    progress(len(outcomes), len(sources))
    return outcomes


def thumbnail(image: Image.Image) -> bytes:
    """Return the grey pixels of an image of mode L or RGB squeezed into 16 by 16, row by row."""
    squeezed = image.convert("L").resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX)
    return squeezed.tobytes()


def _described(loaded: Loaded, data: bytes) -> ImageInfo:
    lowest, highest = loaded.image.convert("L").getextrema()
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
        thumbnail=thumbnail(loaded.image),
    )


def _outcome(source: Path | bytes) -> ImageInfo | UnreadableImage:
    try:
        return inspect(source)
    except UnreadableImage as error:
        # The traceback would keep the bytes of the file in memory.
        return UnreadableImage(str(error))
