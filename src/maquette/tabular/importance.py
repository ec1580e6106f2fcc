"""What each column is worth to a model: how much worse it does when the column is shuffled.

Source: Breiman (2001), Random forests.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import keras

    from maquette.pipeline import Examples
    from maquette.tabular.data import TableData

MOST_ROWS, SHUFFLES, BATCH = 1000, 3, 256
Score = Callable[[np.ndarray, np.ndarray], float]


def importance_rows(
    model: keras.Model, data: TableData, examples: Examples, score: Score, name: str
) -> list[dict[str, Any]]:
    """Return what each column is worth, the most first.

    Args:
        model: Maps codes to outputs.
        data: Whose columns the codes are of.
        examples: Codes and targets.
        score: Of outputs and targets, higher being better.
        name: Of the score.

    Returns:
        One row for each column: `column`, `kind`, and how much the score falls when its values
        are shuffled, the mean of three times, by `"NAME lost"`.
    """
    part = examples.sample(MOST_ROWS)
    random = np.random.default_rng(0)
    whole = score(_outputs(model, part.x), part.y)
    rows, start = [], 0
    for column in data.columns:
        place = slice(start, start := start + column.width)
        lost = []
        for _ in range(SHUFFLES):
            codes = part.x.copy()
            codes[:, place] = codes[random.permutation(len(codes)), place]
            lost.append(whole - score(_outputs(model, codes), part.y))
        value = round(float(np.mean(lost)), 4)
        rows.append({"column": column.name, "kind": column.kind, f"{name} lost": value})
    return sorted(rows, key=lambda row: -row[f"{name} lost"])


def _outputs(model: keras.Model, codes: np.ndarray) -> np.ndarray:
    """Return a model's outputs; batches are filled up, so that it is traced once."""
    parts = []
    for start in range(0, len(codes), BATCH):
        batch = codes[start : start + BATCH]
        filled = np.pad(batch, [(0, BATCH - len(batch)), (0, 0)])
        parts.append(np.asarray(model.predict_on_batch(filled))[: len(batch)])
    return np.concatenate(parts)
