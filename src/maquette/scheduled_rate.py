"""A learning rate that the compiled training step looks up, so that many steps can be one call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from maquette.model_state import number


@keras.saving.register_keras_serializable("maquette")
class ScheduledRate:
    """The learning rates of a whole training, of which an optimizer takes that of its step.

    A callback that sets the rate before each step does so once for all steps of an execution. This
    stands in the step itself. What it changes are variables of the optimizer, so a state of the
    training holds it. It replaces the optimizer's variable `learning_rate` for good; setting
    `optimizer.learning_rate` then changes the rates of all steps in proportion.

    Example:
        >>> rate = ScheduledRate.of(model.optimizer)
        >>> rate.schedule([0.3, 0.2, 0.1])
        >>> model.make_train_function(force=True)

    Args:
        optimizer: The optimizer, not wrapped in one that scales losses.
    """

    def __init__(self, optimizer: keras.optimizers.Optimizer):
        self._rates = np.array([number(optimizer.learning_rate)], np.float32)
        self._iterations = optimizer.iterations
        self.factor = optimizer.add_variable((), "ones", name="rate_factor")
        self.start = optimizer.add_variable((), "zeros", self._iterations.dtype, name="rate_start")
        optimizer.learning_rate = self

    @classmethod
    def of(cls, optimizer: keras.optimizers.Optimizer) -> ScheduledRate:
        """Return the scheduled rate of an optimizer, which has one from then on."""
        optimizer = getattr(optimizer, "inner_optimizer", optimizer)
        if not hasattr(optimizer, "scheduled_rate"):
            optimizer.scheduled_rate = cls(optimizer)
        return optimizer.scheduled_rate

    def schedule(self, rates: Sequence[float]) -> None:
        """Set the rates of all steps; a training step that is compiled already keeps its own."""
        self._rates = np.array(rates, np.float32)

    def start_at(self, step: int) -> None:
        """Take the optimizer's next step for this one of the rates."""
        self.start.assign(int(number(self._iterations)) - step)

    def __call__(self) -> Any:
        """Return the rate of the optimizer's next step; that of the last one from there on."""
        step = ops.clip(self._iterations - self.start, 0, len(self._rates) - 1)
        return self.factor * ops.take(self._rates, step)

    def assign(self, value: float) -> None:
        """Set the rate of the next step, and the others in proportion."""
        self.factor.assign(self.factor * (value / float(self())))

    def get_config(self) -> dict[str, float]:
        """Return what a saved optimizer holds: the rate of now."""
        return {"rate": float(self())}

    @classmethod
    def from_config(cls, config: dict[str, float]) -> float:
        """Return the rate for an optimizer that is loaded; a callback may schedule it again."""
        return config["rate"]


def rate_variable(optimizer: keras.optimizers.Optimizer) -> keras.Variable:
    """Return what scales an optimizer's steps: its learning rate, or the factor of a schedule.

    Raises:
        TypeError: the rate is an object that nothing can change.
    """
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    if hasattr(inner, "scheduled_rate"):
        return inner.scheduled_rate.factor
    rate = optimizer.learning_rate
    if not isinstance(rate, keras.Variable):
        raise TypeError(
            f"the optimizer's learning rate cannot be changed while it trains. Received: {rate}"
        )
    return rate
