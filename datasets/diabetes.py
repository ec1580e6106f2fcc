"""Diabetes: 442 patients, 10 measurements, and how the disease went on, from scikit-learn.

How far diabetes progressed in a year, a number from 25 to 346, from age, sex, body mass index,
blood pressure and six blood serum measurements (B. Efron, T. Hastie, I. Johnstone and
R. Tibshirani, Least angle regression, 2004). A table of numbers, for regression.
"""

from __future__ import annotations

from collections.abc import Sequence

from maquette.tabular.data import TableData
from maquette.tabular.dividing import from_columns

KIND = "table"


def load(columns: Sequence[str] = (), task: str | None = None) -> TableData:
    """Return the patients, divided 70/15/15.

    Args:
        columns: kinds of columns, each `COLUMN=KIND`, where the values do not tell.
        task: `"classification"` or `"regression"`; by default as the values of the target tell.
    """
    from sklearn.datasets import load_diabetes

    bunch = load_diabetes(scaled=False)
    values = dict(zip(bunch.feature_names, bunch.data.T.tolist(), strict=True))
    values = {str(name): column for name, column in values.items()}
    values["progression"] = bunch.target.tolist()
    return from_columns("diabetes", values, "progression", columns, task)
