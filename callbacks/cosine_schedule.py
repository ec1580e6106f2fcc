"""Learning rate that rises linearly, then falls to zero along half a cosine."""

from __future__ import annotations

import math

import keras

from maquette.model_state import build_optimizer, number, sync
from maquette.scheduled_rate import ScheduledRate


class CosineSchedule(keras.callbacks.Callback):
    """Give every step its own learning rate.

    After a linear warm-up, step t of T has the rate peak * (1 + cos(pi t / T)) / 2 (Loshchilov
    and Hutter 2017, equation 5, without restarts). It is a function of the position alone, so a
    resumed training goes on with the right rate. The training step looks it up, so it is the same
    for any number of steps per execution.

    Example:
        >>> model.fit(x, y, epochs=10, callbacks=[CosineSchedule(warmup_epochs=1)])

    Args:
        warmup_epochs: Epochs in which the rate rises from near zero; may be a fraction.
            Defaults to 0.
    """

    def __init__(self, warmup_epochs: float = 0.0):
        super().__init__()
        self.warmup_epochs = warmup_epochs

    def on_train_begin(self, logs=None):
        # A state to go on from knows variables by their order: the schedule's are always the last.
        build_optimizer(self.model)
        self._peak = number(self.model.optimizer.learning_rate)
        steps = self.params["steps"]
        shares = (self.share(step / steps) for step in range(self.params["epochs"] * steps))
        self._rate.schedule([self._peak * share for share in shares])
        self.model.make_train_function(force=True)

    def on_epoch_begin(self, epoch, logs=None):
        sync(self.model)
        self._rate.start_at(epoch * self.params["steps"])

    def on_train_end(self, logs=None):
        # Another fit would take what is left of the rate for its peak.
        self._rate.schedule([self._peak])
        self.model.make_train_function(force=True)

    @property
    def _rate(self) -> ScheduledRate:
        return ScheduledRate.of(self.model.optimizer)

    def share(self, position: float) -> float:
        """Return the share of the peak rate at a position, counted in epochs."""
        if position < self.warmup_epochs:
            # The middle of the step, so that the first one does not stand still.
            return (position + 0.5 / self.params["steps"]) / self.warmup_epochs
        falling = max(self.params["epochs"] - self.warmup_epochs, 1e-9)
        return 0.5 * (1 + math.cos(math.pi * min((position - self.warmup_epochs) / falling, 1)))
