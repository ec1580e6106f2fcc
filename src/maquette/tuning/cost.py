"""What a trial's model costs on a phone, and what it is worth there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from maquette.comparing.significance import mean_interval, wilson_interval

if TYPE_CHECKING:
    from maquette.tuning.trainer import Objective, Outcome


@dataclass(frozen=True)
class Estimate:
    """A mean over examples with its 95 % interval: Wilson's of shares, Student's of other scores.

    Args:
        value: The mean.
        low: Lower end of the interval; `None` where it is not known.
        high: Upper end.
    """

    value: float
    low: float | None = None
    high: float | None = None

    @classmethod
    def of(cls, scores: np.ndarray) -> Estimate:
        """Return the estimate that scores of examples give, boolean or not, shape `(n,)`."""
        interval = wilson_interval if scores.dtype == bool else mean_interval
        numbers = (scores.mean(), *interval(scores))
        return cls(*(None if np.isnan(number) else round(float(number), 6) for number in numbers))


@dataclass(frozen=True)
class Cost:
    """The int8 file of a trial, and how well it does on validation examples.

    Args:
        bytes: Size of the file.
        latency_ms: Median time of one example on one thread, in milliseconds.
        metric: Name of the mean of the examples' scores; that of the search's objective where the
            task scores no single examples.
        lower_is_better: Direction of the metric.
        keras: The mean of the trained model.
        int8: That of the file; `None` where it cannot be scored by this metric.
        examples: What the examples are, e.g. `"images"`.
        scores: Of each example, by the file if it can be: a digit each where it is right (1) or
            wrong (0), a list of numbers otherwise. Empty where the task scores none.
    """

    bytes: int
    latency_ms: float
    metric: str
    lower_is_better: bool
    keras: Estimate
    int8: Estimate | None = None
    examples: str = ""
    scores: str | list[float] = ""

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> Cost:
        """Return the cost that `dataclasses.asdict` gave these values of."""
        estimates = {n: Estimate(**values[n]) for n in ("keras", "int8") if values[n] is not None}
        return cls(**{**values, **estimates})

    @property
    def worth(self) -> Estimate:
        """The estimate that trials are compared by."""
        return self.int8 or self.keras

    @property
    def drop(self) -> float:
        """What the file has lost against the trained model; 0 where that is not known."""
        return 0.0 if self.int8 is None else self.keras.value - self.int8.value

    @property
    def megabytes(self) -> float:
        """Size of the file in millions of bytes."""
        return self.bytes / 1e6

    def each(self) -> np.ndarray:
        """Return the scores of the examples, shape `(n,)`; boolean for right or wrong."""
        if isinstance(self.scores, str):
            return np.array([digit == "1" for digit in self.scores], bool)
        return np.array(self.scores, np.float64)


def cost_of(outcome: Outcome, objective: Objective, data: Any) -> Cost:
    """Export a trained setting to int8, without keeping the file, and return what it costs.

    Args:
        outcome: Whose model is in the folder of its run.
        objective: Of the search.
        data: What it was trained on.

    Raises:
        GateError: the file does not pass the gate.
    """
    from maquette.exporting.measuring import measure  # It imports TensorFlow.

    run, task = outcome.run, outcome.run.task
    data = task.adapt(data, run.description)
    measured = measure(run, data)
    file = {"bytes": measured.bytes, "latency_ms": float(f"{measured.latency_ms:.4g}")}
    found = task.item_scores(run, data, "validation" if "validation" in data.splits else "train")
    if found is None:
        score = Estimate(outcome.score)
        return Cost(**file, metric=objective.name, lower_is_better=objective.lower, keras=score)
    own, by_file = np.asarray(found.values), None
    if measured.scores is not None and found.metric == task.score:
        by_file = measured.scores.astype(own.dtype)
    return Cost(
        **file,
        metric=found.metric,
        lower_is_better=found.metric in task.lower_is_better,
        keras=Estimate.of(own),
        int8=None if by_file is None else Estimate.of(by_file),
        examples=found.items,
        scores=_plain(own if by_file is None else by_file),
    )


def _plain(scores: np.ndarray) -> str | list[float]:
    if scores.dtype == bool:
        return "".join("01"[int(right)] for right in scores)
    return [round(float(score), 6) for score in scores]
