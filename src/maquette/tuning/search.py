"""A search: the folder that tuning leaves, `saved_models/<template>/<name>/`.

It holds `search.yaml` (what was asked for), `journal.jsonl` (what happened), `trials.csv`,
`best.yaml` (for `train --config`), `best/` (the run of the best trial), `what_mattered.csv`,
`parallel_coordinates.png` and, where they were asked for, `confirmation.csv`, `cheapest.yaml` and
`pareto.png`.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

import maquette
from maquette.errors import UserError
from maquette.files import write_text
from maquette.tuning.cheapest import Choice, cheapest
from maquette.tuning.journal import JOURNAL, Journal, TrialRecord, best_of
from maquette.tuning.tables import read_table

RECORD, MATTERED = "search.yaml", "what_mattered.csv"


@dataclass(frozen=True)
class SearchRecord:
    """What `search.yaml` holds: all that is needed to go on.

    Args:
        template: Name of the template.
        source: Data source.
        algorithm: Name of the algorithm.
        trials: How many.
        objective: Name of the score.
        direction: `"max"` or `"min"`.
        seed: Of the search and of all its trainings.
        strict: Whether data that cannot be read is refused.
        fixed: Options that are not tuned.
        only: Options that are; empty for all that the template tunes.
        cheapest: `"size"` or `"latency"`, where each trial is exported and measured.
        factor: Of Hyperband; `None` for other algorithms.
        fingerprint: Of the data.
        space: Fingerprint of the search space.
        task: Name of the one of the template's tasks that the data is for.
        maquette: Version.
    """

    template: str
    source: str
    algorithm: str
    trials: int
    objective: str
    direction: str
    seed: int
    strict: bool
    fixed: dict[str, Any]
    only: list[str] = field(default_factory=list)
    cheapest: str | None = None
    factor: int | None = None
    fingerprint: str = ""
    space: str = ""
    task: str | None = None
    maquette: str = maquette.__version__

    def write(self, folder: Path) -> None:
        """Write it into the folder of its search."""
        write_text(folder / RECORD, yaml.safe_dump(asdict(self), sort_keys=False))

    @classmethod
    def read(cls, folder: Path) -> SearchRecord:
        """Read it.

        Raises:
            UserError: the folder is none of a search, or the file is damaged.
        """
        try:
            return cls(**yaml.safe_load((folder / RECORD).read_text(encoding="utf-8")))
        except OSError:
            raise UserError(
                f"{folder} is no search: it has no {RECORD}; `maquette tune` prints its folder"
            ) from None
        except (yaml.YAMLError, TypeError, UnicodeDecodeError):
            raise UserError(f"{folder / RECORD} is damaged: it is no record of a search") from None


class Search:
    """A search's folder, opened for reading.

    Args:
        path: The folder.

    Raises:
        UserError: it is no folder of a search.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.record = SearchRecord.read(self.path)

    @cached_property
    def trials(self) -> list[TrialRecord]:
        """The finished trials, in the order in which they ended."""
        return Journal(self.path / JOURNAL).trials()

    @property
    def best(self) -> TrialRecord | None:
        """The best trial; `None` where all have failed."""
        return best_of(self.trials, self.record.direction)

    @property
    def best_config(self) -> Path:
        """The options of the best trial, for `maquette train TEMPLATE --config`."""
        return self.path / "best.yaml"

    @cached_property
    def cheapest(self) -> Choice | None:
        """The cheapest trial within the noise; `None` where it was not asked for or is unknown."""
        by = self.record.cheapest
        return None if by is None else cheapest(self.trials, by)

    @property
    def cheapest_config(self) -> Path:
        """The options of the cheapest trial, for `maquette train TEMPLATE --config`."""
        return self.path / "cheapest.yaml"

    @property
    def what_mattered(self) -> list[dict[str, Any]]:
        """The share of the score's variance that each setting explains, the largest first."""
        kinds = {"setting": str, "share_of_variance": float, "forest_r2": float}
        return read_table(self.path / MATTERED, kinds)


def fingerprint_of(space: Any) -> str:
    """Return a fingerprint of hyperparameters and their ranges."""
    described = [[type(hp).__name__, hp.get_config()] for hp in space.space]
    return hashlib.sha256(json.dumps(described, sort_keys=True, default=str).encode()).hexdigest()[
        :16
    ]
