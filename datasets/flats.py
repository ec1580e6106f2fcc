"""Flats: 1,500 made-up flats to let, with all kinds of columns and 8 % of the values missing.

Rooms, size, district, heating, balcony, when it was built and advertised, and a few words, from
which the `rent` is to be predicted, or with `flats?target=taken` whether somebody took it within a
week. Made by a formula with some noise, to try what a table of mixed columns takes; it says nothing
of real flats.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np

from maquette.tabular.data import TableData
from maquette.tabular.dividing import from_columns

KIND = "table"
ROWS, MISSING, NOISE = 1500, 0.08, 60.0
DISTRICTS = {"Altstadt": 350, "Hafen": 220, "Nordend": 140, "Süd": 60, "West": 0, "Wald": -40}
HEATINGS = {"district": 40, "gas": 0, "heat pump": 90, "oil": -50}
PRAISE = {"sunny": 40, "quiet": 60, "renovated": 120, "small": -40, "dark": -90, "noisy": -120}
OFFERS = ("flat for a couple", "home near the park", "rooms above a shop", "flat with a cellar")


def load(target: str = "rent", columns: Sequence[str] = (), task: str | None = None) -> TableData:
    """Return the flats, divided 70/15/15.

    Args:
        target: column to predict, "rent" or "taken".
        columns: kinds of columns, each `COLUMN=KIND`, where the values do not tell.
        task: `"classification"` or `"regression"`; by default as the values of the target tell.
    """
    return from_columns("flats", flats(), target, columns, task)


def flats(rows: int = ROWS, seed: int = 0) -> dict[str, list[Any]]:
    """Return the values of each column.

    Args:
        rows: how many.
        seed: of the generator.
    """
    random = np.random.default_rng(seed)

    def chosen(names: Sequence[str]) -> list[str]:
        return [names[place] for place in random.integers(0, len(names), rows)]

    size = np.round(random.lognormal(4.2, 0.4, rows), 1)
    table: dict[str, list[Any]] = {
        "size": size.tolist(),
        "rooms": np.clip(np.rint(size / 28 + random.normal(0, 0.6, rows)), 1, 8).tolist(),
        "district": chosen([*DISTRICTS]),
        "heating": chosen([*HEATINGS]),
        "balcony": random.choice(["yes", "no"], rows).tolist(),
        "built": random.integers(1890, 2024, rows).astype(float).tolist(),
        "advertised": [
            (date(2024, 1, 1) + timedelta(days=int(day))).isoformat()
            for day in random.integers(0, 730, rows)
        ],
        "description": [
            f"{first} {offer}, rather {second}"
            for first, second, offer in zip(
                chosen([*PRAISE]), chosen([*PRAISE]), chosen(OFFERS), strict=True
            )
        ],
    }
    rent = _rent(table) + random.normal(0, NOISE, rows)
    fair = 350 + 8.5 * size
    for values in table.values():
        for row in np.flatnonzero(random.random(rows) < MISSING):
            values[row] = None
    table["rent"] = np.round(rent, 2).tolist()
    table["taken"] = [
        "yes" if cheap else "no" for cheap in rent + random.normal(0, NOISE, rows) < fair
    ]
    return table


def _rent(table: dict[str, list[Any]]) -> np.ndarray:
    """Return the rent that the columns give, without noise."""
    size, built = np.array(table["size"]), np.array(table["built"])
    months = [int(day[5:7]) for day in table["advertised"]]
    words = [text.replace(",", "").split() for text in table["description"]]
    return (
        200
        + 8 * size
        + np.array([DISTRICTS[name] for name in table["district"]]) * size / 70
        + np.array([HEATINGS[name] for name in table["heating"]])
        + 70 * (np.array(table["balcony"]) == "yes")
        + np.where(built < 1920, 120, 2.0 * (built - 1960))
        + 50 * np.isin(months, [8, 9, 10])
        + np.array([sum(PRAISE.get(word, 0) for word in text) for text in words])
    )
