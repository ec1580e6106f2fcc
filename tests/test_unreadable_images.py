"""Files that are no whole image are refused, each with a short reason."""

import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from maquette.images.decoding import UnreadableImage, decode
from maquette.images.inspection import inspect


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def noise(kind: str, **options) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (200, 300, 3), np.uint8)
    return encoded(Image.fromarray(pixels), kind, **options)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty file"),
        (b"<html><body>not found</body></html>", "not an image (it begins with '<html>"),
        (b"just text\nin lines", "not an image (it begins with 'just text')"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "not an image (it begins with '%!PS-Adobe"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "not an image"),
        (noise("JPEG")[:8000], "truncated"),
        (noise("JPEG", progressive=True)[:8000], "truncated"),
        (noise("PNG")[:8000], "truncated"),
        (noise("BMP")[:8000], "truncated"),
        (noise("JPEG")[:4], "damaged"),
        (noise("PNG")[:20], "truncated"),
        (noise("PNG")[:5000] + b"\0" * 500 + noise("PNG")[5500:], "damaged"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_whole_image_is_refused_with_a_reason(tmp_path, data, reason):
    (tmp_path / "file.jpg").write_bytes(data)
    for read in (lambda: inspect(tmp_path / "file.jpg"), lambda: decode(data, (8, 8, 3))):
        with pytest.raises(UnreadableImage) as caught:
            read()
        assert reason in str(caught.value)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "TIFF"])
def test_truncation_is_found_in_every_kind(kind):
    with pytest.raises(UnreadableImage, match=r"truncated|damaged"):
        decode(noise(kind)[:8000], (8, 8, 3))


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path, tmp_path / "missing.jpg"):
        with pytest.raises(UnreadableImage, match="not a file"):
            inspect(path)


def test_a_decompression_bomb_is_refused_before_it_is_decoded():
    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 100)), (b"IEND", b"")]
    bomb = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )
    with pytest.raises(UnreadableImage, match="too large: more than 89 megapixels"):
        decode(bomb, (8, 8, 3))


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_the_limit_at_which_pillow_warns_is_an_error(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1_000_000)
    with pytest.raises(UnreadableImage, match="too large: 2 megapixels"):
        decode(encoded(Image.new("L", (1500, 1000)), "PNG"), (8, 8, 1))
