"""`mlp` on tables against scikit-learn's histogram gradient boosting, both as they are by default.

Wine, breast cancer and diabetes of scikit-learn, and 1,500 generated flats with columns of all
kinds, of whose values 8 % are missing: three random divisions of each, 70 % to learn from and 30 %
to be judged on. `mlp` is trained by the command line on CSV files and holds back a part of the 70 %
to stop by; the trees learn from all of it. They are given dates as numbers and texts as categories,
since they take nothing else. Prints both scores (accuracy, or R2 of numbers) and their ratio.

    python benchmarks/tables.py
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from maquette.sources import open_source
from maquette.tabular.data import TableData

SETS = ("wine", "breast_cancer", "flats?target=taken", "diabetes", "flats")
DIVISIONS, HELD_OUT, VALIDATION = 3, 0.3, 0.15
MOST_CATEGORIES = 255


def main() -> None:
    """Print one line for each set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", nargs="+", default=SETS)
    parser.add_argument("--divisions", type=int, default=DIVISIONS)
    arguments = parser.parse_args()
    print(f"{'set':<20} {'score':<9} {'mlp':>7} {'trees':>7} {'ratio':>7}   each division")
    for name in arguments.sets:
        data = open_source(name, {"table"})
        pairs = [both(data, seed) for seed in range(arguments.divisions)]
        own, trees = np.mean(pairs, axis=0)
        score = "R2" if data.target.is_number else "accuracy"
        each = "  ".join(f"{first:.3f}/{second:.3f}" for first, second in pairs)
        print(
            f"{name:<20} {score:<9} {own:7.3f} {trees:7.3f} {own / trees:7.3f}   {each}", flush=True
        )


def both(data: TableData, seed: int) -> tuple[float, float]:
    """Return the scores of `mlp` and of the trees on one random division."""
    splits = list(data.splits.values())
    rows = [row for split in splits for row in split.rows]
    labels = np.concatenate([split.labels for split in splits])
    order = np.random.default_rng(seed).permutation(len(rows))
    held_out = round(HELD_OUT * len(rows))
    test, train = order[:held_out], order[held_out:]
    return of_mlp(data, rows, train, test, seed), of_trees(data, rows, labels, train, test, seed)


def of_mlp(data: TableData, rows: list[dict], train: Any, test: Any, seed: int) -> float:
    """Return the score of `mlp`, trained by the command line on files."""
    held_out = round(VALIDATION * len(train))
    parts = {"val": train[:held_out], "train": train[held_out:], "test": test}
    with tempfile.TemporaryDirectory() as folder:
        for name, places in parts.items():
            with (Path(folder) / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, [*rows[0]])
                writer.writeheader()
                writer.writerows(rows[place] for place in places)
        words = [
            "train",
            "mlp",
            "--data",
            folder,
            "--target",
            data.target.name,
            "--seed",
            str(seed),
        ]
        words += ["--out", folder, "--name", "run"]
        command = [sys.executable, "-m", "maquette", *words]
        subprocess.run(command, check=True, capture_output=True)
        told = json.loads((Path(folder) / "mlp" / "run" / "metrics.json").read_text())
    return told["test"]["metrics"]["r2" if data.target.is_number else "accuracy"]


def of_trees(
    data: TableData, rows: list[dict], labels: np.ndarray, train: Any, test: Any, seed: int
) -> float:
    """Return the score of gradient boosting on the same columns."""
    inputs = np.stack([_for_trees(column, rows) for column in data.columns], axis=1)
    named = [column.kind in ("category", "boolean", "text") for column in data.columns]
    kind = (
        HistGradientBoostingRegressor if data.target.is_number else HistGradientBoostingClassifier
    )
    model = kind(categorical_features=named, random_state=seed)
    return model.fit(inputs[train], labels[train]).score(inputs[test], labels[test])


def _for_trees(column: Any, rows: list[dict]) -> np.ndarray:
    """Return a column as numbers, NaN where a value is missing or is a rare category."""
    values = [row.get(column.name) for row in rows]
    if column.kind == "date":
        minutes = column.raw(values)[:, 0].astype(float)
        return np.where(minutes < -(2.0**30), np.nan, minutes)
    if column.kind in ("category", "text"):
        words = column.raw(values)[:, 0]
        known, counts = np.unique(words[words != ""], return_counts=True)
        often = known[np.argsort(-counts, kind="stable")][:MOST_CATEGORIES].tolist()
        place = {word: number for number, word in enumerate(often)}
        return np.array([place.get(word, np.nan) for word in words], float)
    return column.raw(values)[:, 0].astype(float)


if __name__ == "__main__":
    main()
