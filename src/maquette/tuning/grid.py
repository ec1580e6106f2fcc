"""Grid: every combination of a few values of each hyperparameter, in random order."""

from __future__ import annotations

import random
from math import prod
from typing import Any

import keras_tuner as kt
from keras_tuner.engine.hyperparameters import Float, Int
from keras_tuner.engine.trial import TrialStatus


class GridOracle(kt.Oracle):
    """Grid search that needs no state but its trials.

    A hyperparameter with a list or a step takes all its values; one without takes `points`, spread
    evenly over its own scale, both ends included. The order is random: where there are more
    combinations than trials, what is tried is spread over the whole grid, whereas counting
    upwards would leave the first hyperparameters at their first value.

    KerasTuner's own grid cannot go on after its process has ended (keras-tuner#1055).

    Args:
        points: Values of a hyperparameter without a step.
        **settings: Of `keras_tuner.Oracle`.
    """

    def __init__(self, *, points: int = 3, **settings: Any):
        super().__init__(**settings)
        self.points = points

    def size(self) -> int:
        """Return the number of combinations; some are the same where a value is not active."""
        return prod(len(self._values(hp)) for hp in self.hyperparameters.space)

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Return the next combination; none where all have been tried."""
        tried = [trial.hyperparameters.values for trial in self.trials.values()]
        rng = random.Random(self.seed)
        seen: set[int] = set()
        while len(seen) < self.size():
            number = rng.randrange(self.size())
            if number in seen:
                continue
            seen.add(number)
            values = self._combination(number)
            if values not in tried:
                return {"status": TrialStatus.RUNNING, "values": values}
        return {"status": TrialStatus.STOPPED, "values": None}

    def _combination(self, number: int) -> dict[str, Any]:
        setting = kt.HyperParameters()
        for hp in self.hyperparameters.space:
            setting.merge([hp])
            values = self._values(hp)
            number, index = divmod(number, len(values))
            if setting.is_active(hp):
                setting.values[hp.name] = values[index]
        return setting.values

    def _values(self, hp: Any) -> list[Any]:
        if not isinstance(hp, Float | Int) or hp.step is not None:
            return list(hp.values)
        ends = [index / max(self.points - 1, 1) for index in range(self.points)]
        return list(dict.fromkeys(_at(hp, position) for position in ends))


def _at(hp: Any, position: float) -> Any:
    # The exact end: rounding may lie beyond it, outside what an option allows.
    return hp.max_value if position == 1 else hp.prob_to_value(position)
