"""What mattered: the share of the score's variance that each setting explains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from maquette.tuning.journal import DONE, TrialRecord
from maquette.tuning.space import has_order, position

TREES, SAMPLE, GRID = 200, 500, 20
FEWEST, FEWEST_PER_SETTING = 10, 4
TRUSTED_R2 = 0.1
SEED = 1


def what_mattered(trials: Sequence[TrialRecord], space: Sequence[Any]) -> list[dict[str, Any]]:
    """Return the share of variance that each setting explains alone, the largest first.

    A random forest learns the score from the settings. With its prediction f of settings x drawn
    from the whole space, setting j explains Var(E[f | x_j]) / Var(f): the main effects of a
    functional analysis of variance (Hutter, Hoos and Leyton-Brown 2014, An efficient approach for
    assessing hyperparameter importance). What is missing to 1 is due to settings together.

    Args:
        trials: Of a search; failed ones are left out.
        space: The hyperparameters.

    Returns:
        One row per setting, with the forest's R2 on trials it has not seen; none where there are
        too few trials to say anything, or all have the same score.
    """
    from sklearn.ensemble import RandomForestRegressor

    done = [trial for trial in trials if trial.status == DONE]
    scores = np.array([trial.score for trial in done])
    if len(done) < fewest(done) or np.ptp(scores) == 0:
        return []
    columns = _columns(done, space)
    x = np.stack([coded for coded, _ in columns.values()], axis=1)
    forest = RandomForestRegressor(TREES, oob_score=True, random_state=SEED).fit(x, scores)
    shares = _main_effects(forest, [levels for _, levels in columns.values()])
    rows = [
        {"setting": name, "share_of_variance": float(share), "forest_r2": float(forest.oob_score_)}
        for name, share in zip(columns, shares, strict=True)
    ]
    return sorted(rows, key=lambda row: -row["share_of_variance"])


def caution(rows: Sequence[dict[str, Any]], trials: Sequence[TrialRecord]) -> str:
    """Return how far the shares can be trusted, in a line."""
    done = [trial for trial in trials if trial.status == DONE]
    if rows:
        r2 = rows[0]["forest_r2"]
        told = f"what mattered: a forest predicts the score of unseen trials with R2 {r2:.2f}"
        return told if r2 >= TRUSTED_R2 else f"{told}, so the shares are not to be trusted"
    if len(done) < fewest(done):
        return f"too few trials to tell what mattered: {len(done)} done, {fewest(done)} would do"
    return "nothing mattered: all trials have the same score"


def fewest(done: Sequence[TrialRecord]) -> int:
    """Return the number of finished trials from which on something can be said."""
    return max(FEWEST, FEWEST_PER_SETTING * len(_names(done)))


def _names(done: Sequence[TrialRecord]) -> list[str]:
    return list(dict.fromkeys(name for trial in done for name in trial.settings))


def _columns(
    done: Sequence[TrialRecord], space: Sequence[Any]
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return each setting's numbers in the trials, and the numbers it may take."""
    by_name: dict[str, Any] = {hp.name: hp for hp in space}
    return {name: _coded(name, by_name.get(name), done) for name in _names(done)}


def _coded(name: str, hp: Any, done: Sequence[TrialRecord]) -> tuple[np.ndarray, np.ndarray]:
    """Return a setting as positions on its scale; -1 where it is not active.

    Values without an order are put into that of their mean score, in which a tree can divide them
    as well as in any other.
    """
    values = [trial.settings.get(name) for trial in done]
    if hp is not None and has_order(hp):
        coded = [-1.0 if value is None else position(hp, value) for value in values]
        levels = np.linspace(0.5 / GRID, 1 - 0.5 / GRID, GRID)
        return np.array(coded), levels if -1.0 not in coded else np.append(levels, -1.0)
    of = {v: np.mean([t.score for t in done if t.settings.get(name) == v]) for v in set(values)}
    order = sorted(of, key=lambda value: (of[value], str(value)))
    coded = [float(order.index(value)) for value in values]
    return np.array(coded), np.arange(len(order), dtype=np.float64)


def _main_effects(forest: Any, levels: Sequence[np.ndarray]) -> np.ndarray:
    rng = np.random.default_rng(SEED)
    sample = np.stack([rng.choice(level, SAMPLE) for level in levels], axis=1)
    total = forest.predict(sample).var()
    effects = []
    for column, level in enumerate(levels):
        repeated = np.repeat(sample[None], len(level), axis=0)  # (levels, sample, settings)
        repeated[..., column] = level[:, None]
        means = forest.predict(repeated.reshape(-1, len(levels))).reshape(len(level), -1).mean(1)
        effects.append(means.var())
    return np.array(effects) / max(total, 1e-12)
