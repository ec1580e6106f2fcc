"""The second training: after validation has told how long to train, learn from its examples, too.

A first training holds the validation examples back, to tell its best epoch i* by them. Then they
have done their work, and a second training of as many steps, on train and validation together,
gives the model. Either anew, from the same initial weights:

    w* = train(w_0, train + validation, i* epochs)

or on from the weights that were chosen:

    w* = train(w_i*, train + validation, i* epochs)

An epoch of the second training has as many steps as one of the first, so that all that follows from
the position, as a learning rate, goes the same way; a pass over all examples takes a little more.
The model that comes of it can be judged by test examples alone.

Source: Goodfellow, Bengio and Courville (2016), Deep Learning, section 7.8: algorithm 7.2, and the
strategy of algorithm 7.3, here with the steps counted instead of a loss to be reached.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

import keras
import numpy as np

from maquette.contract import Stage, Template
from maquette.errors import UserError
from maquette.orders import OfLength
from maquette.pipeline import Examples, Readable

if TYPE_CHECKING:
    from maquette.tasks.task import Task

SecondTraining = Literal["retrain", "continue"]
SUFFIX = "_all_data"
FIRST_VALIDATION = "validation (first training)"


@dataclass(frozen=True)
class First:
    """What a first training came to.

    Args:
        rows: One row for each of its epochs.
        weights: Of the model at its best epoch.
    """

    rows: list[dict[str, Any]]
    weights: list[np.ndarray]

    def best_epochs(self, monitor: str, mode: str) -> dict[str, int]:
        """Return the best epoch of each stage, counted from 1, up to the stage with the best.

        Args:
            monitor: Name of the value that tells it.
            mode: Its direction, `"max"` or `"min"`.
        """
        sign = 1 if mode == "max" else -1
        best: dict[str, tuple[float, int]] = {}
        for row in self.rows:
            value = sign * row[monitor]
            if row["stage"] not in best or value > best[row["stage"]][0]:
                best[row["stage"]] = (value, int(row["epoch"]))
        highest = max(value for value, _ in best.values())
        chosen = max(n for n, (value, _) in enumerate(best.values()) if value == highest)
        return {stage: epoch for stage, (_, epoch) in [*best.items()][: chosen + 1]}


def require_possible(kind: str | None, template: Template, task: Task, data: Any) -> None:
    """Make sure that a training can have a second one.

    Raises:
        UserError: its kind is unknown, or nothing is there to tell the best epoch by.
    """
    if kind is None:
        return
    if kind not in get_args(SecondTraining):
        known = " or ".join(get_args(SecondTraining))
        raise UserError(f"second_training must be {known}; received {kind!r}")
    if task.monitor is None:
        raise UserError(
            f"--second-training {kind} takes a best epoch, and nothing tells that of "
            f"{template.name}, which keeps its last one; leave it out"
        )
    if not len(data.splits.get("validation", ())):
        raise UserError(
            f"--second-training {kind} takes validation examples, and {data.source} has none"
        )


@dataclass(frozen=True)
class Second:
    """The second training that follows a first one.

    Args:
        kind: `"retrain"`: all stages anew, each up to its best epoch. `"continue"`: on with the
            stage that had the best of all, laid out for twice the epochs up to that one, of which
            the second half is run: a learning rate that falls over all of them begins this half
            with what it has in the middle.
        first: What the first training came to.
        best_epochs: Of the stages to do again, as `First.best_epochs` returns them.
    """

    kind: SecondTraining
    first: First
    best_epochs: dict[str, int]

    @classmethod
    def after(cls, first: First, kind: SecondTraining, task: Task) -> Second:
        """Return the second training after a first one, by what the task monitors."""
        return cls(kind, first, first.best_epochs(task.monitor, task.mode))

    def __str__(self) -> str:
        lengths = ", ".join(f"{stage} {epochs}" for stage, epochs in self.best_epochs.items())
        return f"{self.kind} on train and validation; best epochs: {lengths}"

    @property
    def begins_at(self) -> int:
        """Epochs that the first of its stages has behind it."""
        return [*self.best_epochs.values()][-1] if self.kind == "continue" else 0

    def stages(self, stages: Iterator[Stage], train: Examples) -> Iterator[Stage]:
        """Yield the stages to fit on all data.

        Args:
            stages: Those of the first training, for the model of the second.
            train: The training examples of the first.
        """
        last = [*self.best_epochs][-1]
        for stage in stages:
            epochs = self.best_epochs.get(stage.name, 0)
            if self.kind == "retrain" and epochs:
                callbacks = [*stage.callbacks, StopAfter(epochs)]
                yield _on_all_data(replace(stage, callbacks=callbacks), train)
            if self.kind == "continue" and stage.name == last:
                yield _on_all_data(replace(stage, epochs=2 * epochs), train)
            if stage.name == last:
                return


def _on_all_data(stage: Stage, train: Examples) -> Stage:
    """Return the stage with epochs as long as those on `train`, whatever it is given."""
    of_stage: Callable[[Examples], Examples] = stage.examples or (lambda every: every)

    def examples(every: Examples) -> Examples:
        steps = of_stage(train).steps(stage.batch_size)
        changed = of_stage(every)
        return replace(changed, order=OfLength(changed.order, steps))

    return replace(stage, name=stage.name + SUFFIX, patience=None, examples=examples)


class StopAfter(keras.callbacks.Callback):
    """End a training after a number of epochs, though it is laid out for more.

    Example:
        >>> model.fit(x, y, epochs=40, callbacks=[CosineSchedule(), StopAfter(27)])

    Args:
        epochs: The number.
    """

    def __init__(self, epochs: int):
        super().__init__()
        self.epochs = epochs

    def on_epoch_end(self, epoch, logs=None):
        if epoch + 1 >= self.epochs:
            self.model.stop_training = True


def joined(parts: Sequence[Examples]) -> Examples:
    """Return examples one after the other, with order and transform of the first of them."""
    inputs = [part.x for part in parts]
    in_memory = all(isinstance(x, np.ndarray) and not isinstance(x, np.memmap) for x in inputs)
    x = np.concatenate(inputs) if in_memory else Joined(inputs)
    return replace(parts[0], x=x, y=np.concatenate([part.y for part in parts]))


class Joined:
    """Inputs one after the other, read from where they are.

    Args:
        parts: Of equal dtype, and of equal shape but for the first axis.
    """

    def __init__(self, parts: Sequence[Readable]):
        self._parts = parts
        self._starts = np.cumsum([0, *(part.shape[0] for part in parts)])
        self.shape = (int(self._starts[-1]), *parts[0].shape[1:])
        self.dtype = parts[0].dtype

    def __getitem__(self, indices: np.ndarray) -> np.ndarray:
        result = np.empty((len(indices), *self.shape[1:]), self.dtype)
        owners = np.searchsorted(self._starts, indices, side="right") - 1
        for number in np.unique(owners):
            own = owners == number
            result[own] = self._parts[number][indices[own] - self._starts[number]]
        return result
