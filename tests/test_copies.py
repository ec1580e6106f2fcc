"""Near copies among many images and texts: all are found, and no others are accused."""

from io import BytesIO

import numpy as np
import pytest
from faulty_data import photo, text
from PIL import Image, ImageEnhance

from maquette.checking.alike import alike, groups
from maquette.checking.similar_texts import similar_texts
from maquette.images.inspection import inspect

COUNT = 200


def looked_at(image: Image.Image, kind: str = "JPEG", **options) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return inspect(buffer.getvalue()).thumbnail


@pytest.fixture(scope="module")
def originals() -> list[bytes]:
    return [looked_at(photo(seed, (250, 187))) for seed in range(COUNT)]


@pytest.mark.parametrize(
    "change",
    [
        lambda image: looked_at(image, quality=30),
        lambda image: looked_at(image, "PNG"),
        lambda image: looked_at(image.resize((125, 94)), quality=80),
        lambda image: looked_at(image.resize((400, 300)), quality=80),
        lambda image: looked_at(ImageEnhance.Brightness(image).enhance(0.7)),
        lambda image: looked_at(ImageEnhance.Contrast(image).enhance(0.6)),
        lambda image: looked_at(image.convert("L")),
    ],
    ids=["quality", "format", "smaller", "larger", "darker", "flatter", "grey"],
)
def test_changed_photos_are_found_and_no_others(originals, change):
    copies = [change(photo(seed, (250, 187))) for seed in range(0, COUNT, 10)]
    pairs = alike([*originals, *copies])
    expected = [(10 * place, COUNT + place) for place in range(len(copies))]
    assert [tuple(pair) for pair in pairs] == expected


def test_a_photo_turned_by_its_exif_is_a_copy_of_the_upright_one(originals):
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = photo(7, (250, 187)).transpose(Image.Transpose.ROTATE_90)
    pairs = alike([*originals, looked_at(stored, exif=exif, quality=90)])
    assert pairs.tolist() == [[7, COUNT]]


def test_simple_drawings_that_resemble_one_another_are_no_copies():
    """Bars at different places and angles, as in digits."""
    drawings = []
    for place in range(-6, 7, 2):
        for angle in np.linspace(-0.6, 0.6, 7):
            rows = np.arange(4, 24)
            columns = np.rint(14 + place + (rows - 14) * angle).astype(int).clip(0, 26)
            pixels = np.zeros((28, 28), np.uint8)
            pixels[rows, columns] = pixels[rows, columns + 1] = 255
            drawings.append(looked_at(Image.fromarray(pixels), "PNG"))
    assert len({*drawings}) == 49
    assert len(alike(drawings)) == 0


def test_images_without_contrast_are_like_none():
    flat = [looked_at(Image.new("L", (50, 50), grey)) for grey in range(0, 200, 10)]
    assert len(alike(flat)) == 0
    assert len(alike([])) == 0


def test_many_copies_of_one_make_one_group(originals):
    pairs = alike([*originals[:50], *[originals[3]] * 20])
    assert [sorted(group) for group in groups(pairs, 70)] == [[3, *range(50, 70)]]


def test_texts_with_a_word_changed_are_found_and_no_others():
    texts = [text(seed, 30) for seed in range(300)]
    copies = []
    for seed in range(0, 300, 10):
        words = texts[seed].split()
        words[7] = "changed"
        copies.append(" ".join(words).upper() + " !")
    pairs = similar_texts([*texts, *copies])
    assert pairs.tolist() == [[10 * place, 300 + place] for place in range(30)]


def test_texts_that_share_half_their_words_are_no_copies():
    start = text(1, 20)
    assert len(similar_texts([f"{start} {text(seed, 20)}" for seed in range(2, 80)])) == 0


def test_short_texts_are_never_near_copies():
    assert len(similar_texts(["a good film", "a good film!", "", "good", "a good one"])) == 0
