"""One line per epoch with its figures and the time left; a bar within the epoch on a terminal."""

from __future__ import annotations

import time
from contextlib import ExitStack

import keras

from maquette.progress import progress_bar, say


class EpochProgress(keras.callbacks.Callback):
    """Report a training in one line per epoch.

    Keras' own bar prints a line per batch where the output is a file. This prints one per epoch,
    with the time that is left if all epochs are run.

    Example:
        >>> model.fit(x, y, epochs=3, verbose=0, callbacks=[EpochProgress("train")])

    Args:
        label: What is being trained, at the start of each line.
    """

    resumes = False  # a bar and a clock belong to a process

    def __init__(self, label: str):
        super().__init__()
        self.label = label
        self._open_bar = ExitStack()

    def on_train_begin(self, logs=None):
        self._began = time.perf_counter()
        self._first_epoch = None

    def on_epoch_begin(self, epoch, logs=None):
        if self._first_epoch is None:
            self._first_epoch = epoch
        self._bar = self._open_bar.enter_context(progress_bar())
        title = f"{self.label} {epoch + 1}/{self.params['epochs']}"
        self._task = self._bar.add_task(title, total=self.params["steps"])

    def on_train_batch_end(self, batch, logs=None):
        self._bar.update(self._task, completed=batch + 1)

    def on_epoch_end(self, epoch, logs=None):
        self.close()
        epochs = self.params["epochs"]
        taken = time.perf_counter() - self._began
        left = taken / (epoch + 1 - self._first_epoch) * (epochs - epoch - 1)
        figures = "  ".join(f"{name} {_short(value)}" for name, value in (logs or {}).items())
        say(f"{self.label} {epoch + 1}/{epochs}  {figures}  ({taken:.0f} s, {left:.0f} s left)")

    def close(self) -> None:
        """Take the bar from the terminal; Keras does not tell when a training was broken off."""
        self._open_bar.close()


def _short(value: float) -> str:
    return f"{value:.4f}" if 1e-3 <= abs(value) < 1e4 or value == 0 else f"{value:.2e}"
