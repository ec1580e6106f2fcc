"""Zoom: random search whose window closes around the best setting found so far."""

from __future__ import annotations

import random
from typing import Any

import keras_tuner as kt
from keras_tuner.engine.trial import TrialStatus

from maquette.tuning.space import has_order, position

ATTEMPTS = 50
BELOW_ONE = 1 - 1e-9


class ZoomOracle(kt.Oracle):
    """Coarse-to-fine random search.

    Every hyperparameter is seen as a number u in 0..1, uniform on its own scale: linear,
    logarithmic, or the position in a list. Trial t of T is drawn around the best finished trial
    u*, in a window whose width w falls from 1 to `finest`:

        w(t) = finest ^ max(0, (t - coarse T) / (T - coarse T))
        u(t) ~ uniform(max(0, u* - w/2), min(1, u* + w/2)),

    so that the first share `coarse` of the trials is plain random search. A hyperparameter without
    an order keeps the best value with probability 1 - w and is drawn from all its values
    otherwise. Each hyperparameter is drawn from its whole range with probability `explore`, so that
    a narrow window can be left again.

    Example:
        >>> oracle = ZoomOracle(objective=kt.Objective("val_loss", "min"), max_trials=30, seed=1)

    Args:
        max_trials: Number of trials T, over which the window closes.
        coarse: Share of the trials before the window begins to close.
        finest: Width of the last window.
        explore: Probability of a draw from the whole range.
        **settings: Of `keras_tuner.Oracle`.
    """

    def __init__(
        self,
        *,
        max_trials: int = 10,
        coarse: float = 0.25,
        finest: float = 0.15,
        explore: float = 0.1,
        **settings: Any,
    ):
        super().__init__(max_trials=max_trials, **settings)
        self.coarse, self.finest, self.explore = coarse, finest, explore

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Return the values of the next trial; none where every setting has been tried."""
        number = len(self.trials)
        rng = random.Random(f"{self.seed} {number}")
        tried = {_key(trial.hyperparameters.values) for trial in self.trials.values()}
        best, width = self._best(), self._width(number)
        for _ in range(ATTEMPTS):
            values = self._draw(rng, best, width)
            if _key(values) not in tried:
                return {"status": TrialStatus.RUNNING, "values": values}
            width = min(1.0, width * 1.1)  # What is near the best has been tried.
        return {"status": TrialStatus.STOPPED, "values": None}

    def _width(self, number: int) -> float:
        begin = self.coarse * self.max_trials
        progress = max(0.0, (number - begin) / max(self.max_trials - begin, 1))
        return self.finest ** min(progress, 1.0)

    def _best(self) -> dict[str, Any]:
        sign = 1 if self.objective.direction == "max" else -1
        done = [t for t in self.trials.values() if t.status == TrialStatus.COMPLETED]
        best = max(done, key=lambda trial: sign * trial.score, default=None)
        return best.hyperparameters.values if best else {}

    def _draw(self, rng: random.Random, best: dict[str, Any], width: float) -> dict[str, Any]:
        setting = kt.HyperParameters()
        for hp in self.hyperparameters.space:
            setting.merge([hp])
            if not setting.is_active(hp):
                continue
            anywhere = hp.name not in best or rng.random() < self.explore
            if anywhere or (not has_order(hp) and rng.random() < width):
                drawn = rng.random()
            else:
                center, reach = position(hp, best[hp.name]), width / 2 if has_order(hp) else 0.0
                drawn = rng.uniform(max(center - reach, 0.0), min(center + reach, 1.0))
            setting.values[hp.name] = hp.prob_to_value(min(drawn, BELOW_ONE))
        return setting.values


def _key(values: dict[str, Any]) -> frozenset:
    return frozenset(values.items())
