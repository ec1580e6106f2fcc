"""What every task provides: the differences between kinds of templates, declared in one place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import keras
    import numpy as np
    from matplotlib.figure import Figure

    from maquette.pipeline import Examples


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


class Task(Protocol):
    """A kind of problem. The verbs know a template only through its task.

    Attributes:
        data: The default data source.
        monitor: Name of the validation value that decides which epoch was best, and `mode`
            (`"max"` or `"min"`) its direction.
        score: Name of the metric that the export gate compares.
        ranges: Lowest and highest value of inputs and outputs, by name, where they are known.
    """

    data: str
    monitor: str
    mode: str
    score: str
    ranges: dict[str, tuple[float, float]]

    def open(self, source: str, strict: bool = False) -> Any:
        """Open a data source, by name or path."""

    def sample(self) -> Any:
        """Return a little real data that is always there, for tests."""

    def describe(self, data: Any) -> dict[str, Any]:
        """Return what `build` needs to know of the data, in plain values for a YAML file."""

    def described(self, description: dict[str, Any]) -> Any:
        """Return an object that `build` accepts, from what `describe` returned."""

    def examples(self, model: keras.Model, data: Any, split: str) -> Examples:
        """Return a split as tensors for the model."""

    def evaluate(self, model: keras.Model, examples: Examples, data: Any, split: str) -> Evaluation:
        """Judge a model on one split."""

    def files(self, paths: Sequence[Path]) -> list[Path]:
        """Return the files to predict from, folders replaced by what the task can read in them."""

    def predict(
        self, endpoint: keras.Model, files: Sequence[Path], description: Any
    ) -> list[dict[str, Any]]:
        """Return one row of predictions per file."""

    def inputs(self, endpoint: keras.Model, examples: Examples) -> dict[str, np.ndarray]:
        """Return real inputs for an endpoint, by the names of its inputs."""

    def agreement(self, expected: dict, received: dict) -> float:
        """Return the share (0 to 1) of outputs of an exported file that agree with Keras'."""

    def judge(self, outputs: dict, targets: np.ndarray) -> float | None:
        """Return the score of an endpoint's outputs, or `None` where there is none for it."""

    def assets(self, description: Any) -> dict[str, str]:
        """Return text files that an exported model needs beside it, by file name."""
