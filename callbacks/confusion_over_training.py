"""Confusion over training: a film of which classes are taken for which, epoch by epoch.

Row i, column j of a confusion matrix counts the examples of class i that are taken for class j.
After each of some epochs it is drawn for the validation data, and at the end the pictures become
`figures/confusion_over_training.gif`, and a few of them side by side a strip of that name.

Use it to see in which order classes are told apart, which pairs stay mixed up to the end, and
whether a class is forgotten again.

How to read it: at first whole columns are dark, since a fresh network takes everything for one or
two classes; then the diagonal grows. What stays dark beside it, on both sides alike, are classes
that look the same to the network; on one side alone, a class that is rare or has wrong labels.

    maquette train cnn --callbacks confusion_over_training
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import keras
import numpy as np

from maquette.errors import UserError
from maquette.reporting import plots
from maquette.reporting.film import Film, chosen_epochs, drawn, write_gif, write_strip

if TYPE_CHECKING:
    from maquette.callback_gallery import TrainingContext

NAME = "confusion_over_training"
EXAMPLES, BATCH = 1000, 32


class ConfusionOverTraining(keras.callbacks.Callback):
    """Keep a confusion matrix after chosen epochs, and make a film of them at the end.

    Of many epochs the early ones, in which most changes, are shown more often.

    Example:
        >>> model.fit(x, y, epochs=9, callbacks=[ConfusionOverTraining(x_val, y_val, classes)])

    Args:
        x: Inputs, shape `(n, ...)`.
        y: Class indices, shape `(n,)`.
        classes: Names of the classes.
        folder: Where `figures/` is. Defaults to the current one.
        name: Of the files. Defaults to `"confusion_over_training"`.
        frames: Pictures in the film, at most. Defaults to 20.
        moments: Pictures in the strip, at most. Defaults to 4.
    """

    transient = ("x", "y")

    def __init__(
        self,
        x: np.ndarray,
        y: np.ndarray,
        classes: Sequence[str],
        folder: str | Path = ".",
        name: str = NAME,
        frames: int = 20,
        moments: int = 4,
    ):
        super().__init__()
        self.x, self.y = x, np.asarray(y).reshape(-1)
        self.classes = list(classes)
        self.folder = Path(folder)
        self.name = name
        self.frames = frames
        self.moments = moments

    def on_train_begin(self, logs=None):
        self._film = Film(self.folder / "figures" / self.name)
        self._chosen = chosen_epochs(self.params["epochs"], self.frames)

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 0:
            self._keep(0)

    def on_epoch_end(self, epoch, logs=None):
        if epoch + 1 in self._chosen:
            self._keep(epoch + 1)

    def on_train_end(self, logs=None):
        pictures = self._film.pictures()
        if pictures:
            write_gif(self.folder / "figures" / f"{self.name}.gif", pictures)
            write_strip(self.folder / "figures" / f"{self.name}.png", pictures, self.moments)

    def predicted(self) -> np.ndarray:
        """Return the class that the model takes each example for, shape `(n,)`."""
        starts = range(0, len(self.x), BATCH)
        batches = [self.x[i : i + BATCH] for i in starts]
        # Replicas on TensorFlow would each return all of it.
        scores = [np.asarray(self.model.predict_on_batch(x))[: len(x)] for x in batches]
        return np.concatenate([batch.argmax(-1) for batch in scores])

    def _keep(self, epoch: int) -> None:
        figure = plots.confusion_matrix(self.y, self.predicted(), self.classes)
        self._film.keep(epoch, drawn(figure))


def for_training(context: TrainingContext) -> ConfusionOverTraining:
    """Return a film of at most 1,000 validation examples.

    Raises:
        UserError: the template does not tell classes.
    """
    from maquette.tasks.classification import Classification

    if not isinstance(context.task, Classification):
        raise UserError(f"{NAME} is for what tells classes; {context.template.name} does not")
    examples = context.examples["validation"].sample(EXAMPLES)
    name = context.file_name(NAME)
    return ConfusionOverTraining(examples.x, examples.y, context.data.classes, context.folder, name)
