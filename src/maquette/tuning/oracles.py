"""Oracles: what proposes the settings of the next trial, each with a journal to go on from."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from typing import Any

import keras_tuner as kt
import numpy as np
from keras_tuner.engine.trial import Trial, TrialStatus

from maquette.tuning.grid import GridOracle
from maquette.tuning.journal import DONE, FAILED, JOURNAL, Journal, best_of
from maquette.tuning.limits import Limits
from maquette.tuning.outcomes import BEST, RUN, put_outcome, replace_folder, take_outcome
from maquette.tuning.zoom import ZoomOracle

LOSSES = 2
LOST = f"the process ended during this trial {LOSSES} times, perhaps for want of memory"


class JournaledOracle(kt.Oracle):
    """What every oracle of a search adds to KerasTuner's: a journal, limits, and lost trials.

    KerasTuner's own files are not written whole, and not all of its oracles can be read back from
    them. Here the events of the journal are told to a fresh oracle instead. A trial whose process
    has ended is handed out again.

    Args:
        folder: Of the search.
        limits: Tell when no more trials should begin.
        **settings: Of the oracle.
    """

    def __init__(self, *, folder: Path, limits: Limits, **settings: Any):
        super().__init__(**settings, max_consecutive_failed_trials=sys.maxsize)
        self.verbose = 0
        self.folder, self.limits = folder, limits
        self.journal = Journal(folder / JOURNAL)
        self._heard: dict[str, float] = {}  # When a worker, or its trial, last told of itself.
        self._given_up: list[Trial] = []
        self._replayed: dict[str, Any] | None = None

    def replay(self) -> None:
        """Bring the oracle to where the journal ends; trials that had not ended will run again."""
        ids: dict[int, str] = {}
        for event in list(self.journal.events):
            if event["event"] == "start" and event["trial"] in ids:
                self._hand_over(ids[event["trial"]], event["worker"])
            elif event["event"] == "start":
                self._replayed = event["values"]
                ids[event["trial"]] = self.create_trial(event["worker"]).trial_id
            elif event["event"] == "end":
                self._end_again(self.trials[ids[event["trial"]]], event["outcome"])
        self._replayed = None
        for worker in list(self.ongoing_trials):
            self.give_up(worker)
        self.tuner_ids.clear()

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Return the values of the next trial, or that none should begin."""
        if self._replayed is None and self.limits.reached(self.journal.trials()):
            return {"status": TrialStatus.STOPPED, "values": None}
        response = super().populate_space(trial_id)
        if self._replayed is not None:
            return {"status": TrialStatus.RUNNING, "values": self._replayed}
        values = response.get("values") or {}
        return {**response, "values": {name: _plain(value) for name, value in values.items()}}

    @kt.synchronized
    def create_trial(self, tuner_id: str) -> Trial:
        """Return a new trial, or one that was given up.

        As long as a trial is under way it may be given up, so no worker is sent home.
        """
        if self._replayed is not None:
            return super().create_trial(tuner_id)
        self._heard[tuner_id] = time.monotonic()
        if self._given_up and not self.limits.reached(self.journal.trials()):
            trial = self._given_up.pop(0)
            self.ongoing_trials[tuner_id] = trial
            self.tuner_ids.add(tuner_id)
        else:
            trial = super().create_trial(tuner_id)
        if trial.status == TrialStatus.RUNNING:
            self._heard[trial.trial_id] = time.monotonic()
            values = trial.hyperparameters.values
            self.journal.add("start", trial=int(trial.trial_id), worker=tuner_id, values=values)
        elif trial.status == TrialStatus.STOPPED and self.ongoing_trials:
            trial.status = TrialStatus.IDLE
            self.tuner_ids.add(tuner_id)
        return trial

    @kt.synchronized
    def end_trial(self, trial: Trial) -> None:
        """Record how a trial went."""
        under_way = {ongoing.trial_id for ongoing in self.ongoing_trials.values()}
        if trial.trial_id not in under_way:
            return  # It was given up, and another worker has ended it.
        super().end_trial(trial)
        if self._replayed is not None:
            return
        ended = self.trials[trial.trial_id]
        done = ended.status == TrialStatus.COMPLETED
        self._keep_or_remove(ended if done else None, trial.trial_id)
        outcome = {"status": DONE if done else FAILED, "score": ended.score if done else None}
        known = take_outcome(self.folder, trial.trial_id)
        self.journal.add("end", trial=int(trial.trial_id), outcome={**outcome, **known})

    @kt.synchronized
    def give_up_silent(self, seconds: float) -> list[str]:
        """Take the trials of all workers that have not told of themselves for so long.

        Returns:
            The names of those that had a trial.
        """
        since = time.monotonic() - seconds
        silent = []
        for worker in [*self.tuner_ids]:
            trial = self.ongoing_trials.get(worker)
            if self._heard.get(worker if trial is None else trial.trial_id, 0.0) < since:
                silent += [worker] if trial is not None else []
                self.give_up(worker)
        return silent

    @kt.synchronized
    def give_up(self, worker: str) -> None:
        """Forget a worker that is gone; another will run its trial."""
        self.tuner_ids.discard(worker)
        trial = self.ongoing_trials.get(worker)
        if trial is None:
            return
        if self.journal.losses(int(trial.trial_id)) >= LOSSES:
            put_outcome(self.folder, trial.trial_id, error=LOST)
            trial.status = TrialStatus.FAILED
            self.end_trial(trial)
        else:
            self._given_up.append(self.ongoing_trials.pop(worker))

    def get_trial(self, trial_id: str) -> Trial:
        """Return a trial; workers ask for theirs to tell that they are alive."""
        self._heard[trial_id] = time.monotonic()
        return super().get_trial(trial_id)

    def _hand_over(self, trial_id: str, worker: str) -> None:
        others = {w: t for w, t in self.ongoing_trials.items() if t.trial_id != trial_id}
        self.ongoing_trials = {**others, worker: self.trials[trial_id]}

    def _end_again(self, trial: Trial, outcome: dict[str, Any]) -> None:
        trial.status = TrialStatus.FAILED
        if outcome["status"] == DONE:
            trial.status = TrialStatus.COMPLETED
            self.update_trial(trial.trial_id, {self.objective.name: outcome["score"]})
        self.end_trial(trial)

    def _keep_or_remove(self, done: Trial | None, trial_id: str) -> None:
        """Put a trial's run in the place of the best one so far, if it is better."""
        run, best = self.folder / f"{RUN}{trial_id}", self.folder / BEST
        if not run.exists():
            return
        former = best_of(self.journal.trials(), self.objective.direction)
        is_best = done is not None and (
            former is None or self.objective.better_than(done.score, former.score)
        )
        if is_best:
            replace_folder(run, best)
        else:
            shutil.rmtree(run, ignore_errors=True)


def _plain(value: Any) -> Any:
    """Return a number of NumPy, as the Gaussian process proposes them, as one of Python."""
    return value.item() if isinstance(value, np.generic) else value


class RandomSearch(JournaledOracle, kt.oracles.RandomSearchOracle):
    """Settings drawn at random."""


class GridSearch(JournaledOracle, GridOracle):
    """Every combination of a few values."""


class BayesianOptimization(JournaledOracle, kt.oracles.BayesianOptimizationOracle):
    """Settings that a Gaussian process expects most of."""


class Hyperband(JournaledOracle, kt.oracles.HyperbandOracle):
    """Many settings for few epochs, the best of them again for more."""

    def __init__(self, *, max_trials: int, **settings: Any):
        super().__init__(**settings, hyperband_iterations=None)
        self.max_trials = max_trials


class Zoom(JournaledOracle, ZoomOracle):
    """Settings drawn ever closer to the best one."""


ORACLES = {
    "random": RandomSearch,
    "grid": GridSearch,
    "bayesian": BayesianOptimization,
    "hyperband": Hyperband,
    "zoom": Zoom,
}
