"""Zoom against random search: the best value found after so many trials, over many seeds.

Nothing is trained. The surfaces stand for validation scores: their optimum is 1, and each has
noise as another seed of a training would give. What is compared is the value without the noise of
the setting with the best noisy score: what a user would keep. A seed counts as a win for zoom
where its value is the higher one.

    python benchmarks/zoom.py

Peer: KerasTuner's RandomSearchOracle.
"""

from __future__ import annotations

import argparse
import math
import random
import tempfile
from collections.abc import Callable

from maquette.quiet import load_tensorflow

load_tensorflow()

import keras_tuner as kt  # noqa: E402
import numpy as np  # noqa: E402
from keras_tuner.engine.base_tuner import BaseTuner  # noqa: E402

from maquette.tuning.zoom import ZoomOracle  # noqa: E402

NOISE = 0.005
SPACING = 1000  # KerasTuner draws the same numbers, shifted, with seeds that follow each other.
ORACLES = {"random": kt.oracles.RandomSearchOracle, "zoom": ZoomOracle}


def bowl(hp: kt.HyperParameters) -> float:
    """3 dimensions: a learning rate with a narrow best range, dropout and decay with broad ones."""
    rate = math.log10(hp.Float("learning_rate", 1e-5, 1e-1, sampling="log"))
    dropout = hp.Float("dropout", 0.0, 0.6)
    decay = math.log10(hp.Float("weight_decay", 1e-6, 1e-2, sampling="log"))
    return 1 - 0.15 * (rate + 2.7) ** 2 - 0.5 * (dropout - 0.2) ** 2 - 0.01 * (decay + 4) ** 2


def ridge(hp: kt.HyperParameters) -> float:
    """4 dimensions: the best rate depends on the optimizer, and falls with the width."""
    optimizer = hp.Choice("optimizer", ["sgd", "adam", "rmsprop"])
    width = math.log2(hp.Choice("width", [32, 64, 128, 256, 512]))
    rate = math.log10(hp.Float("learning_rate", 1e-5, 1.0, sampling="log"))
    layers = hp.Int("layers", 1, 5)
    best = {"sgd": -1.0, "adam": -2.8, "rmsprop": -3.0}[optimizer] - 0.15 * (width - 7)
    penalty = {"sgd": 0.03, "adam": 0.0, "rmsprop": 0.01}[optimizer]
    return (
        1 - penalty - 0.08 * (rate - best) ** 2 - 0.01 * (width - 8) ** 2 - 0.01 * (layers - 3) ** 2
    )


def two_hills(hp: kt.HyperParameters) -> float:
    """5 dimensions: a broad hill of height 0.95 and a narrow one of height 1, which is missed."""
    x = np.array([hp.Float(name, 0.0, 1.0) for name in "abc"])
    kind = hp.Choice("kind", ["p", "q", "r", "s"])
    batch = hp.Choice("batch_size", [16, 32, 64, 128])
    broad = 0.95 - 0.6 * np.sum((x - 0.3) ** 2)
    narrow = 1.0 - 4.0 * np.sum((x - 0.8) ** 2)
    penalty = 0.04 * "qprs".index(kind) / 3 + 0.01 * abs(math.log2(batch / 32))
    return float(max(broad, narrow) - penalty)


def categories(hp: kt.HyperParameters) -> float:
    """5 dimensions without an order but one: what zoom has the least to gain from."""
    names = ["activation", "norm", "pooling", "loss"]
    chosen = [hp.Choice(name, list("abcd")) for name in names]
    rate = math.log10(hp.Float("learning_rate", 1e-4, 1e-1, sampling="log"))
    cost = sum(0.02 * "abcd".index(value) for value in chosen)
    together = 0.03 if chosen[0] == "a" and chosen[1] != "b" else 0.0
    return 1 - cost - together + 0.02 * (chosen[1] == "b") - 0.05 * (rate + 2.5) ** 2


def found(
    surface: Callable[[kt.HyperParameters], float], algorithm: str, trials: int, seed: int
) -> float:
    """Return the true value of the setting that a search would keep."""
    space = kt.HyperParameters()
    surface(space)
    oracle = ORACLES[algorithm](
        objective=kt.Objective("score", "max"), max_trials=trials, seed=seed, hyperparameters=space
    )
    oracle.verbose = 0
    noise = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        BaseTuner(oracle, directory=folder, project_name="search")
        while (trial := oracle.create_trial("worker")).status == "RUNNING":
            score = surface(trial.hyperparameters) + noise.gauss(0, NOISE)
            oracle.update_trial(trial.trial_id, {"score": score})
            trial.status = "COMPLETED"
            oracle.end_trial(trial)
        return surface(oracle.get_best_trials()[0].hyperparameters)


def main() -> None:
    """Print a row per surface and number of trials."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--trials", type=int, nargs="+", default=[15, 30, 60])
    chosen = parser.parse_args()
    print(f"{'surface':<11} {'trials':>6} {'random':>8} {'zoom':>8} {'gain':>8}  wins of zoom")
    for surface in (bowl, ridge, two_hills, categories):
        for trials in chosen.trials:
            seeds = range(SPACING, SPACING * chosen.seeds + 1, SPACING)
            random_, zoom = (
                np.array([found(surface, algorithm, trials, seed) for seed in seeds])
                for algorithm in ORACLES
            )
            means = f"{random_.mean():>8.4f} {zoom.mean():>8.4f} {(zoom - random_).mean():>+8.4f}"
            wins = f"{np.sum(zoom > random_)} of {len(seeds)}"
            print(f"{surface.__name__:<11} {trials:>6} {means}  {wins}")


if __name__ == "__main__":
    main()
