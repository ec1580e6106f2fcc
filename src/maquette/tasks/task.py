"""What every task provides: the differences between kinds of templates, declared in one place."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

if TYPE_CHECKING:
    import keras
    from matplotlib.figure import Figure

    from maquette.contract import TemplateConfig
    from maquette.pipeline import Examples
    from maquette.run import Run
    from maquette.tasks.tensors import Tensor

CLOSE = 0.1


@dataclass(frozen=True)
class Evaluation:
    """How well a model did on one split.

    Args:
        metrics: Figures by name, e.g. `{"accuracy": 0.97}`.
        tables: Rows by title, e.g. precision and recall per class.
        figures: Pictures by name.
    """

    metrics: dict[str, float]
    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    figures: dict[str, Figure] = field(default_factory=dict)


@dataclass(frozen=True)
class ItemScores:
    """A figure for each example of a split, whose mean is one of the metrics.

    Args:
        metric: Name of that metric.
        values: One per example, in the order of the split, shape `(n,)`; boolean for right or
            wrong.
        items: What the examples are, e.g. `"images"`.
    """

    metric: str
    values: np.ndarray
    items: str


@dataclass(frozen=True)
class Probe:
    """Real inputs of one endpoint, and what its outputs should be.

    Args:
        inputs: Arrays by the name of the input; the first axis counts the examples.
        targets: What `Task.judge` scores the outputs by; `None` where there is nothing to score.
    """

    inputs: dict[str, np.ndarray]
    targets: np.ndarray | None = None


@dataclass(frozen=True)
class WebPage:
    """The page on which a browser shows what a task's models do.

    Args:
        name: Of the file in `maquette/web/pages`, without `.js`.
        endpoints: What the page calls.
        scripts: Further files of `maquette/web` that it imports.
    """

    name: str
    endpoints: tuple[str, ...]
    scripts: tuple[str, ...] = ()


class Task(ABC):
    """A kind of problem. The verbs know a template only through its task.

    Attributes:
        kinds: Of the data sources that it opens, e.g. `"images"`; see `maquette.sources`.
        data: The default data source.
        sample: Name of a small data source that is always there, for tests.
        monitor: Name of the validation value that decides which epoch was best; `None` where none
            tells it: then nothing is validated in training, and the last weights stay.
        mode: Direction of the monitored value, `"max"` or `"min"`.
        score: Name of the metric that the export gate compares; `None` where there is none.
        memorised: Share of its first value to which the loss must fall when the model is trained
            on one batch alone; `None` where a falling loss does not tell of learning.
        ranges: Lowest and highest value of inputs and outputs, by name, where they are known.
        lower_is_better: Names of the metrics that a better model has less of.
        tuned_by: Where nothing is monitored, the metric of `evaluate` that a search of options
            goes by; `None` where none can be compared between options.
        not_in: Formats whose runtimes cannot hold its endpoints.
        unused: Options of the template that mean nothing for this one of its tasks.
        web: The page of `maquette export --demo web`; `None` where there is none.
    """

    kinds: ClassVar[frozenset[str]]
    data: str
    sample: str
    monitor: str | None = None
    mode: str = "max"
    score: str | None = None
    memorised: float | None = 0.2
    ranges: ClassVar[dict[str, tuple[float, float]]] = {}
    lower_is_better: ClassVar[frozenset[str]] = frozenset()
    tuned_by: str | None = None
    not_in: ClassVar[frozenset[str]] = frozenset()
    unused: tuple[str, ...] = ()
    web: ClassVar[WebPage | None] = None

    @property
    def name(self) -> str:
        """Its name in the record of a run, e.g. `"image_classification"`."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", type(self).__name__).lower()

    def suits(self, data: Any) -> bool:
        """Return whether data is for this task, of several that open it alike."""
        return True

    @abstractmethod
    def open(self, source: str, config: TemplateConfig, strict: bool = False) -> Any:
        """Open a data source, by name or path, as the options of a template ask for."""

    @abstractmethod
    def describe(self, data: Any) -> dict[str, Any]:
        """Return what `build` needs to know of the data, in plain values for a YAML file."""

    def texts(self, data: Any) -> dict[str, str]:
        """Return what `build` needs and is too long for YAML, as text files by name."""
        return {}

    @abstractmethod
    def described(self, description: dict[str, Any], texts: dict[str, str]) -> Any:
        """Return an object that `build` accepts, from what `describe` and `texts` returned."""

    @abstractmethod
    def adapt(self, data: Any, spec: Any) -> Any:
        """Return data as a run sees it, e.g. with its classes in its order.

        Args:
            data: What `open` returned.
            spec: What `described` returned for the run.
        """

    @abstractmethod
    def examples(self, model: keras.Model, data: Any, split: str) -> Examples:
        """Return a split as tensors for the model."""

    def calibrate(self, model: keras.Model, data: Any) -> None:  # noqa: B027
        """Set weights that no gradient finds, such as a threshold, after the training."""

    @abstractmethod
    def evaluate(self, run: Run, data: Any, split: str) -> Evaluation:
        """Judge a run's model on one split."""

    def item_scores(self, run: Run, data: Any, split: str) -> ItemScores | None:
        """Return a figure for each example of a split, or `None` where single ones have none.

        Runs are compared by them, example by example; they are the same each time.
        """
        return None

    def unit(self, run: Run, metric: str) -> str:
        """Return what a run's metric is measured in; runs are compared in one unit alone.

        By default it is empty: the metric means the same in all runs.
        """
        return ""

    @abstractmethod
    def files(self, paths: Sequence[Path]) -> list[Path]:
        """Return the files to predict from, folders replaced by what the task can read in them."""

    @abstractmethod
    def predict(self, run: Run, files: Sequence[Path]) -> list[dict[str, Any]]:
        """Return rows of predictions."""

    @abstractmethod
    def probes(self, run: Run, data: Any, split: str, count: int) -> dict[str, Probe]:
        """Return at most `count` real inputs for every endpoint of the run, by its name."""

    def agreement(self, endpoint: str, expected: dict, received: dict) -> float:
        """Return the share (0 to 1) of examples on which an exported file agrees with Keras.

        By default an example agrees if all its outputs together differ by at most a tenth of
        their own length.
        """
        first, second = _rows(expected), _rows({name: received[name] for name in expected})
        lengths = np.maximum(np.linalg.norm(first, axis=1), 1e-6)
        return float(np.mean(np.linalg.norm(first - second, axis=1) <= CLOSE * lengths))

    def judge(self, endpoint: str, outputs: dict, targets: np.ndarray) -> float | None:
        """Return the score of an endpoint's outputs, or `None` where there is none for it."""
        return None

    def assets(self, spec: Any) -> dict[str, str]:
        """Return text files that an exported model needs beside it, by file name."""
        return {}

    def tensors(self, spec: Any) -> dict[str, Tensor]:
        """Return what inputs and outputs of the endpoints mean, by name, as far as it is known."""
        return {}

    def server_endpoints(self, run: Run) -> dict[str, keras.Model]:
        """Return endpoints for the SavedModel alone, e.g. with operators that no phone has."""
        return {}

    def web_settings(self, run: Run, probes: dict[str, Probe]) -> dict[str, Any]:
        """Return what the web page must know of a run, in plain values for a JSON file.

        Args:
            run: The run.
            probes: Training examples of each endpoint.
        """
        return {}

    def other_formats(self, run: Run) -> dict[str, bytes]:
        """Return further files of what the model has learned, by name."""
        return {}


def _rows(outputs: dict[str, np.ndarray]) -> np.ndarray:
    """Return all outputs side by side, one row per example."""
    parts = [value.reshape(len(value), -1).astype(np.float64) for value in outputs.values()]
    return np.concatenate(parts, axis=1)
