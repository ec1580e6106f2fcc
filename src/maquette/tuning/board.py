"""How far a search is: a table on a terminal, one line per trial elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from maquette.progress import console, say
from maquette.tuning.cost import Cost
from maquette.tuning.journal import DONE, Journal, TrialRecord, best_of
from maquette.tuning.limits import Limits

SHOWN_TRIALS = 12


class Board:
    """Shows trials as they begin and end, with the time that is left.

    Args:
        objective: Name of the score.
        direction: `"max"` or `"min"`.
        trials: How many there will be.
        limits: Of the search.
    """

    def __init__(self, objective: str, direction: str, trials: int, limits: Limits):
        self.objective, self.direction, self.trials = objective, direction, trials
        self.limits = limits
        self._finished: list[TrialRecord] = []
        self._earlier = 0
        self._current: tuple[int, Mapping[str, Any]] | None = None
        self._began = time.monotonic()
        self._live: Live | None = None

    @contextmanager
    def shown(self, finished: Sequence[TrialRecord]) -> Iterator[None]:
        """Show the board, with trials that had finished before."""
        self._finished, self._earlier = [*finished], len(finished)
        if not console.is_terminal:
            yield
            return
        own = Console(stderr=True, highlight=False)
        with Live(get_renderable=self._table, console=own, refresh_per_second=1) as self._live:
            yield

    def begin(self, number: int, settings: Mapping[str, Any]) -> None:
        """Show that a trial begins."""
        self._current = (number, settings)

    def end(self, finished: Sequence[TrialRecord], number: int) -> None:
        """Show how one of the finished trials went."""
        self._finished, self._current = [*finished], None
        if self._live is not None:
            self._live.refresh()
            return
        trial = next(trial for trial in finished if trial.number == number)
        best = best_of(self._finished, self.direction)
        is_best = best is trial
        outcome = self._outcome(trial) + (" (best)" if is_best else "")
        known = f"; best {best.score:.4f}" if best and not is_best else ""
        times = f"({trial.seconds:.0f} s, {self._left()}{known})"
        say(f"trial {trial.number + 1}/{self.trials}  {outcome}  {told(trial.settings)}  {times}")

    def look(self, journal: Journal) -> None:
        """Show the trials that have ended since, in other processes."""
        trials = journal.trials()
        for count in range(len(self._finished) + 1, len(trials) + 1):
            self.end(trials[:count], trials[count - 1].number)

    def _outcome(self, trial: TrialRecord) -> str:
        if trial.status != DONE:
            return f"failed: {trial.error}"
        score = f"{self.objective} {trial.score:.4f}"
        return f"{score}, int8 {_told_cost(trial.cost)}" if trial.cost else score

    def _left(self) -> str:
        """Return the time that is left, by the mean of the trials so far, in words."""
        done = len(self._finished) - self._earlier
        if not done:
            return "time left unknown"
        seconds = (time.monotonic() - self._began) / done * (self.trials - len(self._finished))
        limit = self.limits.seconds_left()
        seconds = seconds if limit is None else min(seconds, limit)
        return f"{seconds:.0f} s left" if seconds < 120 else f"{seconds / 60:.0f} min left"

    def _table(self) -> Table:
        best = best_of(self._finished, self.direction)
        shown = self._finished[-SHOWN_TRIALS:]
        if best is not None and best not in shown:
            shown = [best, *shown[1:]]
        heading = f"{len(self._finished)} of {self.trials} trials, {self._left()}"
        table = Table(title=heading, title_justify="left", box=None, pad_edge=False)
        costs = ("int8",) if any(trial.cost for trial in shown) else ()
        for column in ("trial", self.objective, *costs, "seconds", "settings"):
            table.add_column(column, overflow="fold")
        for trial in shown:
            score = f"{trial.score:.4f}" if trial.status == DONE else "failed"
            text = told(trial.settings) if trial.status == DONE else trial.error
            cost = (_told_cost(trial.cost) if trial.cost else "",) if costs else ()
            cells = (str(trial.number + 1), score, *cost, f"{trial.seconds:.0f}", text)
            table.add_row(*map(Text, cells), style="bold" if trial is best else None)
        if self._current is not None:
            number, settings = self._current
            cells = (str(number + 1), "...", *("" for _ in costs), "", told(settings))
            table.add_row(*map(Text, cells), style="dim")
        return table


@contextmanager
def without_details() -> Iterator[None]:
    """Hold back what a training tells, such as a line per epoch."""
    before, console.quiet = console.quiet, True
    try:
        yield
    finally:
        console.quiet = before


def _told_cost(cost: Cost) -> str:
    size = f"{cost.megabytes:.3g} MB, {cost.latency_ms:.3g} ms"
    return f"{size}, {cost.metric} {cost.int8.value:.4f}" if cost.int8 else size


def told(settings: Mapping[str, Any]) -> str:
    """Return settings in a line, e.g. `layers 2, learning_rate 0.0031`."""
    return ", ".join(f"{name} {short(value)}" for name, value in settings.items())


def short(value: Any) -> str:
    """Return a value with as many digits as a person reads."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)
