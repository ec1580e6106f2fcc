"""Everything that changes while `fit` runs, so that a training can go on from it to the bit.

Keras' own BackupAndRestore keeps weights and epoch alone: what callbacks remember, the state of
random generators, metrics within an epoch and the position in the data are lost with the process.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from maquette.errors import UserError
from maquette.model_state import set_values, sync, values_of
from maquette.states import NotPlainError, encoded

COST_SHARE = 0.02  # of the time between two savings at epoch ends; a saving may take no more


class OutOfTimeError(Exception):
    """A callback's time budget ran out within an epoch; the state has been handed over."""


@dataclass(frozen=True)
class FitState:
    """A call of `fit`, stopped between two steps.

    Args:
        epoch: Finished epochs.
        step: Finished steps of the epoch after them.
        variables: Values of the model, the optimizer and the metrics.
        callbacks: Plain attributes of each callback, by name.
    """

    epoch: int = 0
    step: int = 0
    variables: list[np.ndarray] = field(default_factory=list)
    callbacks: list[dict[str, Any]] = field(default_factory=list)


class ResumableCallbacks(keras.callbacks.Callback):
    """Drive callbacks so that a `fit` in several parts is one `fit` to them.

    It counts batches from the start of the epoch, tells the number of all epochs and steps, begins
    and ends the training once, and hands out states. `until` is the epoch at which the part under
    way ends. What a callback remembers in plain attributes (see `maquette.states`) is part of a
    state, but for the names in its `transient`. One with `resumes = False` begins anew, and is told
    again that an epoch begins.

    Args:
        callbacks: The callbacks, in order.
        variables: Returns all variables that a state holds, in an order that never changes.
        epochs: Number of all epochs.
        steps: Number of steps in a whole epoch.
        start: Where to go on from.
        save: Called with a state when one is due.
        seconds: Between two states within an epoch.
    """

    def __init__(
        self,
        callbacks: Sequence[keras.callbacks.Callback],
        variables: Callable[[], list[keras.Variable]],
        epochs: int,
        steps: int,
        start: FitState,
        save: Callable[[FitState], None],
        seconds: float,
    ):
        super().__init__()
        self.all = keras.callbacks.CallbackList(callbacks, epochs=epochs, steps=steps)
        self.variables = variables
        self.epochs, self.steps = epochs, steps
        self.until = epochs
        self.state = start
        self.save = save
        self.seconds = seconds
        self._saved, self._cost = time.monotonic(), 0.0
        self._begun = False

    def set_params(self, params):
        """Keep the callbacks' own: those of one call of `fit` are not those of the whole."""

    def set_model(self, model):
        super().set_model(model)
        self.all.set_model(model)

    def on_train_begin(self, logs=None):
        self._offset = self.state.step
        if not self._begun:
            self.all.on_train_begin(logs)
            for callback, values in zip(self._resuming(), self.state.callbacks, strict=False):
                vars(callback).update(copy_of(values))
        self._begun = True
        self._restore()

    def _restore(self) -> None:
        if self.state.variables:
            assign(self.variables(), self.state.variables)

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch
        if not self._offset:
            self.all.on_epoch_begin(epoch, logs)
            return
        self._restore()  # `fit` has just reset the metrics of the begun epoch.
        for callback in self.all.callbacks:
            if not getattr(callback, "resumes", True):
                callback.on_epoch_begin(epoch, logs)

    def on_train_batch_begin(self, batch, logs=None):
        self.all.on_train_batch_begin(self._offset + batch, logs)

    def on_train_batch_end(self, batch, logs=None):
        self.all.on_train_batch_end(self._offset + batch, logs)
        step = min(self._offset + batch + 1, self.steps)
        if any(getattr(callback, "ran_out", False) for callback in self.all.callbacks):
            self._save(self._epoch, step)
            raise OutOfTimeError
        if step < self.steps and time.monotonic() - self._saved >= self.seconds:
            self._save(self._epoch, step)

    def on_test_begin(self, logs=None):
        self.all.on_test_begin(logs)

    def on_test_end(self, logs=None):
        self.all.on_test_end(logs)

    def on_epoch_end(self, epoch, logs=None):
        self.all.on_epoch_end(epoch, logs)
        ends = self.model.stop_training or epoch + 1 == self.epochs
        after = self.epochs if ends else epoch + 1
        waited = time.monotonic() - self._saved
        if ends or waited >= min(self._cost / COST_SHARE, self.seconds):
            self._save(after, 0)
        elif after == self.until:
            self.state = self._capture(after, 0)

    def on_train_end(self, logs=None):
        if self.state.epoch == self.epochs:
            self.all.on_train_end(logs)

    def _save(self, epoch: int, step: int) -> None:
        began = time.monotonic()
        self.state = self._capture(epoch, step)
        self.save(self.state)
        self._saved = time.monotonic()
        self._cost = self._saved - began

    def _capture(self, epoch: int, step: int) -> FitState:
        sync(self.model)
        return FitState(
            epoch, step, values_of(self.variables()), [remembered(c) for c in self._resuming()]
        )

    def _resuming(self) -> list[keras.callbacks.Callback]:
        return [c for c in self.all.callbacks if getattr(c, "resumes", True)]


def remembered(callback: keras.callbacks.Callback) -> dict[str, Any]:
    """Return the attributes of a callback that are plain values or arrays, copied."""
    values = {}
    for name, value in vars(callback).items():
        if name in ("params", "_model", *getattr(callback, "transient", ())):
            continue
        try:
            encoded(value, [])
        except NotPlainError:
            continue
        values[name] = copy_of(value)
    return values


def copy_of(value: Any) -> Any:
    """Return a copy of a nest of plain values and arrays."""
    if isinstance(value, dict):
        return {key: copy_of(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(copy_of(item) for item in value)
    return value.copy() if isinstance(value, np.ndarray | set) else value


def variables_of(*owners: Any) -> list[keras.Variable]:
    """Return the variables of models and optimizers, each once, with those of their metrics."""
    lists = (v for o in owners for v in (o.variables, getattr(o, "metrics_variables", [])))
    unique = {id(variable): variable for variables in lists for variable in variables}
    return list(unique.values())


def assign(variables: Sequence[keras.Variable], values: Sequence[np.ndarray]) -> None:
    """Set variables to values.

    Raises:
        UserError: there are more or fewer of them, or their shapes differ.
    """
    shapes = [tuple(variable.shape) for variable in variables]
    if shapes != [value.shape for value in values]:
        raise UserError("the state is of another model than config.yaml describes; train again")
    set_values(variables, values)


def sha256_of(values: Sequence[np.ndarray]) -> str:
    """Return the SHA-256 of arrays."""
    digest = hashlib.sha256()
    for value in values:
        digest.update(value.tobytes())
    return digest.hexdigest()
