"""The tuner: runs the trials that an oracle proposes, and keeps the best one's run."""

from __future__ import annotations

import shutil
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

from keras_tuner.engine.base_tuner import BaseTuner
from keras_tuner.engine.trial import Trial, TrialStatus
from keras_tuner.errors import FailedTrialError
from keras_tuner.src import config as of_keras_tuner

from maquette.errors import GateError, UserError
from maquette.tuning.board import Board, without_details
from maquette.tuning.cost import Cost, cost_of
from maquette.tuning.journal import JOURNAL, Journal, settings_of
from maquette.tuning.oracles import JournaledOracle
from maquette.tuning.outcomes import RUN, put_outcome, replace_folder
from maquette.tuning.trainer import Outcome, Trainer
from maquette.tuning.workers import pulse

LONGEST_ERROR = 200
IDLE_SECONDS = 0.5


class TemplateTuner(BaseTuner):
    """Trains what the oracle proposes.

    A trial that fails in any way is counted as failed, and the search goes on. Of all trials, only
    the best one's run stays on disk.

    Args:
        oracle: Proposes settings.
        trainer: Trains them.
        seed: Of all trainings, so that settings alone make a difference.
        folder: Of the search.
        scratch: For files that nobody needs later.
        board: Shows how far the search is.
        measures_cost: Whether each trial is also exported to int8 and measured.
    """

    def __init__(
        self,
        oracle: JournaledOracle,
        trainer: Trainer,
        seed: int,
        folder: Path,
        scratch: Path,
        board: Board,
        measures_cost: bool = False,
    ):
        super().__init__(oracle, directory=str(scratch), project_name="oracle")
        self.trainer, self.seed = trainer, seed
        self.folder, self.scratch, self.board = folder, scratch, board
        self.measures_cost = measures_cost
        self._has_chief, self._is_busy = self.oracle is not oracle, True

    def pre_create_trial(self) -> None:
        """Wait a little where the oracle has just had no trial to give."""
        if not self._is_busy:
            time.sleep(IDLE_SECONDS)
        self._is_busy = False

    def on_trial_begin(self, trial: Trial) -> None:
        """Show what is tried."""
        self._is_busy = True
        self.board.begin(int(trial.trial_id), settings_of(trial.hyperparameters.values))

    def _try_run_and_update_trial(self, *arguments: Any, **settings: Any) -> None:
        # KerasTuner prints the whole traceback of a failure, which the board tells in one line.
        shown, of_keras_tuner.DEBUG = of_keras_tuner.DEBUG, False
        try:
            super()._try_run_and_update_trial(*arguments, **settings)
        finally:
            of_keras_tuner.DEBUG = shown

    def run_trial(self, trial: Trial, *arguments: Any, **settings: Any) -> dict[str, float]:
        """Train a setting and return its score."""
        began, details = time.perf_counter(), {}
        try:
            config = self.trainer.config(trial.hyperparameters.values)
            with without_details(), self._alive(trial.trial_id):
                outcome = self.trainer.train(config, self.scratch, trial.trial_id, self.seed)
                is_best = self._is_best(outcome.score)
                if is_best or self.measures_cost:
                    self.trainer.save(outcome)
                cost = asdict(self._cost(outcome)) if self.measures_cost else None
            if is_best:
                replace_folder(outcome.run.path, self.folder / f"{RUN}{trial.trial_id}")
            details = {"epoch": outcome.epoch, **({} if cost is None else {"cost": cost})}
        except Exception as error:
            details = {"error": one_line(error)}
            raise FailedTrialError(details["error"]) from error
        finally:
            shutil.rmtree(self.scratch / self.trainer.template.name, ignore_errors=True)
            seconds = round(time.perf_counter() - began, 1)
            put_outcome(self.folder, trial.trial_id, seconds=seconds, **details)
        return {self.oracle.objective.name: outcome.score}

    def on_trial_end(self, trial: Trial) -> None:
        """Record and show how it went."""
        super().on_trial_end(trial)
        self.board.end(Journal(self.folder / JOURNAL).trials(), int(trial.trial_id))

    def _cost(self, outcome: Outcome) -> Cost:
        objective = self.trainer.objective
        try:
            return cost_of(outcome, objective, self.trainer.data(outcome.run.config))
        except GateError as error:
            score = f"{objective.name} {outcome.score:.4f}"
            raise GateError(f"{score}, but its int8 file does not do: {error}") from None

    def _alive(self, trial_id: str) -> AbstractContextManager:
        return pulse(self.oracle, trial_id) if self._has_chief else nullcontext()

    def _is_best(self, score: float) -> bool:
        best = self.oracle.get_best_trials()[0]
        if best.status != TrialStatus.COMPLETED:
            return True
        return self.oracle.objective.better_than(score, best.score)


def one_line(error: BaseException) -> str:
    """Return what went wrong, short enough for a line of a table."""
    words = " ".join((str(error).strip() or "no further message").splitlines()[0].split())
    known = isinstance(error, UserError | GateError)
    text = words if known else f"{type(error).__name__}: {words}"
    return text if len(text) <= LONGEST_ERROR else text[: LONGEST_ERROR - 3] + "..."
