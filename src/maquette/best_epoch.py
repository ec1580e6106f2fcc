"""The best epoch of a stage: what tells it, and its weights."""

from __future__ import annotations

from typing import Any

import keras

from maquette.contract import Stage
from maquette.errors import UserError
from maquette.model_state import sync
from maquette.tasks.task import Task


def best_epoch(stage: Stage, task: Task) -> list[keras.callbacks.EarlyStopping]:
    """Return what brings the best epoch's weights back."""
    return [
        keras.callbacks.EarlyStopping(
            monitor=task.monitor,
            mode=task.mode,
            patience=stage.patience or stage.epochs,
            restore_best_weights=True,
        )
    ]


def keep_best(model: keras.Model, best: list[keras.callbacks.EarlyStopping]) -> None:
    """Do what `fit` would have done at its end."""
    sync(model)
    model.optimizer.finalize_variable_values(model.trainable_weights)
    for callback in best:
        if callback.best_weights is not None:
            model.set_weights(callback.best_weights)


def best_value(rows: list[dict[str, Any]], task: Task) -> float:
    """Return the best monitored value, larger being better."""
    if task.monitor not in rows[0]:
        known = ", ".join(rows[0])
        raise UserError(f"the model reports no {task.monitor!r} to choose by; it reports {known}")
    sign = 1 if task.mode == "max" else -1
    return max(sign * row[task.monitor] for row in rows)
