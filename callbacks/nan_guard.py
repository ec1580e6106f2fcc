"""Not-a-number guard: go back to the last good state and take smaller steps when training diverges.

A step that is too large throws the weights to where the loss is infinite or not a number, and from
there no gradient leads back. The guard keeps the state from the beginning of the epoch, weights
and optimizer, in memory. When the loss of a step, or a weight, is no number, it goes back to that
state and multiplies the learning rate by a factor from then on:

    rate of a step = factor^(times it went back) * rate that the schedule asks for

Use it for a training that runs unwatched at a rate near the largest that works, or in float16.
How to read it: going back once or twice is what it is for. If it comes to that in each epoch, the
rate was far too large, or the data have bad values in them, which no rate helps against.

    maquette train vae --learning-rate 0.1 --callbacks nan_guard
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras
import numpy as np

from maquette.errors import GateError
from maquette.model_state import build_optimizer, number, set_values, sync, values_of
from maquette.progress import say
from maquette.scheduled_rate import rate_variable

if TYPE_CHECKING:
    from maquette.callback_gallery import TrainingContext

EXPLODED = 100.0  # times the loss of the first step


class NanGuard(keras.callbacks.Callback):
    """Undo an epoch in which the loss or a weight became no number, and go on with smaller steps.

    The learning rate is changed for the length of a step alone. So a schedule, or a callback that
    reduces the rate on a plateau, works as without the guard, as long as it stands before it. A
    cosine goes back, too, and is where it would have been again from the next epoch on.
    The loss of each step is looked at as Keras reports it; the weights after each epoch, before
    they are validated. Only the training loss counts. After an epoch whose loss was a hundred
    times that of the first step, no state is kept: divergence may take several epochs.

    Example:
        >>> model.fit(x, y, epochs=10, callbacks=[NanGuard()])

    Args:
        factor: What the learning rate is multiplied by each time, 0 to 1. Defaults to 0.5.
        times: How often it goes back, at most. Defaults to 5.
        strict: When the times are used up, raise an error instead of ending the training with
            the last good weights. Defaults to false.

    Raises:
        GateError: the training diverged more than so many times, and `strict` is set.
        TypeError: the optimizer's learning rate is an object that nothing can change.
    """

    every_step = True

    def __init__(self, factor: float = 0.5, times: int = 5, strict: bool = False):
        super().__init__()
        self.factor = factor
        self.times = times
        self.strict = strict
        self.went_back = 0
        self._rate: float | None = None
        self._good: list[np.ndarray] = []
        self._good_logs: dict[str, float] = {}
        self._first_loss: float | None = None
        self._has_exploded = False
        self._has_figures = True

    def on_train_begin(self, logs=None):
        # An optimizer whose rate is a schedule of its own says so at once, not after hours.
        rate_variable(self.model.optimizer)
        build_optimizer(self.model)

    def on_epoch_begin(self, epoch, logs=None):
        if not self._has_exploded:
            self._good = values_of(self._variables())

    def on_train_batch_begin(self, batch, logs=None):
        if self.went_back:
            sync(self.model)
            rate = rate_variable(self.model.optimizer)
            self._rate = number(rate)
            rate.assign(self._rate * self.factor**self.went_back)

    def on_train_batch_end(self, batch, logs=None):
        if self._rate is not None:
            sync(self.model)
            rate_variable(self.model.optimizer).assign(self._rate)
            self._rate = None
        loss = (logs or {}).get("loss", 0.0)
        if not np.isfinite(loss):
            self._go_back(f"the loss became {loss}")
            return
        self._good_logs, self._has_figures = dict(logs or {}), True
        if self._first_loss is None:
            self._first_loss = abs(loss)

    def on_test_begin(self, logs=None):
        self._check_weights()

    def on_epoch_end(self, epoch, logs=None):
        self._check_weights()
        if logs is not None and not self._has_figures:
            logs.update(self._good_logs)  # Keras would report the mean of no step, which is 0.
        loss = (logs or {}).get("loss", 0.0)
        self._has_exploded = loss > EXPLODED * (self._first_loss or np.inf)

    def _check_weights(self) -> None:
        bad = [v.path for v in self.model.weights if not np.isfinite(np.asarray(v)).all()]
        if bad:
            self._go_back(f"{bad[0]} has values that are no numbers")

    def _go_back(self, reason: str) -> None:
        sync(self.model)
        set_values(self._variables(), self._good)
        self.model.reset_metrics()
        self._has_figures = False
        if self.went_back == self.times:
            self._give_up(reason)
            return
        self.went_back += 1
        say(
            f"warning: {reason}; back to where the epoch began, with learning rates "
            f"{self.factor**self.went_back:g} times as large"
        )

    def _give_up(self, reason: str) -> None:
        message = (
            f"training diverged: {reason} again after going back {self.times} times; use a "
            "smaller learning rate, or look for bad values in the data"
        )
        if self.strict:
            raise GateError(message)
        self.model.stop_training = True
        say(f"{message}; it ends here, with the last good weights")

    def _variables(self) -> list[keras.Variable]:
        """Return weights and optimizer; drawn numbers are not to come again, so no seeds."""
        return [*self.model.weights, *self.model.optimizer.variables]


def for_training(context: TrainingContext) -> NanGuard:
    """Return a guard that halves the rate up to five times, then fails the training."""
    return NanGuard(strict=True)
