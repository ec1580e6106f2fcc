"""Reading images: whatever kind a file is, upright 8-bit pixels come out."""

import struct
import subprocess
import sys
import zlib
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from maquette.images.decoding import decode, resize
from maquette.images.inspection import inspect, inspect_all

WIDTH, HEIGHT = 64, 32

# What each EXIF orientation says was done to the upright picture before it was stored.
STORED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def quarters() -> Image.Image:
    """A picture in which no two corners are alike."""
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    pixels[: HEIGHT // 2, : WIDTH // 2] = 250, 10, 10
    pixels[: HEIGHT // 2, WIDTH // 2 :] = 10, 250, 10
    pixels[HEIGHT // 2 :, : WIDTH // 2] = 10, 10, 250
    pixels[HEIGHT // 2 :, WIDTH // 2 :] = 240, 240, 40
    return Image.fromarray(pixels)


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def assert_alike(actual, expected, tolerance=5.0):
    assert np.abs(actual.astype(float) - np.asarray(expected, float)).mean() < tolerance


@pytest.mark.parametrize("kind", ["JPEG", "TIFF", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", STORED)
def test_exif_orientation_is_undone(tmp_path, kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = quarters().transpose(STORED[orientation])
    options = {"lossless": True} if kind == "WEBP" else {"quality": 95} if kind == "JPEG" else {}
    data = encoded(stored, kind, exif=exif, **options)
    (tmp_path / "photo").write_bytes(data)
    assert_alike(decode(data, (HEIGHT, WIDTH, 3)), quarters())
    assert inspect(tmp_path / "photo").size == (HEIGHT, WIDTH)


@pytest.mark.parametrize("orientation", [0, 1, 77])
def test_an_orientation_that_does_not_exist_is_taken_as_upright(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert_alike(decode(encoded(quarters(), "PNG", exif=exif), (HEIGHT, WIDTH, 3)), quarters())


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_a_photo_with_damaged_exif_is_still_read():
    data = encoded(quarters(), "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff" + b"\x01" * 20)
    assert_alike(decode(data, (HEIGHT, WIDTH, 3)), quarters(), 8)


@pytest.mark.parametrize(
    ("kind", "image", "channels"),
    [
        ("PNG", quarters().convert("L"), 1),
        ("PNG", quarters().convert("LA"), 1),
        ("PNG", quarters().convert("L").convert("1"), 1),
        ("PNG", Image.fromarray(np.full((HEIGHT, WIDTH), 40_000, np.uint16)), 1),
        ("TIFF", Image.fromarray(np.full((HEIGHT, WIDTH), 0.5, np.float32)), 1),
        ("JPEG", quarters().convert("L"), 1),
        ("JPEG", quarters(), 3),
        ("JPEG", quarters().convert("CMYK"), 3),
        ("PNG", quarters().convert("RGBA"), 3),
        ("GIF", quarters().convert("P"), 3),
        ("BMP", quarters(), 3),
        ("WEBP", quarters(), 3),
    ],
    ids=lambda value: getattr(value, "mode", None),
)
def test_only_truly_grey_images_count_as_grey(tmp_path, kind, image, channels):
    (tmp_path / "image").write_bytes(encoded(image, kind))
    assert inspect(tmp_path / "image").channels == channels


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF"])
def test_every_kind_gives_the_same_picture(kind):
    options = {"quality": 95} if kind in ("JPEG", "WEBP") else {}
    assert_alike(decode(encoded(quarters(), kind, **options), (HEIGHT, WIDTH, 3)), quarters(), 8)


def test_cmyk_photos_keep_their_colours_rather_than_turn_negative():
    data = encoded(quarters().convert("CMYK"), "JPEG", quality=95)
    assert_alike(decode(data, (HEIGHT, WIDTH, 3)), quarters(), 8)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_is_composited_on_white(mode):
    image = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    image.paste((0, 0, 0, 128), (0, 0, 4, 8))
    pixels = decode(encoded(image.convert(mode), "PNG"), (8, 8, 3))
    assert (pixels[:, :4] == 127).all()
    assert (pixels[:, 4:] == 255).all()


def test_transparent_palette_entries_are_composited_on_white():
    image = Image.new("P", (8, 8), 0)
    image.putpalette([0, 0, 0, 200, 30, 30])
    image.paste(1, (0, 0, 4, 8))
    pixels = decode(encoded(image, "PNG", transparency=0), (8, 8, 3))
    assert (pixels[:, :4] == (200, 30, 30)).all()
    assert (pixels[:, 4:] == 255).all()


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bit_grey_is_scaled_not_clipped(kind):
    ramp = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    pixels = decode(encoded(Image.fromarray(ramp), kind), (16, 16, 1))
    np.testing.assert_array_equal(pixels.ravel(), np.arange(256))


@pytest.mark.parametrize("highest", [1.0, 255.0, 65535.0, 1e6])
def test_floating_point_grey_is_scaled_to_eight_bits(highest):
    ramp = np.linspace(0, highest, 256, dtype=np.float32).reshape(16, 16)
    pixels = decode(encoded(Image.fromarray(ramp), "TIFF"), (16, 16, 1))
    np.testing.assert_allclose(pixels.ravel(), np.arange(256), atol=1)


def test_one_bit_images_become_black_and_white():
    checks = np.indices((8, 8)).sum(0) % 2 == 0
    pixels = decode(encoded(Image.fromarray(checks), "PNG"), (8, 8, 1))
    np.testing.assert_array_equal(pixels[..., 0], checks * 255)


@pytest.mark.parametrize("kind", ["GIF", "WEBP"])
def test_the_first_frame_of_an_animation_is_read(kind):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
    assert_alike(decode(data, (8, 8, 3)), frames[0])


def test_images_are_resized_with_antialiasing():
    stripes = np.zeros((64, 64), np.uint8)
    stripes[:, ::2] = 200
    pixels = decode(encoded(Image.fromarray(stripes), "PNG"), (8, 8, 1))
    assert pixels.shape == (8, 8, 1)
    assert_alike(pixels[:, 1:-1], np.full((8, 6, 1), 100), 5)


def test_the_centre_is_cropped_and_nothing_is_stretched():
    wide = np.zeros((40, 120, 3), np.uint8)
    wide[:, 30:90] = 255
    pixels = decode(encoded(Image.fromarray(wide), "PNG"), (20, 20, 3))
    np.testing.assert_array_equal(pixels, np.full((20, 20, 3), 255))


def test_grey_becomes_rgb_and_rgb_becomes_grey():
    grey = Image.new("L", (8, 8), 90)
    np.testing.assert_array_equal(decode(encoded(grey, "PNG"), (8, 8, 3)), np.full((8, 8, 3), 90))
    assert decode(encoded(quarters(), "PNG"), (8, 8, 1)).shape == (8, 8, 1)


def test_a_large_photo_shrunk_by_its_decoder_looks_the_same():
    smooth = quarters().resize((2400, 1600), Image.Resampling.BICUBIC)
    expected = np.asarray(smooth.resize((96, 64), Image.Resampling.BICUBIC))
    assert_alike(decode(encoded(smooth, "JPEG", quality=95), (64, 96, 3)), expected)


def test_two_channels_cannot_be_asked_for():
    with pytest.raises(ValueError, match="2 channels"):
        decode(encoded(quarters(), "PNG"), (8, 8, 2))


def test_resizing_in_memory_gives_what_decoding_gives():
    pixels = np.asarray(quarters())
    for shape in [(HEIGHT, WIDTH, 3), (20, 30, 3), (20, 30, 1)]:
        np.testing.assert_array_equal(
            resize(pixels, shape), decode(encoded(quarters(), "PNG"), shape)
        )
    grey = np.asarray(quarters().convert("L"))[..., np.newaxis]
    assert resize(grey, (20, 30, 3)).shape == (20, 30, 3)
    assert resize(grey, grey.shape) is grey


def test_the_digest_is_of_the_bytes(tmp_path):
    from hashlib import sha256

    data = encoded(quarters(), "PNG")
    (tmp_path / "a.png").write_bytes(data)
    assert inspect(tmp_path / "a.png").sha256 == sha256(data).hexdigest()


def test_many_files_are_inspected_in_order_with_progress(tmp_path):
    for index in range(20):
        (tmp_path / f"{index:02}.png").write_bytes(encoded(Image.new("L", (index + 1, 3)), "PNG"))
    (tmp_path / "07.png").write_bytes(b"")
    calls = []
    outcomes = inspect_all(sorted(tmp_path.iterdir()), lambda *call: calls.append(call))
    assert calls == [(done, 20) for done in range(1, 21)]
    assert str(outcomes.pop(7)) == "empty file"
    assert [outcome.size[1] for outcome in outcomes] == [*range(1, 8), *range(9, 21)]


def test_images_are_read_without_tensorflow():
    modules = "maquette.images.decoding, maquette.images.data, maquette.datasets.image_folder"
    check = f"import sys, {modules}; sys.exit(bool({{'tensorflow', 'keras'}} & {{*sys.modules}}))"
    assert subprocess.run([sys.executable, "-c", check]).returncode == 0


def info_of(tmp_path, image, kind, **options):
    (tmp_path / "image").write_bytes(encoded(image, kind, **options))
    return inspect(tmp_path / "image")


def test_an_inspection_tells_how_an_image_stands_in_its_file(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    photo = info_of(tmp_path, quarters().convert("CMYK"), "JPEG", exif=exif)
    assert (photo.format, photo.mode, photo.bits, photo.orientation) == ("JPEG", "CMYK", 8, 6)
    assert photo.file_size == (tmp_path / "image").stat().st_size
    palette = info_of(tmp_path, quarters().convert("P"), "PNG")
    assert (palette.format, palette.mode, palette.frames) == ("PNG", "P", 1)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_an_inspection_counts_frames(tmp_path, kind):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue", "green")]
    info = info_of(tmp_path, frames[0], kind, save_all=True, append_images=frames[1:])
    assert info.frames == 3


def test_an_inspection_tells_sixteen_bits_of_grey_and_of_colour(tmp_path):
    assert info_of(tmp_path, Image.fromarray(np.zeros((8, 8), np.uint16)), "PNG").bits == 16
    header = struct.pack(">IIBBBBB", 4, 4, 16, 2, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\x12\x34" * 12) * 4)
    chunks = [(b"IHDR", header), (b"IDAT", rows), (b"IEND", b"")]
    (tmp_path / "image").write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + b"".join(
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
            for name, body in chunks
        )
    )
    assert inspect(tmp_path / "image").bits == 16
    assert info_of(tmp_path, quarters(), "PNG").bits == 8


def test_an_inspection_tells_a_flat_image_and_keeps_a_thumbnail(tmp_path):
    flat = info_of(tmp_path, Image.new("RGB", (50, 40), (9, 9, 9)), "JPEG")
    assert flat.highest - flat.lowest <= 1
    photo = info_of(tmp_path, quarters().resize((640, 320)), "JPEG", quality=95)
    grey = np.asarray(quarters().convert("L").resize((16, 16), Image.Resampling.BOX))
    assert_alike(np.frombuffer(photo.thumbnail, np.uint8).reshape(16, 16), grey, 3)
