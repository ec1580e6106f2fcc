"""Time budget: end a training in good order when its time is up."""

from __future__ import annotations

import time

import keras

from maquette.progress import say


class TimeBudget(keras.callbacks.Callback):
    """Stop after a number of minutes, so that what follows the training still takes place.

    A job that a cluster ends loses what it did since it last saved. This ends `fit` itself: the
    last epoch is validated, and every callback finishes as at any other end. The clock runs from
    the first `fit` on, through all fits that the callback is given to.

    Use it where the time is what is given, and set the epochs so high that they are not reached;
    a schedule that counts on all its epochs, as a cosine does, is cut off before its end.

    Example:
        >>> budget = TimeBudget(minutes=30)
        >>> model.fit(x, y, epochs=1000, callbacks=[budget])
        >>> budget.ran_out
        True

    Args:
        minutes: From the beginning of the training; may be a fraction.
    """

    resumes = False  # who goes on with a training gives it time anew

    def __init__(self, minutes: float):
        super().__init__()
        self.minutes = minutes
        self.ran_out = False
        self._end: float | None = None

    def on_train_begin(self, logs=None):
        if self._end is None:
            self._end = time.monotonic() + 60 * self.minutes

    def on_train_batch_end(self, batch, logs=None):
        if time.monotonic() >= self._end:
            self.ran_out = True
            self.model.stop_training = True
            say(f"the {self.minutes:g} minutes are over; the training ends here")
