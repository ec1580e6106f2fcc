"""Wine: 178 wines of three growers, 13 chemical measurements, from scikit-learn, CC BY 4.0.

Which of three growers of one region in Italy a wine is from (S. Aeberhard and M. Forina, UCI
Machine Learning Repository, 1992). A table of numbers alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from maquette.tabular.data import TableData
from maquette.tabular.dividing import from_columns

KIND = "table"


def load(columns: Sequence[str] = (), task: str | None = None) -> TableData:
    """Return the wines, divided 70/15/15.

    Args:
        columns: kinds of columns, each `COLUMN=KIND`, where the values do not tell.
        task: `"classification"` or `"regression"`; by default as the values of the target tell.
    """
    from sklearn.datasets import load_wine

    bunch = load_wine()
    values = dict(zip(bunch.feature_names, bunch.data.T.tolist(), strict=True))
    values = {str(name): column for name, column in values.items()}
    values["grower"] = [str(bunch.target_names[place]) for place in bunch.target]
    return from_columns("wine", values, "grower", columns, task)
