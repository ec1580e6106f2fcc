"""The film of samples: frames on disk, a strip and an animation at the end."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
from PIL import Image

from maquette.callbacks.sample_film import SampleFilm
from maquette.reporting.film import chosen_epochs


def fit(film: SampleFilm, epochs: int, initial_epoch: int = 0) -> None:
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.zeros((2, 1), np.float32)
    model.fit(x, x, epochs=epochs, initial_epoch=initial_epoch, verbose=0, callbacks=[film])


def film_in(folder, shape=(4, 8, 8, 1), **options) -> SampleFilm:
    """A film whose samples are brighter after each call."""
    calls = SimpleNamespace(count=0)

    def generate():
        calls.count += 1
        return np.full(shape, calls.count / 100, np.float32)

    return SampleFilm(generate, folder, **options)


def test_there_is_a_frame_before_training_and_after_each_epoch(tmp_path):
    fit(film_in(tmp_path), epochs=3)
    frames = sorted((tmp_path / "figures" / "film").iterdir())
    assert [path.name for path in frames] == [f"epoch_0000{n}.png" for n in range(4)]
    first = [np.asarray(Image.open(path))[:8, :8] for path in frames]
    assert [np.unique(image).tolist() for image in first] == [
        [round(255 * n / 100)] for n in (1, 2, 3, 5)
    ]


def test_the_last_frame_shows_the_weights_that_stay(tmp_path):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="ones")])
    model.compile(keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.9), "mse")
    film = SampleFilm(lambda: np.full((1, 8, 8, 1), float(model.weights[0][0, 0])), tmp_path)
    x = np.ones((8, 1), np.float32)
    model.fit(x, 0 * x, batch_size=1, epochs=2, verbose=0, callbacks=[film])
    frame = np.asarray(Image.open(tmp_path / "figures" / "film" / "epoch_00002.png"))
    assert frame[0, 0] == round(255 * float(model.weights[0][0, 0]))


def test_the_animation_shows_every_frame_in_order_and_holds_the_last(tmp_path):
    fit(film_in(tmp_path), epochs=3)
    with Image.open(tmp_path / "figures" / "training.gif") as film:
        assert film.n_frames == 4
        assert film.info["loop"] == 0
        brightness, durations = [], []
        for index in range(film.n_frames):
            film.seek(index)
            brightness.append(np.asarray(film.convert("L"))[5, 5])
            durations.append(film.info["duration"])
    assert brightness == sorted(set(brightness))
    assert durations == [150, 150, 150, 2000]


def test_the_strip_shows_a_few_moments_side_by_side_with_their_epochs(tmp_path):
    fit(film_in(tmp_path, moments=3), epochs=8)
    with Image.open(tmp_path / "figures" / "film_strip.png") as strip:
        pixels = np.asarray(strip.convert("L"))
        width = (strip.width - 2 * 8) // 3
    quarters = [pixels[width // 4, i * (width + 8) + width // 4] for i in range(3)]
    assert quarters == [round(255 * n / 100) for n in (1, 5, 10)]
    captions = [pixels[width:, i * (width + 8) :][:, :width] for i in range(3)]
    assert all((caption < 128).any() for caption in captions)
    assert not np.array_equal(captions[0], captions[1])


def test_a_training_that_goes_on_adds_to_the_film(tmp_path):
    film = film_in(tmp_path)
    fit(film, epochs=2)
    fit(film_in(tmp_path), epochs=4, initial_epoch=2)
    with Image.open(tmp_path / "figures" / "training.gif") as animation:
        assert animation.n_frames == 5
    assert len(list((tmp_path / "figures" / "film").iterdir())) == 5


@pytest.mark.parametrize("shape", [(5, 6, 10, 3), (1, 64, 64, 1), (36, 28, 28, 3)])
def test_samples_of_any_size_and_in_colour_make_a_film(tmp_path, shape):
    colours = np.random.default_rng(0).uniform(-0.1, 1.1, shape)
    fit(SampleFilm(lambda: colours, tmp_path), epochs=1)
    columns = int(np.ceil(np.sqrt(shape[0])))
    with Image.open(tmp_path / "figures" / "film" / "epoch_00001.png") as frame:
        assert frame.width == columns * (shape[2] + 1) - 1
        first = np.asarray(frame)[: shape[1], : shape[2]].reshape(shape[1:])
    np.testing.assert_array_equal(first, np.rint(np.clip(colours[0], 0, 1) * 255))
    with Image.open(tmp_path / "figures" / "training.gif") as animation:
        assert 250 <= animation.width <= 600


@pytest.mark.parametrize("epochs", [1, 5, 39, 40, 200, 5000])
def test_at_most_so_many_epochs_are_chosen_the_first_and_the_last_among_them(epochs):
    chosen = sorted(chosen_epochs(epochs, 40))
    assert len(chosen) <= 40
    assert chosen[0] == 0
    assert chosen[-1] == epochs
    gaps = np.diff(chosen)
    assert gaps[0] <= gaps[-1]


def test_a_film_of_noise_stays_small(tmp_path):
    rng = np.random.default_rng(0)
    film = SampleFilm(lambda: rng.uniform(size=(36, 28, 28, 1)), tmp_path)
    film.set_params({"epochs": 2000})
    film.on_train_begin()
    film.on_epoch_begin(0)
    for epoch in range(2000):
        film.on_epoch_end(epoch)
    film.on_train_end()
    assert len(list((tmp_path / "figures" / "film").iterdir())) == 30
    assert (tmp_path / "figures" / "training.gif").stat().st_size < 3e6
