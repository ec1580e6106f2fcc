"""Read images of any common kind as 8-bit arrays, and say in words why a file cannot be read."""

from __future__ import annotations

import os
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import ExifTags, Image, ImageOps

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff"})

# Only these: a PostScript file named .jpg would otherwise be handed to an outside program.
FORMATS = ("JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF")
SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"RIFF", b"II*\0", b"MM\0*")
GREY_MODES = frozenset({"1", "L", "LA", "La"})
SMALLEST = 32  # pixels of a side; to decode fewer saves nothing
ANIMATED = frozenset({"GIF", "PNG", "TIFF", "WEBP"})  # a phone's JPEG may hold a preview as well

# What undoes each EXIF orientation; 1 is upright, and from 5 on the two sides swap.
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class UnreadableImage(ValueError):
    """The bytes are not an image that can be read. The message is a short reason."""


class Loaded(NamedTuple):
    """A decoded image, and how it stood in its file.

    Attributes:
        image: upright pixels, mode L or RGB; of a JPEG perhaps fewer than it has.
        size: full (width, height) of the upright image.
        format: one of `FORMATS`; MPO for a JPEG that holds several.
        mode: Pillow's name of the kind of its pixels, e.g. "CMYK" or "P".
        bits: of each value in the file, as far as they are more than 8.
        frames: how many images the file holds.
        orientation: EXIF's, 1 to 8; 1 is upright.
    """

    image: Image.Image
    size: tuple[int, int]
    format: str
    mode: str
    bits: int
    frames: int
    orientation: int


def decode(source: Path | bytes, shape: tuple[int, int, int]) -> np.ndarray:
    """Read an image upright, its centre cropped to the shape asked for and resized.

    The crop keeps proportions as backbones saw them in training, and phones make it likewise.
    Transparency is composited on white, 16-bit and floating-point grey is scaled to 8 bits, and
    of an animation the first frame is read. Colour profiles are ignored.

    Args:
        source: path of the image, or the bytes of its file.
        shape: (height, width, channels) of the result in pixels; channels is 1 or 3.

    Returns:
        The pixels, uint8, of that shape.

    Raises:
        UnreadableImage: the bytes are not an image that can be read.
    """
    data = source if isinstance(source, bytes) else read(source)
    return fit(load(data, enough_for(shape)).image, shape)


def enough_for(shape: tuple[int, int, int]) -> int:
    """Return how many pixels of each side are enough to make an image of a shape of.

    A JPEG shrinks by 2, 4 or 8 while it is decoded, which is fast. A quarter more than asked for is
    left to the antialiased filter: then a photo differs from what all its pixels would give by one
    grey value of 256 on average.
    """
    return max(SMALLEST, round(1.25 * max(shape[:2])))


def resize(image: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """Crop and resize an image in memory, as `decode` does.

    Args:
        image: uint8 pixels, (height, width, 1) grey or (height, width, 3) RGB.
        shape: (height, width, channels) of the result in pixels; channels is 1 or 3.

    Returns:
        The pixels, uint8, of that shape; the same array where the shape is already right.
    """
    if image.shape == tuple(shape):
        return image
    return fit(Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else image), shape)


def fit(image: Image.Image, shape: tuple[int, int, int]) -> np.ndarray:
    """Return the centre of an image of mode L or RGB, cropped and resized as `decode` does."""
    height, width, channels = shape
    if channels not in (1, 3):
        raise ValueError(f"{channels} channels were asked for; an image has 1 or 3")
    if image.size != (width, height):
        image = ImageOps.fit(image, (width, height), Image.Resampling.BICUBIC)
    return np.array(image.convert("L" if channels == 1 else "RGB")).reshape(shape)


def read(path: Path) -> bytes:
    """Return the bytes of a file.

    Raises:
        UnreadableImage: it is missing or cannot be opened.
    """
    if not os.path.isfile(path):  # False as well where no file can have that name.
        raise UnreadableImage("not a file")
    try:
        return path.read_bytes()
    except OSError as error:
        raise UnreadableImage(f"cannot be opened: {error.strerror}") from error


def load(data: bytes, at_least: int) -> Loaded:
    """Decode the bytes of an image's file, all of them, so that damage shows.

    Args:
        data: the bytes.
        at_least: pixels of each side that are enough; a JPEG may come that much smaller.

    Raises:
        UnreadableImage: they are not an image that can be read.
    """
    if not data:
        raise UnreadableImage("empty file")
    try:
        image = Image.open(BytesIO(data), formats=FORMATS)
        size, kind, mode = image.size, image.format, image.mode
        _refuse_bomb(size)
        bits, frames = _bits(image), _frames(image)
        image.draft(None, (at_least, at_least))
        image.load()
        # Read only now: loading a TIFF turns it upright and drops the tag.
        orientation = _orientation(image)
        image = _eight_bit(image)
    except UnreadableImage:
        raise
    # Decoders raise nearly anything on damaged bytes: struct.error, IndexError, zlib.error...
    except Exception as error:
        raise UnreadableImage(_reason(error, data)) from error
    if orientation in UPRIGHT:
        image = image.transpose(UPRIGHT[orientation])
    size = size[::-1] if orientation >= 5 else size
    return Loaded(image, size, kind, mode, bits, frames, orientation)


def _refuse_bomb(size: tuple[int, int]) -> None:
    """Pillow only warns up to twice its limit; here the limit is a limit."""
    limit, pixels = Image.MAX_IMAGE_PIXELS, size[0] * size[1]
    if limit is not None and pixels > limit:
        raise UnreadableImage(f"too large: {pixels / 1e6:.0f} megapixels")


def _bits(image: Image.Image) -> int:
    """Return 16 or 32 where a value of the file has more than 8 bits."""
    if image.mode in ("I", "F"):
        return 32
    # Pillow takes 16-bit colour as 8-bit RGB; only the raw mode of the decoder tells.
    raw_modes = [str(tile[3]) for tile in image.tile]
    return 16 if any("16" in mode for mode in [image.mode, *raw_modes]) else 8


def _frames(image: Image.Image) -> int:
    try:
        return image.n_frames if image.format in ANIMATED else 1
    except Exception:  # what follows the first frame may be damaged
        return 1


def _orientation(image: Image.Image) -> int:
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # damaged EXIF leaves the pixels good
        return 1
    return orientation if orientation in UPRIGHT else 1


def _eight_bit(image: Image.Image) -> Image.Image:
    """Return the image in mode L if it is grey, in RGB if not."""
    if image.mode[0] in "IF":
        return Image.fromarray(_scale_to_bytes(image))
    mode = "L" if image.mode in GREY_MODES else "RGB"
    if image.has_transparency_data:
        canvas = Image.new("RGBA", image.size, "white")
        canvas.alpha_composite(image.convert("RGBA"))
        return canvas.convert(mode)
    return image.convert(mode)


def _scale_to_bytes(image: Image.Image) -> np.ndarray:
    """Scale grey of more than 8 bits so that full scale, or the brightest pixel above, is 255."""
    values = np.nan_to_num(np.asarray(image, np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    highest = values.max()
    full_scales = (1, 255, 65535) if image.mode == "F" else (65535,)
    full_scale = next((scale for scale in full_scales if highest <= scale), highest)
    return np.rint(values.clip(0) * (255 / full_scale)).astype(np.uint8)


def _reason(error: Exception, data: bytes) -> str:
    if isinstance(error, (Image.DecompressionBombError, Image.DecompressionBombWarning)):
        return f"too large: more than {Image.MAX_IMAGE_PIXELS / 1e6:.0f} megapixels"
    if "truncated" in str(error).lower() or isinstance(error, EOFError):
        return "truncated"
    if data.startswith(SIGNATURES):
        return "damaged"
    start = data.lstrip()[:24].decode("latin-1").split("\n")[0]
    return f"not an image (it begins with {start!r})"
