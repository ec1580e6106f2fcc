"""Zoom and grid: what they propose, without any training."""

from __future__ import annotations

import math
from collections.abc import Callable

import keras_tuner as kt
import numpy as np
import pytest
from keras_tuner.engine.base_tuner import BaseTuner

from maquette.tuning.grid import GridOracle
from maquette.tuning.space import SearchSpace, position
from maquette.tuning.zoom import ZoomOracle

SEEDS = range(1000, 21000, 1000)  # KerasTuner draws the same numbers, shifted, with 1, 2, 3, ...


def surface(hp: kt.HyperParameters) -> float:
    """A score whose best rate depends on the optimizer; its best value is 1."""
    rate = math.log10(hp.Float("learning_rate", 1e-5, 1e-1, sampling="log"))
    optimizer = hp.Choice("optimizer", ["sgd", "adam", "rmsprop"])
    dropout = hp.Float("dropout", 0.0, 0.6)
    layers = hp.Int("layers", 1, 5)
    best = {"sgd": -1.5, "adam": -2.8, "rmsprop": -3.3}[optimizer]
    penalty = 0.03 * (optimizer != "adam") + 0.5 * (dropout - 0.2) ** 2 + 0.01 * (layers - 3) ** 2
    return 1 - penalty - 0.1 * (rate - best) ** 2


@pytest.fixture
def search(tmp_path) -> Callable:
    """Run an oracle on a function, and return the hyperparameters of its trials, in order."""

    def search(make: type, score: Callable, trials: int, seed: int, mode: str = "max") -> list:
        space = kt.HyperParameters()
        score(space)
        oracle = make(
            objective=kt.Objective("score", mode),
            max_trials=trials,
            seed=seed,
            hyperparameters=space,
        )
        oracle.verbose = 0
        BaseTuner(oracle, directory=tmp_path, project_name=f"{make.__name__} {seed}")
        while (trial := oracle.create_trial("worker")).status == "RUNNING":
            value = score(trial.hyperparameters)
            oracle.update_trial(trial.trial_id, {"score": value})
            trial.status = "COMPLETED"
            oracle.end_trial(trial)
        return [oracle.trials[trial_id].hyperparameters for trial_id in oracle.start_order]

    return search


def test_zoom_finds_better_settings_than_random_search(search):
    best = {
        make: np.array([max(map(surface, search(make, surface, 24, seed))) for seed in SEEDS])
        for make in (kt.oracles.RandomSearchOracle, ZoomOracle)
    }
    random_, zoom = best.values()
    assert zoom.mean() > random_.mean()
    assert np.sum(zoom > random_) > len(SEEDS) / 2


def test_the_window_closes_around_the_best_trial(search):
    tried = search(ZoomOracle, surface, 40, 1)
    rates = np.log10([hp.values["learning_rate"] for hp in tried])
    best = np.log10(max(tried, key=surface).values["learning_rate"])
    distances = np.abs(rates - best)
    assert np.median(distances[-10:]) < 0.4 < np.median(distances[:10])


def test_zoom_minimizes_where_less_is_better(search):
    def loss(hp: kt.HyperParameters) -> float:
        return (hp.Float("x", 0.0, 1.0) - 0.9) ** 2

    last = search(ZoomOracle, loss, 40, 1, mode="min")[-10:]
    assert np.median([hp.values["x"] for hp in last]) == pytest.approx(0.9, abs=0.1)


def test_zoom_leaves_a_narrow_window_again(search):
    tried = search(ZoomOracle, surface, 60, 1)[-20:]
    rates = np.log10([hp.values["learning_rate"] for hp in tried])
    assert np.ptp(rates) > 1


def small(hp: kt.HyperParameters) -> float:
    kind = hp.Choice("kind", ["a", "b"])
    with hp.conditional_scope("kind", ["b"]):
        size = hp.Int("size", 1, 3)
    return float(size or 0) + (kind == "a")


@pytest.mark.parametrize("make", [ZoomOracle, GridOracle])
def test_a_small_space_is_tried_once_each_and_then_the_search_ends(search, make):
    tried = [tuple(sorted(hp.values.items())) for hp in search(make, small, 50, 3)]
    assert len(set(tried)) == len(tried) == 4
    assert (("kind", "a"),) in tried


def test_a_grid_takes_all_values_of_steps_and_lists_and_the_ends_of_a_range(search):
    def score(hp: kt.HyperParameters) -> float:
        hp.Int("layers", 1, 3)
        hp.Choice("units", [8, 16])
        return hp.Float("rate", 1e-4, 1e-2, sampling="log")

    tried = [hp.values for hp in search(GridOracle, score, 100, 5)]
    rates = sorted({values["rate"] for values in tried})
    assert len(tried) == 3 * 2 * 3
    np.testing.assert_allclose(rates, [1e-4, 1e-3, 1e-2])
    assert rates[-1] == 1e-2


def test_part_of_a_large_grid_is_spread_over_all_of_it(search):
    def score(hp: kt.HyperParameters) -> float:
        return float(sum(hp.Int(name, 1, 6) for name in "abcd"))

    tried = search(GridOracle, score, 30, 1)
    assert all(len({hp.values[name] for hp in tried}) == 6 for name in "abcd")


def template_space(hp: kt.HyperParameters) -> dict:
    layers, units = hp.Int("layers", 1, 3), hp.Choice("units", [4, 8])
    options = {"hidden": (units,) * layers, "rate": hp.Float("rate", 0.1, 1.0)}
    if hp.Boolean("decayed"):
        options["decay"] = hp.Float("decay", 0.1, 0.2)
    return options


def names(space: SearchSpace) -> list[str]:
    return [hp.name for hp in space.hyperparameters.space]


def test_hyperparameters_of_all_branches_are_found():
    assert names(SearchSpace(template_space, ())) == ["layers", "units", "rate", "decayed", "decay"]


@pytest.mark.parametrize(
    ("fixed", "left"),
    [
        (["hidden"], ["rate", "decayed", "decay"]),
        (["rate", "decay"], ["layers", "units"]),
        (["hidden", "rate", "decay"], []),
    ],
)
def test_what_only_changes_fixed_options_is_not_tuned(fixed, left):
    found = names(SearchSpace(template_space, fixed))
    # Whether there is a decay still decides nothing where the decay is fixed.
    assert found == left


def test_fixed_options_are_not_drawn():
    space = SearchSpace(template_space, ["rate"])
    options = space.options({"layers": 2, "units": 8, "decayed": False})
    assert options == {"hidden": (8, 8)}


def test_positions_of_values_in_steps_are_those_of_their_index():
    hp = kt.engine.hyperparameters.Float("dropout", 0.0, 0.6, step=0.1)
    for index, value in enumerate(hp.values):
        assert hp.prob_to_value(position(hp, value)) == value
        assert position(hp, value) == pytest.approx((index + 0.5) / len(list(hp.values)))


def test_the_seed_decides_what_zoom_proposes(search):
    first, other = ([hp.values for hp in search(ZoomOracle, surface, 12, s)] for s in (7, 8))
    again = [hp.values for hp in search(type("Again", (ZoomOracle,), {}), surface, 12, 7)]
    assert first == again != other
