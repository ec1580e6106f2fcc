"""Films of how something changes in a training: pictures of epochs, an animation and a strip."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image, ImageDraw, ImageFont

from maquette.files import written_whole

SIDE, CAPTION = 360, 20  # pixels of a frame, about, and of the line below it
GAP, GREY = 1, 110  # between the images of a frame
SECONDS, LAST_SECONDS = 0.15, 2.0
COLOURS = 64


class Film:
    """Pictures of chosen epochs in a folder.

    They lie in files, so that a training that goes on later adds to them.

    Args:
        folder: Where the pictures are.
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)

    def keep(self, epoch: int, picture: Image.Image) -> None:
        """Write the picture of an epoch, in place of an earlier one."""
        with written_whole(self.folder / f"epoch_{epoch:05d}.png") as temporary:
            picture.save(temporary)

    def pictures(self) -> list[Image.Image]:
        """Return all pictures in order, enlarged where they are small, with their epochs below."""
        paths = sorted(self.folder.glob("epoch_*.png"))
        return [
            _captioned(path, f"epoch {int(path.stem.removeprefix('epoch_'))}") for path in paths
        ]


def chosen_epochs(epochs: int, frames: int) -> set[int]:
    """Return at most `frames` epochs, 0 (before training) and the last among them.

    They lie the farther apart the later they are.
    """
    positions = np.linspace(0, 1, max(frames, 2)) ** 2
    return {int(epoch) for epoch in np.rint(positions * epochs)}


def write_gif(path: Path, pictures: Sequence[Image.Image]) -> None:
    """Write an animation that shows the last picture longest, and begins again."""
    durations = [int(1000 * SECONDS)] * (len(pictures) - 1) + [int(1000 * LAST_SECONDS)]
    colours = [picture.quantize(COLOURS) for picture in pictures]
    options = {"duration": durations, "loop": 0, "optimize": True}
    with written_whole(path) as temporary:
        colours[0].save(temporary, save_all=True, append_images=colours[1:], **options)


def write_strip(path: Path, pictures: Sequence[Image.Image], moments: int, gap: int = 8) -> None:
    """Write at most so many of the pictures side by side, the first and the last among them."""
    picked = np.unique(np.linspace(0, len(pictures) - 1, moments).astype(int))
    width, height = pictures[0].size
    strip = Image.new("RGB", (len(picked) * (width + gap) - gap, height), "white")
    for place, index in enumerate(picked):
        strip.paste(pictures[index], (place * (width + gap), 0))
    with written_whole(path) as temporary:
        strip.save(temporary)


def tiled(images: np.ndarray) -> Image.Image:
    """Return images as one, in a square of rows with a grey line between.

    Args:
        images: Floats 0..1, shape `(n, height, width, channels)` with 1 or 3 channels.
    """
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


def drawn(figure: Figure) -> Image.Image:
    """Return a figure as a picture that is large enough to be a frame as it is."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure.set_dpi(max(80, SIDE / max(figure.get_size_inches())))
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3])


def _captioned(path: Path, text: str) -> Image.Image:
    """Return a picture enlarged by a whole factor, with a line of text below it."""
    with Image.open(path) as picture:
        factor = max(1, round(SIDE / max(picture.size)))
        size = (picture.width * factor, picture.height * factor)
        whole = Image.new("RGB", (size[0], size[1] + CAPTION), "white")
        whole.paste(picture.resize(size, Image.Resampling.NEAREST))
    font = ImageFont.load_default(13)
    ImageDraw.Draw(whole).text((3, size[1] + 2), text, fill="black", font=font)
    return whole
