"""Confirmation: the best options against the default ones, with seeds the search did not use."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from maquette.comparing.significance import compare_means
from maquette.errors import GateError, UserError
from maquette.files import TEMPORARY
from maquette.progress import say
from maquette.tuning.board import without_details
from maquette.tuning.search import Search
from maquette.tuning.tables import read_table, write_table
from maquette.tuning.trainer import Trainer

FILE = "confirmation.csv"
TUNED, DEFAULT = "tuned options", "default options"


def confirm_best(search: Search, trainer: Trainer, seeds: int) -> None:
    """Train both with each seed and write the scores; what is written already is not run again.

    The scores are of the validation data, which the search has chosen by: the seeds take away the
    luck of one training, not that of these data.

    Args:
        search: With a best trial.
        trainer: Of the search.
        seeds: How many.
    """
    configs = {TUNED: trainer.config(search.best.values), DEFAULT: trainer.default}
    best = search.best.number + 1
    rows = [row for row in scores(search) if row["trial"] == best]
    known = {(row["options"], row["seed"]) for row in rows}
    for number in range(seeds):
        seed = search.record.seed + 1 + number
        for options, config in configs.items():
            if (options, seed) in known:
                continue
            try:
                score = _score(trainer, config, seed, search.path)
            except (UserError, GateError) as error:
                say(f"confirming: {options}, seed {seed}, failed: {error}")
                continue
            rows.append({"trial": best, "options": options, "seed": seed, "score": score})
            write_table(search.path / FILE, rows)
            say(f"confirming: {options}, seed {seed}: {search.record.objective} {score:.4f}")


def scores(search: Search) -> list[dict[str, Any]]:
    """Return the scores of the confirmation; none where there was none."""
    kinds = {"trial": int, "options": str, "seed": int, "score": float}
    return read_table(search.path / FILE, kinds)


def verdict(search: Search) -> str:
    """Return what the confirmation says, in a line; empty where there was none."""
    by_options = {
        options: {row["seed"]: row["score"] for row in scores(search) if row["options"] == options}
        for options in (TUNED, DEFAULT)
    }
    tuned, default = by_options.values()
    seeds = [seed for seed in tuned if seed in default]
    if len(seeds) < 2:
        return ""
    contrast = compare_means([tuned[s] for s in seeds], [default[s] for s in seeds], paired=True)
    return contrast.sentence(
        TUNED,
        DEFAULT,
        search.record.objective,
        f"of {len(seeds)} seeds",
        lower_is_better=search.record.direction == "min",
    )


def _score(trainer: Trainer, config: Any, seed: int, folder: Path) -> float:
    scratch = tempfile.TemporaryDirectory(prefix=TEMPORARY, dir=folder)
    with scratch as out, without_details():
        return trainer.train(config, Path(out), str(seed), seed).score
