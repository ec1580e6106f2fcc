"""Breast cancer: 569 tumours, 30 measurements of their cells, from scikit-learn, CC BY 4.0.

Whether a tumour is malignant or benign, from an image of its cell nuclei (W. Wolberg,
O. Mangasarian, N. Street and W. Street, UCI Machine Learning Repository, 1995). A table of numbers
alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from maquette.tabular.data import TableData
from maquette.tabular.dividing import from_columns

KIND = "table"


def load(columns: Sequence[str] = (), task: str | None = None) -> TableData:
    """Return the tumours, divided 70/15/15.

    Args:
        columns: kinds of columns, each `COLUMN=KIND`, where the values do not tell.
        task: `"classification"` or `"regression"`; by default as the values of the target tell.
    """
    from sklearn.datasets import load_breast_cancer

    bunch = load_breast_cancer()
    values = dict(zip(bunch.feature_names, bunch.data.T.tolist(), strict=True))
    values = {str(name): column for name, column in values.items()}
    values["diagnosis"] = [str(bunch.target_names[place]) for place in bunch.target]
    return from_columns("breast_cancer", values, "diagnosis", columns, task)
