"""How far the stages of a training have come: what a saved state of it holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from maquette.resumable import FitState
from maquette.second_training import First


@dataclass(frozen=True)
class Progress:
    """How far the stages of a training have come.

    Args:
        stage: Finished stages.
        rows: One row for each of their epochs.
        best: The best monitored value so far, larger being better, with the model's weights then.
        model: Values of the model's variables, where no stage is under way.
        fit: State of the stage under way.
        sha256: Of all variables after the last step of the last finished stage, the optimizer's
            and the metrics' included.
        first: What the first training came to, where this is the second.
    """

    stage: int = 0
    rows: list[dict[str, Any]] = field(default_factory=list)
    best: tuple[float, list[np.ndarray]] | None = None
    model: list[np.ndarray] = field(default_factory=list)
    fit: FitState = field(default_factory=FitState)
    sha256: str = ""
    first: First | None = None

    @classmethod
    def of(cls, state: dict[str, Any] | None) -> Progress:
        """Return the progress that a saved state tells, or that of a fresh training."""
        if not state:
            return cls()
        first = state.get("first") and First(**state["first"])
        return cls(**{**state, "fit": FitState(**state["fit"]), "first": first})

    @property
    def state(self) -> dict[str, Any]:
        """The progress in plain values, as `of` takes it."""
        first = self.first and vars(self.first)
        return {**vars(self), "fit": vars(self.fit), "first": first}
