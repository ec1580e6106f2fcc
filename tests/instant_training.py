"""Searches whose trials are trained in no time, for the tests of tuning."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import maquette

if TYPE_CHECKING:
    from maquette.tuning.search import Search

ALGORITHMS = ["random", "grid", "bayesian", "hyperband", "zoom"]
SMALL = {"epochs": 3, "hidden_units": (8,), "batch_size": 256}


@pytest.fixture
def tune(tmp_path):
    """Tune a small network on the digits in `tmp_path`."""

    def tune(template: str | None = "mlp", **given) -> Search:
        return maquette.tune(template, out=tmp_path, **{"trials": 3, **SMALL, **given})

    return tune


@pytest.fixture
def resume(tmp_path):
    """Go on with the search of the name `search`."""

    def resume(**given) -> Search:
        return maquette.tune(resume=tmp_path / "mlp" / "search", **given)

    return resume


def score_of(config) -> float:
    return 0.9 - 0.1 * abs(math.log10(config.learning_rate) + 2.5)


class Trained(list):
    """Runs that were trained, and the one during which somebody presses Ctrl-C."""

    stop_at: int | None = None


@pytest.fixture
def trained(monkeypatch) -> Trained:
    """The runs that were trained, in no time: nothing is learned, the score is `score_of`."""
    from maquette.tuning import trainer  # It imports TensorFlow.

    runs = Trained()

    def fit_model(run, data, options):
        runs.append(run)
        model = run.template.build(run.config, data)
        rows = [
            {"epoch": 1, "val_accuracy": 0.0},
            {"epoch": 2, "val_accuracy": score_of(run.config)},
        ]
        run.save_history([{"stage": "train", **row} for row in rows])
        return model, len(runs) != runs.stop_at

    monkeypatch.setattr(trainer, "fit_model", fit_model)
    monkeypatch.setattr(trainer.keras.utils, "clear_session", lambda: None)
    return runs


def settings(search: Search) -> list[dict]:
    return [trial.settings for trial in search.trials]


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))
