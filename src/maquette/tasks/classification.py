"""What all tasks with one class per example share: metrics, tables and rows of predictions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from maquette.tasks.task import ItemScores, Task

if TYPE_CHECKING:
    import keras

    from maquette.pipeline import Examples
    from maquette.run import Run

BATCH = 32
TOP = 3


class Classification(Task):
    """Base of the tasks whose endpoints return `probabilities` of classes.

    Attributes:
        items: What the examples are.
    """

    items: ClassVar[str] = "examples"
    lower_is_better: ClassVar = frozenset({"cross_entropy"})

    def item_scores(self, run: Run, data: Any, split: str) -> ItemScores:
        """Return whether each example's class is right."""
        examples = self.examples(run.model, data, split)
        probabilities = class_probabilities(run.model, examples, f"comparing on {split}")
        return ItemScores("accuracy", probabilities.argmax(-1) == examples.y, self.items)

    def agreement(self, endpoint: str, expected: dict, received: dict) -> float:
        """Return the share of inputs whose most probable class is the same."""
        first, second = expected["probabilities"], received["probabilities"]
        return float(np.mean(first.argmax(-1) == second.argmax(-1)))

    def judge(self, endpoint: str, outputs: dict, targets: np.ndarray) -> float | None:
        """Return the accuracy of `probabilities`."""
        return float(np.mean(outputs["probabilities"].argmax(-1) == targets))

    def assets(self, spec: Any) -> dict[str, str]:
        """Return `labels.txt`: the classes, one a line, in the order of the outputs."""
        return {"labels.txt": "".join(f"{name}\n" for name in spec.classes)}


def class_probabilities(model: keras.Model, examples: Examples, label: str) -> np.ndarray:
    """Return the probability of each class, `(examples, classes)`, from a model's logits.

    Args:
        model: Maps a batch of inputs to logits, `(batch, classes)`.
        examples: What to predict from.
        label: Shown beside the progress.
    """
    import keras

    from maquette.pipeline import predict

    logits = np.concatenate(list(predict(model, examples, BATCH, label)))
    return np.asarray(keras.ops.softmax(logits))


def class_metrics(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """Return accuracy, balanced accuracy, macro F1 and cross-entropy; of many classes, top 5.

    Args:
        labels: True class indices, `(examples,)`.
        probabilities: Of each class, `(examples, classes)`.
    """
    from sklearn.metrics import f1_score

    predicted = probabilities.argmax(-1)
    recalls = [np.mean(predicted[labels == label] == label) for label in np.unique(labels)]
    true_probability = probabilities[np.arange(len(labels)), labels]
    metrics = {
        "accuracy": np.mean(predicted == labels),
        "balanced_accuracy": np.mean(recalls),
        "macro_f1": f1_score(labels, predicted, average="macro", zero_division=0),
        "cross_entropy": -np.mean(np.log(np.maximum(true_probability, 1e-7))),
    }
    if probabilities.shape[1] > 10:
        top_5 = np.argsort(-probabilities, axis=1)[:, :5]
        metrics["top_5_accuracy"] = np.mean((top_5 == labels[:, None]).any(1))
    return {name: round(float(value), 6) for name, value in metrics.items()}


def class_rows(
    labels: np.ndarray, probabilities: np.ndarray, classes: Sequence[str], what: str
) -> list[dict[str, Any]]:
    """Return precision, recall and F1 of each class, one row each.

    Args:
        labels: True class indices, `(examples,)`.
        probabilities: Of each class, `(examples, classes)`.
        classes: Their names.
        what: Name of the column with the number of examples, e.g. `"images"`.
    """
    from sklearn.metrics import precision_recall_fscore_support

    scores = precision_recall_fscore_support(
        labels, probabilities.argmax(-1), labels=range(len(classes)), zero_division=0
    )
    return [
        {
            "class": name,
            "precision": round(float(precision), 4),
            "recall": round(float(recall), 4),
            "f1": round(float(f1), 4),
            what: int(count),
        }
        for name, precision, recall, f1, count in zip(classes, *scores, strict=True)
    ]


def most_wrong(labels: np.ndarray, probabilities: np.ndarray, count: int) -> np.ndarray:
    """Return the indices of wrong predictions, those that the model is surest of first."""
    predicted = probabilities.argmax(-1)
    wrong = np.flatnonzero(predicted != labels)
    order = np.argsort(-probabilities[wrong, predicted[wrong]], kind="stable")
    return wrong[order][:count]


def predicted_row(name: str, probabilities: np.ndarray, classes: Sequence[str]) -> dict[str, Any]:
    """Return the class of one file, its probability, and the three most probable classes."""
    order = np.argsort(-probabilities)[:TOP]
    return {
        "file": name,
        "class": classes[order[0]],
        "probability": round(float(probabilities[order[0]]), 4),
        "top": {classes[i]: round(float(probabilities[i]), 4) for i in order},
    }
