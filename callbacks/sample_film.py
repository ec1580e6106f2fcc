"""Film of what a generator draws from the same noise while it learns.

Use it to see what is learned first, and whether samples still get better at the end. A GAN that
collapses shows the same image everywhere; an autoencoder whose codes go unused shows one blur.
The film of an autoencoder with two latents is of the whole plane of codes (Kingma and Welling
2014, figure 4).

    maquette train vae --latent-dim 2 --callbacks sample_film
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import keras
import numpy as np

from maquette.errors import UserError
from maquette.reporting.film import Film, chosen_epochs, tiled, write_gif, write_strip

if TYPE_CHECKING:
    from maquette.callback_gallery import TrainingContext

SAMPLES, SIDE_OF_PLANE = 36, 12


class SampleFilm(keras.callbacks.Callback):
    """Keep a picture of the samples after chosen epochs, and make a film of them at the end.

    The pictures lie in `figures/film` of the folder, so that a training that goes on later adds
    to them. At the end there are `figures/training.gif`, and `figures/film_strip.png` with a few
    moments side by side. Of many epochs the early ones, which change most, are kept more often.

    Example:
        >>> model.fit(x, epochs=20, callbacks=[SampleFilm(lambda: draw(noise), "runs/first")])

    Anything that is an image can be filmed so: as a single one also a figure, such as that of
    where the codes of examples lie.

        >>> figure = lambda: latent_plots.latent_space(np.asarray(encoder(x)), labels, classes)
        >>> SampleFilm(lambda: np.asarray(film.drawn(figure()))[np.newaxis] / 255)

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
        self._film = Film(self.folder / "figures" / "film")
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
        pictures = self._film.pictures()
        if pictures:
            write_gif(self.folder / "figures" / "training.gif", pictures)
            write_strip(self.folder / "figures" / "film_strip.png", pictures, self.moments)

    def _keep(self, epoch: int) -> None:
        self._film.keep(epoch, tiled(self.generate()))


def for_training(context: TrainingContext) -> SampleFilm:
    """Return a film of an autoencoder's plane of codes, or of the images of 36 codes.

    Raises:
        UserError: the template draws no images from Gaussian codes.
    """
    from maquette.reporting.latent_plots import plane_of_codes
    from maquette.tasks.image_density import ImageDensity

    if not isinstance(context.task, ImageDensity):
        raise UserError(
            f"sample_film is for autoencoders that draw images; {context.template.name} is none, "
            "or films as it is"
        )
    generate = context.template.endpoints(context.model)["generate"]
    (size,) = generate.inputs[0].shape[1:]
    random = np.random.default_rng(0).standard_normal((SAMPLES, size), np.float32)
    codes = plane_of_codes(SIDE_OF_PLANE) if size == 2 else random

    def draw() -> np.ndarray:
        # Replicas on TensorFlow would each return all of it.
        return np.asarray(generate.predict_on_batch({"noise": codes})["pixels"])[: len(codes)]

    return SampleFilm(draw, context.folder)
