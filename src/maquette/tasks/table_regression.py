"""Table regression: the columns of a row in, a number out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from maquette.tabular.data import TableData, TableSpec, TableSplit
from maquette.tabular.importance import importance_rows
from maquette.tasks.table_task import TableTask, shown_row
from maquette.tasks.task import CLOSE, Evaluation, ItemScores
from maquette.tasks.tensors import Tensor

if TYPE_CHECKING:
    from maquette.pipeline import Examples
    from maquette.run import Run

BATCH, MOST_WRONG = 32, 24


@dataclass(frozen=True)
class TableRegression(TableTask):
    """The task of predicting a number from a row.

    Models return the standardised number, `(batch, 1)`. The endpoint `predict` returns `value`, in
    the unit of the target.

    Args:
        data: The source a template trains on by default.
        unused: Options of the template that mean nothing for this task.
    """

    data: str
    sample: str = "flats"
    unused: tuple[str, ...] = ()
    monitor: str = "val_loss"
    mode: str = "min"
    score: str = "r2"
    predicts_number: ClassVar = True
    endpoint: ClassVar = "predict"
    lower_is_better: ClassVar = frozenset({"mae", "rmse", "mse"})

    def targets(self, data: TableData, split: TableSplit) -> np.ndarray:
        """Return the target, standardised, `(rows, 1)`."""
        return ((split.labels - data.target.mean) / data.target.spread)[:, None].astype(np.float32)

    def evaluate(self, run: Run, data: TableData, split: str) -> Evaluation:
        """Return R2 and errors, the most wrong rows, and what the columns are worth."""
        from maquette.reporting import regression_plots as plots

        examples, rows = self.examples(run.model, data, split), data.splits[split]
        values = _values(run, examples, f"evaluating {split}")
        errors, name = values - rows.labels, data.target.name
        worst = np.argsort(-np.abs(errors), kind="stable")[:MOST_WRONG]
        counts = importance_rows(run.model, data, examples, _r2_of_outputs, "r2")
        tables = {
            "What the columns are worth": counts,
            "Most wrong": [
                {
                    "row": rows.names[i],
                    name: float(f"{rows.labels[i]:.6g}"),
                    "predicted": float(f"{values[i]:.6g}"),
                    "error": float(f"{errors[i]:.4g}"),
                    **shown_row(rows.rows[i], data.columns),
                }
                for i in worst
            ],
        }
        figures = {
            "predicted_and_true": plots.predicted_and_true(rows.labels, values, name),
            "residuals": plots.residuals(rows.labels, values, name),
            "columns": plots.importance(counts, "R2"),
        }
        return Evaluation(regression_metrics(rows.labels, values), tables, figures)

    def item_scores(self, run: Run, data: TableData, split: str) -> ItemScores:
        """Return the squared error of each row."""
        examples = self.examples(run.model, data, split)
        values = _values(run, examples, f"comparing on {split}")
        return ItemScores("mse", (values - data.splits[split].labels) ** 2, "rows")

    def unit(self, run: Run, metric: str) -> str:
        """Return the name of the target, which errors are measured in."""
        return "" if metric == "r2" else run.description.target.name

    def predict(self, run: Run, files: Sequence[Path]) -> list[dict[str, Any]]:
        """Return the number of each row.

        Raises:
            UserError: a file is no table, or lacks a column of the run.
        """
        from maquette.pipeline import Examples

        names, rows = self.rows(run, files)
        examples = Examples(run.description.encode(rows), np.zeros(len(rows)))
        values, target = _values(run, examples, "predicting"), run.description.target.name
        return [
            {"file": name, target: float(f"{value:.7g}")}
            for name, value in zip(names, values, strict=True)
        ]

    def agreement(self, endpoint: str, expected: dict, received: dict) -> float:
        """Return the share of rows whose numbers are within a tenth of their spread."""
        first, second = expected["value"], received["value"]
        return float(np.mean(np.abs(first - second) <= CLOSE * max(np.std(first), 1e-6)))

    def judge(self, endpoint: str, outputs: dict, targets: np.ndarray) -> float | None:
        """Return R2 of `value`."""
        return _r2(targets, outputs["value"][:, 0])

    def tensors(self, spec: TableSpec) -> dict[str, Tensor]:
        """Return that columns go in and a number comes out."""
        return {**super().tensors(spec), "value": Tensor(f"{spec.target.name}.", "number")}


def regression_metrics(labels: np.ndarray, values: np.ndarray) -> dict[str, float]:
    """Return R2, and mean absolute, root mean squared and mean squared error.

    Args:
        labels: True numbers, `(rows,)`.
        values: What was predicted.
    """
    errors = values - labels
    return {
        "r2": round(_r2(labels, values), 6),
        "mae": float(f"{np.mean(np.abs(errors)):.7g}"),
        "rmse": float(f"{np.sqrt(np.mean(errors**2)):.7g}"),
        "mse": float(f"{np.mean(errors**2):.9g}"),
    }


def _values(run: Run, examples: Examples, label: str) -> np.ndarray:
    """Return what a run predicts, in the unit of the target, `(rows,)`."""
    from maquette.pipeline import predict

    target = run.description.target
    outputs = np.concatenate(list(predict(run.model, examples, BATCH, label)))[:, 0]
    return outputs.astype(np.float64) * target.spread + target.mean


def _r2(labels: np.ndarray, values: np.ndarray) -> float:
    """Return the share of the variance that is explained; 0 where there is none to explain."""
    labels, values = labels.astype(np.float64), values.astype(np.float64)
    variance = np.mean((labels - labels.mean()) ** 2)
    return float(1 - np.mean((labels - values) ** 2) / variance) if variance > 0 else 0.0


def _r2_of_outputs(outputs: np.ndarray, targets: np.ndarray) -> float:
    return _r2(targets[:, 0], outputs[:, 0])
