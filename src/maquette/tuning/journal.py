"""The journal of a search: what happened to its trials, written whole after each event.

An oracle that is given the same events in the same order is in the same state again, so the
journal is all that a search needs to go on after its process has ended.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from maquette.errors import UserError
from maquette.files import write_text
from maquette.tuning.cost import Cost

JOURNAL = "journal.jsonl"
DONE, FAILED = "done", "failed"
EPOCHS = "tuner/epochs"  # What Hyperband calls them.


@dataclass(frozen=True)
class TrialRecord:
    """A finished trial.

    Args:
        number: Position in the search, from 0.
        values: Values of the hyperparameters.
        status: `"done"` or `"failed"`.
        score: Best validation value; `None` of a failed trial.
        epoch: Epoch of that value, counted over all stages.
        seconds: That it took.
        error: One line; empty where it is done.
        cost: Of its int8 file, where the search asks for it.
    """

    number: int
    values: dict[str, Any]
    status: str
    score: float | None = None
    epoch: int | None = None
    seconds: float = 0.0
    error: str = ""
    cost: Cost | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """The values, that of Hyperband under the name of the option it decides."""
        return settings_of(self.values)


def settings_of(values: dict[str, Any]) -> dict[str, Any]:
    """Return values of hyperparameters without what only concerns KerasTuner."""
    shown = {name: value for name, value in values.items() if not name.startswith("tuner/")}
    return {**shown, "epochs": values[EPOCHS]} if EPOCHS in values else shown


@dataclass
class Journal:
    """Events of a search, in their order.

    Args:
        path: A file with one JSON object a line. It need not exist yet.

    Raises:
        UserError: the file is damaged.
    """

    path: Path
    events: list[dict[str, Any]] = field(init=False)

    def __post_init__(self):
        try:
            lines = self.path.read_text(encoding="utf-8").splitlines()
            self.events = [json.loads(line) for line in lines]
        except FileNotFoundError:
            self.events = []
        except ValueError:
            raise UserError(f"{self.path} is damaged: it is no journal of a search") from None

    def add(self, event: str, **details: Any) -> None:
        """Write one more event: `"start"`, `"end"` or `"pause"`."""
        self.events.append({"event": event, **details})
        write_text(self.path, "".join(json.dumps(event) + "\n" for event in self.events))

    def trials(self) -> list[TrialRecord]:
        """Return the finished trials, in the order in which they ended."""
        values = {e["trial"]: e["values"] for e in self.events if e["event"] == "start"}
        return [
            TrialRecord(e["trial"], values[e["trial"]], **_outcome(e["outcome"]))
            for e in self.events
            if e["event"] == "end"
        ]

    def started(self) -> int:
        """Return the number of trials that were begun."""
        return len({e["trial"] for e in self.events if e["event"] == "start"})

    def losses(self, trial: int) -> int:
        """Return how often the process ended during a trial, without leave to do so."""
        count = 0
        for event in self.events:
            if event["event"] == "pause":
                count = 0
            elif event.get("trial") == trial:
                count = count + 1 if event["event"] == "start" else 0
        return count


def _outcome(written: dict[str, Any]) -> dict[str, Any]:
    cost = written.get("cost")
    return {**written, "cost": None if cost is None else Cost.read(cost)}


def best_of(trials: list[TrialRecord], direction: str) -> TrialRecord | None:
    """Return the best finished trial, the first of equals; `None` where all have failed."""
    sign = 1 if direction == "max" else -1
    done = [trial for trial in trials if trial.status == DONE]
    return max(done, key=lambda trial: sign * trial.score, default=None)
