"""How many training steps one call of the compiled function takes.

Each call costs nearly a millisecond in Python, half of a small network's step. The
outcome is the same to the bit for any number; callbacks are called once for each execution.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from statistics import median

import keras

from maquette.progress import say

EXECUTION_SECONDS = 0.25  # so that progress, time budgets and interruptions keep their pace
MOST_STEPS = 128
CALL_SECONDS = 0.0008
GAINED_SHARE = 0.1  # of a longer step, as in `cnn` and `dcgan`


class StepClock(keras.callbacks.Callback):
    """Take the time of the steps of the first epoch it sees.

    Example:
        >>> clock = StepClock()
        >>> model.fit(x, y, callbacks=[clock])
        >>> clock.step_seconds
        0.0021
    """

    resumes = False

    def __init__(self):
        super().__init__()
        self.seconds: list[float] = []
        self.is_done = False

    def on_epoch_begin(self, epoch, logs=None):
        self._last = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        if not self.is_done:
            now = time.perf_counter()
            self.seconds.append(now - self._last)
            self._last = now

    def on_epoch_end(self, epoch, logs=None):
        self.is_done = True

    @property
    def step_seconds(self) -> float:
        """A step, usually; the first one, which is compiled, does not count."""
        return median(self.seconds[1:] or self.seconds)

    def pays(self, steps: int) -> bool:
        """Return whether so many steps gain more time than compiling them anew takes."""
        gained = CALL_SECONDS + GAINED_SHARE * self.step_seconds
        return steps * gained > self.seconds[0]


def divisor(steps: int, most: int) -> int:
    """Return the largest divisor of the steps of an epoch that is at most `most`."""
    return next(n for n in range(max(1, min(most, steps)), 0, -1) if steps % n == 0)


def steps_at_once(steps: int, step_seconds: float) -> int:
    """Return how many of an epoch's steps to take at once.

    Args:
        steps: In an epoch; the answer divides them.
        step_seconds: That one takes.
    """
    return divisor(steps, min(MOST_STEPS, int(EXECUTION_SECONDS / step_seconds)))


def set_steps_at_once(model: keras.Model, steps: int) -> None:
    """Have `fit` take so many steps at once; what is compiled is compiled anew if need be."""
    if model.steps_per_execution != steps:
        model.steps_per_execution = steps
        model.make_train_function(force=True)
        # The old ones would still take one batch where `fit` counts many, and validate on few.
        model.make_test_function(force=True)
        model.make_predict_function(force=True)


def acts_on_every_step(callbacks: Sequence[keras.callbacks.Callback]) -> bool:
    """Return whether a callback says that it has something to do at each step."""
    return any(getattr(callback, "every_step", False) for callback in callbacks)


class Pace:
    """Decides how many steps of a training are taken at once, and so how much one `fit` does.

    Args:
        model: The compiled model.
        epochs: Of the whole training.
        steps: In an epoch.
        callbacks: What else the training has to do.
        asked: Steps at once, at most. `None` for as many as pay, by the time of an epoch.
    """

    def __init__(
        self,
        model: keras.Model,
        epochs: int,
        steps: int,
        callbacks: Sequence[keras.callbacks.Callback],
        asked: int | None = None,
    ):
        self.model, self.epochs, self.steps = model, epochs, steps
        self.clock = StepClock()
        if acts_on_every_step(callbacks):
            asked = 1
        elif asked is None and model.steps_per_execution > 1:
            asked = model.steps_per_execution
        self._at_once = None if asked is None else divisor(steps, asked)

    def until(self, epoch: int, step: int) -> int:
        """Return up to which epoch to fit next; a begun one, and one to be timed, stand alone.

        Args:
            epoch: Epochs that are done.
            step: Steps that are done of the one after them.
        """
        if self._at_once is None and self.clock.is_done:
            self._choose((self.epochs - epoch) * self.steps)
        at_once = self._at_once or 1
        set_steps_at_once(self.model, at_once if (self.steps - step) % at_once == 0 else 1)
        stands_alone = step > 0 or self._at_once is None
        return min(epoch + 1, self.epochs) if stands_alone else self.epochs

    def _choose(self, steps: int) -> None:
        seconds = self.clock.step_seconds
        self._at_once = steps_at_once(self.steps, seconds) if self.clock.pays(steps) else 1
        if self._at_once > 1:
            say(f"{self._at_once} steps at once from here on: one takes {1000 * seconds:.1f} ms")
