"""Learning rate finder: raise the rate step by step until training diverges, and see what is best.

The rate of step i of n grows exponentially from the lowest to the highest,

    rate_i = lowest * (highest / lowest)^(i / (n - 1))

while the loss of each step is noted: flat at first, since the steps are too small to matter; then
it falls; then the steps are too large and it rises. Losses of single batches are noisy, so they are
smoothed by an exponentially weighted average before anything is read from them.

Paper: Smith (2017), Cyclical learning rates for training neural networks, section 3.3; smoothing
and the test are those that Howard and Gugger's fastai made usual.

Use it once before the first real training of a new model or new data; not for a GAN, whose loss
does not fall when it gets better. How to read it: the rate where the loss is lowest is at the edge
already, because the loss goes on falling for some steps after the rate became too large.

    maquette train cnn --find-learning-rate
"""

from __future__ import annotations

import keras
import numpy as np

from maquette.model_state import build_optimizer, set_values, sync, values_of
from maquette.reporting.curves import smoothed

SPAN = 10  # steps
FALLS = 0.02  # share of the first losses by which they must fall before they tell anything


class LearningRateFinder(keras.callbacks.Callback):
    """Try learning rates in one short `fit`, and leave the model as it was before.

    Weights, optimizer, metrics and random numbers are put back at the end. `fit` stops by itself,
    so give it epochs enough. With several steps per execution, each execution has one rate.

    Example:
        >>> finder = LearningRateFinder()
        >>> model.fit(x, y, epochs=1000, callbacks=[finder])
        >>> model.optimizer.learning_rate = finder.suggestion

    Args:
        lowest: The first rate. Defaults to 1e-6.
        highest: The last rate. Defaults to 10.
        steps: Number of rates. Defaults to 100.
        weight: Of the past in the smoothed loss. Defaults to 0.8.
    """

    def __init__(
        self, lowest: float = 1e-6, highest: float = 10.0, steps: int = 100, weight: float = 0.8
    ):
        super().__init__()
        self.all_rates = np.geomspace(lowest, highest, steps)
        self.weight = weight

    def on_train_begin(self, logs=None):
        build_optimizer(self.model)
        self.losses: list[float] = []
        self._before = values_of(self._variables())

    def on_train_batch_begin(self, batch, logs=None):
        sync(self.model)
        self.model.reset_metrics()  # Keras reports the mean of the epoch so far.
        self.model.optimizer.learning_rate = self.all_rates[len(self.losses)]

    def on_train_batch_end(self, batch, logs=None):
        self.losses.append(float(logs["loss"]))
        if len(self.losses) == len(self.all_rates) or self.has_diverged():
            self.model.stop_training = True

    def on_train_end(self, logs=None):
        set_values(self._variables(), self._before)
        self.model.reset_metrics()

    @property
    def rates(self) -> np.ndarray:
        """The rates that were tried."""
        return self.all_rates[: len(self.losses)]

    @property
    def smoothed_losses(self) -> np.ndarray:
        """The losses, smoothed."""
        return smoothed(self.losses, self.weight)

    @property
    def best_rate(self) -> float:
        """The rate at which the smoothed loss was lowest."""
        return float(self.rates[np.nanargmin(self.smoothed_losses)])

    @property
    def steepest_rate(self) -> float:
        """The middle of the ten steps in which the smoothed loss fell most."""
        losses = self.smoothed_losses
        first = round(1 / (1 - self.weight))  # before, there is too little to average over
        last = max(np.nanargmin(losses), first + SPAN)
        falls = losses[first : last + 1 - SPAN] - losses[first + SPAN : last + 1]
        return float(self.rates[first + np.argmax(falls) + SPAN // 2])

    @property
    def suggestion(self) -> float | None:
        """The rate to train with; `None` if the loss did not fall.

        It is the rate of the steepest fall, or a tenth of the best one where that is less. Either
        alone may mislead: a loss with an upper limit, as that of triplets, is lowest far beyond
        the rates that hold, and one that stands still at first may fall at the very edge only.
        """
        losses = self.smoothed_losses
        if len(losses) <= 1 / (1 - self.weight) + SPAN:
            return None
        start = np.mean(self.losses[:SPAN])
        fell = start - np.nanmin(losses) > FALLS * abs(start)
        return min(self.steepest_rate, self.best_rate / 10) if fell else None

    def has_diverged(self) -> bool:
        """Return whether the loss is no number, or far above where it was lowest."""
        if not np.isfinite(self.losses[-1]):
            return True
        losses = self.smoothed_losses
        return losses[-1] > np.min(losses) + 2 * max(abs(losses[0]), losses[0] - np.min(losses))

    def _variables(self) -> list[keras.Variable]:
        return [*self.model.variables, *self.model.optimizer.variables]
