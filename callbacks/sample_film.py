"""Film of what a generator draws from the same noise while it learns."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from maquette.files import written_whole

FRAMES = Path("figures", "film")
SIDE, CAPTION = 360, 20  # pixels of a frame, about, and of the line below it
GAP, GREY = 1, 110  # between the images of a frame
SECONDS, LAST_SECONDS = 0.15, 2.0


class SampleFilm(keras.callbacks.Callback):
    """Keep a picture of the samples after chosen epochs, and make a film of them at the end.

    The pictures lie in `figures/film` of the folder, so that a training that goes on later adds
    to them. At the end there are `figures/training.gif`, and `figures/film_strip.png` with a few
    moments side by side. Of many epochs the early ones, which change most, are kept more often.

    Example:
        >>> model.fit(x, epochs=20, callbacks=[SampleFilm(lambda: draw(noise), "runs/first")])

    Args:
        generate: Returns the same samples each time, but for what was learned: floats 0..1,
            shape `(n, height, width, channels)` with 1 or 3 channels.
        folder: Where `figures/` is; a training of a template sets it. Defaults to the current one.
        frames: Pictures in the film, at most. Defaults to 30.
        moments: Pictures in the strip, at most. Defaults to 6.
    """

    def __init__(
        self,
        generate: Callable[[], np.ndarray],
        folder: str | Path = ".",
        frames: int = 30,
        moments: int = 6,
    ):
        super().__init__()
        self.generate = generate
        self.folder = Path(folder)
        self.frames = frames
        self.moments = moments

    def on_train_begin(self, logs=None):
        self._chosen = chosen_epochs(self.params["epochs"], self.frames)
        self._last = None

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 0:
            self._keep(0)

    def on_epoch_end(self, epoch, logs=None):
        self._last = epoch + 1
        if epoch + 1 in self._chosen:
            self._keep(epoch + 1)

    def on_train_end(self, logs=None):
        if self._last is not None:  # the weights that stay may not be those of the last step
            self._keep(self._last)
        paths = sorted((self.folder / FRAMES).glob("epoch_*.png"))
        if not paths:
            return
        captions = (f"epoch {int(path.stem.removeprefix('epoch_'))}" for path in paths)
        pictures = [
            _captioned(Image.open(p), text) for p, text in zip(paths, captions, strict=True)
        ]
        with written_whole(self.folder / "figures" / "training.gif") as temporary:
            _write_gif(temporary, pictures)
        picked = np.unique(np.linspace(0, len(pictures) - 1, self.moments).astype(int))
        with written_whole(self.folder / "figures" / "film_strip.png") as temporary:
            _side_by_side([pictures[i] for i in picked]).save(temporary)

    def _keep(self, epoch: int) -> None:
        with written_whole(self.folder / FRAMES / f"epoch_{epoch:05d}.png") as temporary:
            _tiled(self.generate()).save(temporary)


def chosen_epochs(epochs: int, frames: int) -> set[int]:
    """Return at most `frames` epochs, 0 (before training) and the last among them.

    They lie the farther apart the later they are.
    """
    positions = np.linspace(0, 1, max(frames, 2)) ** 2
    return {int(epoch) for epoch in np.rint(positions * epochs)}


def _tiled(images: np.ndarray) -> Image.Image:
    """Return images as one, in a square of rows with a grey line between."""
    count, height, width, channels = images.shape
    columns = math.ceil(math.sqrt(count))
    rows = -(-count // columns)
    pixels = np.rint(np.clip(np.nan_to_num(images), 0, 1) * 255).astype(np.uint8)
    page = np.full((rows * columns, height + GAP, width + GAP, channels), GREY, np.uint8)
    page[:count, :height, :width] = pixels
    page = page.reshape(rows, columns, height + GAP, width + GAP, channels).swapaxes(1, 2)
    page = page.reshape(rows * (height + GAP), columns * (width + GAP), channels)
    page = page[:-GAP, :-GAP]
    return Image.fromarray(page[..., 0] if channels == 1 else page)


def _captioned(picture: Image.Image, text: str) -> Image.Image:
    """Return a picture enlarged by a whole factor, with a line of text below it."""
    factor = max(1, round(SIDE / max(picture.size)))
    size = (picture.width * factor, picture.height * factor)
    whole = Image.new("RGB", (size[0], size[1] + CAPTION), "white")
    whole.paste(picture.resize(size, Image.Resampling.NEAREST))
    font = ImageFont.load_default(13)
    ImageDraw.Draw(whole).text((3, size[1] + 2), text, fill="black", font=font)
    return whole


def _side_by_side(pictures: list[Image.Image], gap: int = 8) -> Image.Image:
    width = sum(picture.width + gap for picture in pictures) - gap
    strip = Image.new("RGB", (width, pictures[0].height), "white")
    for index, picture in enumerate(pictures):
        strip.paste(picture, (index * (picture.width + gap), 0))
    return strip


def _write_gif(path: Path, pictures: list[Image.Image]) -> None:
    durations = [int(1000 * SECONDS)] * (len(pictures) - 1) + [int(1000 * LAST_SECONDS)]
    colours = [picture.quantize(64) for picture in pictures]
    colours[0].save(
        path, save_all=True, append_images=colours[1:], duration=durations, loop=0, optimize=True
    )
