"""One search, from what was asked for to its results."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras_tuner as kt

from maquette.addresses import Address
from maquette.errors import GateError, UserError
from maquette.exporting.formats import require_tensorflow
from maquette.files import TEMPORARY, remove_leftovers
from maquette.gallery import load_template
from maquette.progress import say, waiting
from maquette.run import new_run_path
from maquette.tuning.board import Board
from maquette.tuning.confirmation import confirm_best
from maquette.tuning.grid import GridOracle
from maquette.tuning.hyperband import fitting_factor
from maquette.tuning.journal import JOURNAL, Journal, TrialRecord
from maquette.tuning.limits import Limits
from maquette.tuning.oracles import ORACLES
from maquette.tuning.results import write_results
from maquette.tuning.search import Search, SearchRecord, fingerprint_of
from maquette.tuning.space import SearchSpace
from maquette.tuning.trainer import Objective, OpenedData, Trainer
from maquette.tuning.tuner import TemplateTuner
from maquette.tuning.workers import as_chief, as_worker, giving_up_the_silent


class Work:
    """One search, from its record to its results."""

    def __init__(self, record: SearchRecord, folder: Path):
        self.record, self.folder = record, folder
        template = load_template(record.template)
        held = {"epochs"} if record.algorithm == "hyperband" else set()
        fixed = record.fixed.keys() | held
        self.space = SearchSpace(template.search_space, fixed, record.only)
        task = template.task_named(record.task)
        self.objective = Objective.of(template, task)
        self.data = OpenedData(task, record.source, record.strict)
        self.trainer = Trainer(template, task, self.space, record.fixed, self.data, self.objective)

    @classmethod
    def begin(cls, record: SearchRecord, out: str | Path, name: str | None) -> Work:
        """Check everything that can be checked before the first trial, and make the folder."""
        folder = new_run_path(out, record.template, name)
        if name is None:
            folder = _unused(folder.with_name(f"tune-{folder.name}"))
        work = cls(record, folder)
        work.check()
        opened = work.data(work.trainer.default)
        for note in opened.notes:
            say(f"note: {note}")
        space = fingerprint_of(work.space.hyperparameters)
        work.record = replace(work.record, fingerprint=opened.fingerprint, space=space)
        folder.mkdir(parents=True)
        work.record.write(folder)
        return work

    def check(self) -> None:
        """Raise a `UserError` where there is nothing to search, or not enough of it."""
        template = self.record.template
        names = [hp.name for hp in self.space.hyperparameters.space]
        require(
            bool(names), f"nothing is left to tune: the given options fix all that {template} tunes"
        )
        if self.record.cheapest is not None:
            require_tensorflow()
        if self.record.algorithm == "hyperband":
            epochs = getattr(self.trainer.default, "epochs", None)
            require(
                epochs is not None,
                f"hyperband divides epochs among trials, and {template} has no option epochs; "
                "choose another algorithm",
            )
            factor = fitting_factor(epochs, self.record.trials)
            self.record = replace(self.record, factor=factor)

    def go_on(self, trials: int | None) -> None:
        """Prepare a search that was begun earlier, perhaps with another number of trials."""
        begun = Journal(self.folder / JOURNAL).started()
        wanted = trials or self.record.trials
        require(
            wanted >= begun, f"{self.folder} has begun {begun} trials already; received {wanted}"
        )
        self._require_the_same()
        remove_leftovers(self.folder)
        self.record = replace(self.record, trials=wanted)
        self.record.write(self.folder)

    def _require_the_same(self) -> None:
        same = self.record.space == fingerprint_of(self.space.hyperparameters)
        require(
            same, f"what {self.record.template} tunes has changed since {self.folder} was begun"
        )
        opened = self.data(self.trainer.default)
        require(
            opened.fingerprint == self.record.fingerprint,
            f"{opened.source} has changed since {self.folder} was begun; its scores would not "
            "compare: begin another search",
        )

    def run(self, limits: Limits, confirm: int | None, chief: Address | None) -> Search:
        """Run the trials that are missing and write the results."""
        self._search(limits, chief)
        search = Search(self.folder)
        trials = search.trials
        if not trials and limits.interrupted:
            raise KeyboardInterrupt
        if not trials:
            raise GateError(f"no trial was finished: {limits.reached(trials)}")
        write_results(search, self.space.hyperparameters.space, self._options_of)
        if search.best is None:
            first = f"trial {trials[0].number + 1}: {trials[0].error}"
            raise GateError(f"all {len(trials)} trials failed, the first: {first}")
        if confirm is not None and not limits.interrupted:
            with contextlib.suppress(KeyboardInterrupt):
                confirm_best(search, self.trainer, confirm)
        return search

    def help(self, chief: Address) -> Search:
        """Train trials that a chief hands out, until it has none left."""
        self._require_the_same()
        interruptible = contextlib.suppress(KeyboardInterrupt)
        with interruptible, as_worker(chief), self._tuner(Limits()) as tuner, tuner.board.shown([]):
            tuner.search()
        return Search(self.folder)

    def _search(self, limits: Limits, chief: Address | None) -> None:
        with as_chief(chief), self._tuner(limits) as tuner:
            oracle = tuner.oracle
            with waiting("going back to where the search ended"):
                oracle.replay()
            try:
                with tuner.board.shown(oracle.journal.trials()), self._kept(tuner, limits, chief):
                    tuner.search()
            except KeyboardInterrupt:
                limits.interrupted = limits.seconds_left() != 0
                oracle.journal.add("pause")
        remove_leftovers(self.folder)
        self._say_why(limits, oracle.journal.trials())

    def _kept(
        self, tuner: TemplateTuner, limits: Limits, chief: Address | None
    ) -> contextlib.AbstractContextManager:
        """Return what looks after a search: the clock, or in a chief its workers."""
        if chief is None:
            return limits.kept()
        say(f"each worker is: maquette tune --resume {self.folder} --worker {chief}")
        oracle = tuner.oracle
        return giving_up_the_silent(oracle, lambda: tuner.board.look(oracle.journal))

    @contextlib.contextmanager
    def _tuner(self, limits: Limits) -> Iterator[TemplateTuner]:
        record = self.record
        oracle = self._oracle(limits)
        most = oracle.size() if isinstance(oracle, GridOracle) else record.trials
        trials = min(record.trials, most)
        board = Board(record.objective, record.direction, trials, limits)
        with tempfile.TemporaryDirectory(prefix=TEMPORARY, dir=self.folder) as scratch:
            yield TemplateTuner(
                oracle,
                self.trainer,
                record.seed,
                self.folder,
                Path(scratch),
                board,
                measures_cost=record.cheapest is not None,
            )

    def _say_why(self, limits: Limits, trials: list[TrialRecord]) -> None:
        if len(trials) >= self.record.trials:
            return
        over = limits.reached(trials)
        go_on = f"{over}; go on with: maquette tune --resume {self.folder}"
        why = go_on if over else "every setting of the search space has been tried"
        say(f"ended after {len(trials)} of {self.record.trials} trials: {why}")

    def _oracle(self, limits: Limits) -> kt.Oracle:
        record = self.record
        resource = {}
        if record.factor is not None:
            resource = {"max_epochs": self.trainer.default.epochs, "factor": record.factor}
        oracle = ORACLES[record.algorithm](
            objective=kt.Objective(record.objective, record.direction),
            hyperparameters=self.space.hyperparameters.copy(),
            tune_new_entries=False,
            seed=_oracle_seed(record.seed),
            max_trials=record.trials,
            folder=self.folder,
            limits=limits,
            **resource,
        )
        if isinstance(oracle, GridOracle) and oracle.size() > record.trials:
            part = f"{record.trials} trials are a random part of them"
            say(f"note: the grid has {oracle.size()} settings; {part}")
        return oracle

    def _options_of(self, trial: TrialRecord) -> dict[str, Any]:
        """Return all options of a trial, as plain values; none where they are out of range."""
        try:
            return self.trainer.config(trial.values).model_dump(mode="json")
        except UserError:
            return {}


def _oracle_seed(seed: int) -> int:
    # KerasTuner takes 0 for none, and draws the same numbers, shifted, with neighbouring seeds.
    return 1 + 1000 * seed % 2**31


def _unused(folder: Path) -> Path:
    numbered = (folder.with_name(f"{folder.name}-{number}") for number in range(2, 100))
    return next(path for path in (folder, *numbered) if not path.exists())


def require(condition: bool, message: str) -> None:
    """Raise a `UserError` where a condition does not hold."""
    if not condition:
        raise UserError(message)
