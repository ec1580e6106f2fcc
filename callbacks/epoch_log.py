"""One row of figures per epoch: what `history.csv` of a run holds."""

from __future__ import annotations

import time
from typing import Any

import keras
import numpy as np

from maquette.errors import GateError


class EpochLog(keras.callbacks.Callback):
    """Collect one row per epoch, and end a training whose values are no numbers.

    Example:
        >>> log = EpochLog("train")
        >>> model.fit(x, y, epochs=2, callbacks=[log])
        >>> log.rows[0]
        {'stage': 'train', 'epoch': 1, 'seconds': 0.8, 'loss': 0.41}

    Args:
        stage: What is being trained, in each row.

    Raises:
        GateError: a value of an epoch is infinite or no number.
    """

    transient = ("_began",)

    def __init__(self, stage: str):
        super().__init__()
        self.stage = stage
        self.rows: list[dict[str, Any]] = []

    def on_train_begin(self, logs=None):
        self._began = time.perf_counter()

    def on_epoch_begin(self, epoch, logs=None):
        self._began = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        seconds = round(time.perf_counter() - self._began, 3)
        values = {name: float(value) for name, value in (logs or {}).items()}
        self.rows.append({"stage": self.stage, "epoch": epoch + 1, "seconds": seconds, **values})
        diverged = [f"{name} became {v}" for name, v in values.items() if not np.isfinite(v)]
        if diverged:
            raise GateError(
                f"training diverged in epoch {epoch + 1} of {self.stage}: {diverged[0]}; "
                "a smaller learning rate would help"
            )
