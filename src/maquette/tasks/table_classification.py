"""Table classification: the columns of a row in, one class out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from maquette.tabular.data import TableData, TableSpec
from maquette.tabular.importance import importance_rows
from maquette.tasks.classification import (
    Classification,
    class_metrics,
    class_probabilities,
    class_rows,
    most_wrong,
    predicted_row,
)
from maquette.tasks.table_task import TableTask, shown_row
from maquette.tasks.task import Evaluation
from maquette.tasks.tensors import Tensor, class_scores

if TYPE_CHECKING:
    from maquette.run import Run

MOST_WRONG = 24


@dataclass(frozen=True)
class TableClassification(TableTask, Classification):
    """The task of naming the class of a row.

    Models return logits, `(batch, classes)`. The endpoint `classify` returns `probabilities`.

    Args:
        data: The source a template trains on by default.
        unused: Options of the template that mean nothing for tables.
    """

    data: str
    sample: str = "flats?target=taken"
    unused: tuple[str, ...] = ()
    monitor: str = "val_loss"  # Of few rows an accuracy is a matter of chance.
    mode: str = "min"
    score: str = "accuracy"
    predicts_number: ClassVar = False
    endpoint: ClassVar = "classify"
    ranges: ClassVar = {"probabilities": (0, 1)}
    items: ClassVar = "rows"

    def evaluate(self, run: Run, data: TableData, split: str) -> Evaluation:
        """Return accuracy and its kin, figures per class, the most wrong rows, and what counts."""
        from maquette.reporting import plots
        from maquette.reporting.regression_plots import importance

        examples, rows = self.examples(run.model, data, split), data.splits[split]
        probabilities = class_probabilities(run.model, examples, f"evaluating {split}")
        labels, predicted = examples.y, probabilities.argmax(-1)
        tables = {"Classes": class_rows(labels, probabilities, data.classes, "rows")}
        counts = importance_rows(run.model, data, examples, _accuracy, "accuracy")
        tables["What the columns are worth"] = counts
        if len(wrong := most_wrong(labels, probabilities, MOST_WRONG)):
            tables["Most wrong"] = [
                {
                    "row": rows.names[i],
                    "class": data.classes[labels[i]],
                    "predicted": data.classes[predicted[i]],
                    "probability": round(float(probabilities[i, predicted[i]]), 4),
                    **shown_row(rows.rows[i], data.columns),
                }
                for i in wrong
            ]
        return Evaluation(
            metrics=class_metrics(labels, probabilities),
            tables=tables,
            figures={
                "confusion_matrix": plots.confusion_matrix(labels, predicted, data.classes),
                "columns": importance(counts, "accuracy"),
            },
        )

    def predict(self, run: Run, files: Sequence[Path]) -> list[dict[str, Any]]:
        """Return each row's class, its probability, and the three most probable classes.

        Raises:
            UserError: a file is no table, or lacks a column of the run.
        """
        from maquette.pipeline import Examples

        names, rows = self.rows(run, files)
        examples = Examples(run.description.encode(rows), np.zeros(len(rows)))
        probabilities = class_probabilities(run.model, examples, "predicting")
        classes = run.description.classes
        return [predicted_row(*pair, classes) for pair in zip(names, probabilities, strict=True)]

    def assets(self, spec: TableSpec) -> dict[str, str]:
        """Return what is known of the columns, and `labels.txt`."""
        return {**TableTask.assets(self, spec), **Classification.assets(self, spec)}

    def tensors(self, spec: TableSpec) -> dict[str, Tensor]:
        """Return that columns go in and probabilities of classes come out."""
        return {**super().tensors(spec), "probabilities": class_scores(spec.classes)}


def _accuracy(outputs: np.ndarray, labels: np.ndarray) -> float:
    return float(np.mean(outputs.argmax(-1) == labels))
