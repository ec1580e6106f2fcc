"""Moment normalization: where drawings end up, how large they get, and what leaves them as is."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from maquette.exporting.converter import Converter
from maquette.exporting.litert import LiteRtFile, custom_operators
from maquette.exporting.saved_model import write_saved_model
from maquette.moment_normalization import MomentNormalization

SIZE, EXTENT = 24, 4.8


def ellipse(height, width, y, x, spread_y, spread_x) -> np.ndarray:
    """Return a filled ellipse with soft edges, of the given standard deviations in pixels."""
    rows, columns = np.indices((height, width))
    radius = np.hypot((rows - y) / (2 * spread_y), (columns - x) / (2 * spread_x))
    return np.clip(0.5 + (1 - radius) * 2 * min(spread_y, spread_x), 0, 1).astype("float32")


def normalized(image: np.ndarray, size: int = SIZE) -> np.ndarray:
    return np.asarray(MomentNormalization(size, EXTENT)(image[None, ..., None]))[0, ..., 0]


def moments(ink: np.ndarray) -> tuple[float, float, float, float]:
    """Return the centre, from that of the image, and the standard deviations: y, x, s_y, s_x."""
    found = []
    for profile in (ink.sum(1), ink.sum(0)):
        place = np.arange(len(profile)) - (len(profile) - 1) / 2
        mean = np.average(place, weights=profile)
        found.append((mean, np.sqrt(np.average((place - mean) ** 2, weights=profile))))
    return found[0][0], found[1][0], found[0][1], found[1][1]


@pytest.mark.parametrize("spreads", [(8, 8), (10, 5), (4, 7)])
def test_ink_ends_up_in_the_middle_with_the_root_of_its_proportions(spreads):
    y, x, spread_y, spread_x = moments(normalized(ellipse(64, 80, 30, 38, *spreads)))
    assert (y, x) == (pytest.approx(0, abs=0.05), pytest.approx(0, abs=0.05))
    ratio = np.sqrt(spreads[0] / spreads[1])
    assert spread_y == pytest.approx(SIZE / EXTENT * np.sqrt(ratio), rel=0.03)
    assert spread_x == pytest.approx(SIZE / EXTENT / np.sqrt(ratio), rel=0.03)


def test_shifted_and_scaled_drawings_are_alike():
    first = normalized(ellipse(64, 64, 20, 25, 6, 4))
    for other in (ellipse(64, 64, 40, 33, 6, 4), ellipse(64, 64, 30, 31, 9, 6)):
        assert np.abs(normalized(other) - first).mean() < 0.02
    assert np.abs(normalized(ellipse(64, 64, 20, 33, 4, 6)) - first.T).mean() < 0.02
    assert np.abs(normalized(ellipse(64, 64, 20, 25, 4, 6)) - first).mean() > 0.05


def test_drawings_are_not_mirrored_or_turned():
    image = np.zeros((40, 40), "float32")
    image[10:30, 8:11] = image[27:30, 8:20] = 1  # an L
    result = normalized(image)
    half = SIZE // 2
    assert result[:half, :half].sum() > 2 * result[:half, half:].sum()
    assert result[half:, half:].sum() > 2 * result[:half, half:].sum()


def test_white_on_black_is_as_black_on_white_and_as_any_two_greys():
    image = ellipse(40, 40, 15, 22, 5, 3)
    np.testing.assert_allclose(normalized(1 - image), normalized(image), atol=5e-3)
    np.testing.assert_allclose(normalized(0.3 + image / 2), normalized(image) / 2, atol=5e-3)


def test_channels_move_together_and_images_apart():
    first, second = ellipse(40, 40, 12, 20, 5, 3), ellipse(40, 40, 25, 20, 3, 4)
    both = np.stack([np.stack([image, 0 * image, image / 2], -1) for image in (first, second)])
    result = np.asarray(MomentNormalization(SIZE, EXTENT)(both))
    for image, ink in zip((first, second), result, strict=True):
        np.testing.assert_allclose(ink[..., 0], normalized(image), atol=0.01)
        np.testing.assert_allclose(ink[..., 2], ink[..., 0] / 2, atol=5e-3)
        assert not ink[..., 1].any()


@pytest.mark.parametrize("size", [8, 48])
def test_ink_neither_fades_nor_darkens_when_it_shrinks_or_grows(size):
    result = normalized(ellipse(90, 90, 44, 44, 12, 12), size)
    middle = slice(size // 2 - size // 8, size // 2 + size // 8)
    np.testing.assert_allclose(result[middle, middle], 1, atol=0.01)
    assert result.max() < 1.02


@pytest.mark.parametrize("grey", [0.0, 0.4, 1.0])
def test_images_without_ink_stay_empty(grey):
    np.testing.assert_allclose(normalized(np.full((20, 30), grey, "float32")), 0, atol=1e-6)


def test_a_straight_stroke_stays_a_stroke():
    image = np.zeros((60, 60), "float32")
    image[15:45, 30] = 1
    result = normalized(image)
    assert np.all(result[3:-3].max(axis=1) > 0.5)
    assert np.count_nonzero(result.max(axis=0) > 0.1) <= 6
    assert result[[0, -1]].max() < 0.6 * result.max()  # its ends are inside


def test_a_dot_grows_smoothly_and_not_without_end():
    image = np.zeros((14, 14), "float32")
    image[6, 8] = 1
    result = normalized(image, size=48)
    enlargement = 48 / EXTENT
    assert result.sum() == pytest.approx(enlargement**2, rel=0.03)
    assert np.abs(np.diff(result, axis=0)).max() < 1.1 / enlargement


def test_layer_can_be_saved_and_resizes_in_a_model():
    layer = MomentNormalization(10, extent=4.0)
    assert layer.from_config(layer.get_config()).get_config() == layer.get_config()
    image = keras.Input((30, 20, 3))
    assert layer(image).shape == (None, 10, 10, 3)


@pytest.fixture(scope="module")
def lite_files(tmp_path_factory) -> dict[str, LiteRtFile]:
    """Return the layer alone, after a rescaling, as TFLite files."""
    folder = tmp_path_factory.mktemp("lite")
    image = keras.Input((48, 64, 1), dtype="uint8", name="image")
    ink = MomentNormalization(SIZE, EXTENT)(keras.layers.Rescaling(1 / 255)(image))
    model = keras.Model({"image": image}, {"ink": ink})
    write_saved_model({"normalize": model}, folder / "saved_model")
    (folder / "calibration").mkdir()
    np.savez(folder / "calibration" / "normalize.npz", image=drawings(60))
    files = {name: folder / f"{name}.tflite" for name in ("float32", "float16", "dynamic", "int8")}
    request = {
        "saved_model": str(folder / "saved_model"),
        "signatures": ["normalize"],
        "calibration": str(folder / "calibration"),
    }
    with Converter(folder) as converter:
        for name, path in files.items():
            assert converter.make({**request, "precision": name}, path) == ""
    assert [custom_operators(path) for path in files.values()] == [[]] * 4
    return {name: LiteRtFile(path) for name, path in files.items()}


def drawings(count: int) -> np.ndarray:
    """Return open curves in dark ink on white, of many places and sizes, `(count, 48, 64, 1)`."""
    random, images = np.random.default_rng(count), []
    for _ in range(count):
        image = np.full((48, 64, 1), 255, "uint8")
        height, width = random.uniform(6, 18, 2)
        angle = np.linspace(0, random.uniform(3, 6), 200)
        rows, columns = height * np.sin(angle), width * np.cos(angle)
        rows, columns = rows + random.uniform(20, 28), columns + random.uniform(20, 44)
        image[rows.astype(int), columns.astype(int)] = 0
        image[rows.astype(int) + 1, columns.astype(int)] = 0
        images.append(image)
    return np.stack(images)


@pytest.mark.parametrize(
    ("variant", "least"),
    [("float32", 0.9999), ("float16", 0.9999), ("dynamic", 0.9999), ("int8", 0.96)],
)
def test_files_for_phones_normalize_alike(lite_files, variant, least):
    images = drawings(40)
    expected = MomentNormalization(SIZE, EXTENT)(images / np.float32(255))
    expected, received = (
        np.reshape(ink, (len(images), -1))
        for ink in (expected, lite_files[variant].run("normalize", {"image": images})["ink"])
    )
    lengths = np.linalg.norm(expected, axis=1) * np.linalg.norm(received, axis=1)
    cosine = np.sum(expected * received, axis=1) / lengths
    assert np.quantile(cosine, 0.05) > least
    if variant == "float32":
        np.testing.assert_allclose(received, expected, atol=2e-4)


@pytest.mark.parametrize("grey", [0, 100, 255])
@pytest.mark.parametrize("variant", ["float32", "int8"])
def test_files_for_phones_leave_images_without_ink_empty(lite_files, variant, grey):
    image = np.full((1, 48, 64, 1), grey, "uint8")
    ink = lite_files[variant].run("normalize", {"image": image})["ink"]
    np.testing.assert_allclose(ink, 0, atol=1e-6)
