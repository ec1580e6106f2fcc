"""Training one setting of a template, and its score on validation data."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras

from maquette.contract import Template, TemplateConfig
from maquette.errors import GateError, UserError
from maquette.fit_options import FitOptions
from maquette.run import Run
from maquette.run_training import fit_model, record_of
from maquette.tuning.journal import EPOCHS
from maquette.tuning.space import SearchSpace

if TYPE_CHECKING:
    from maquette.tasks.task import Task


@dataclass(frozen=True)
class Objective:
    """What a search goes by.

    Args:
        name: Of the validation value that the task monitors, or of a metric of its `evaluate`.
        direction: `"max"` or `"min"`.
        is_monitored: Whether it is a value of each epoch.
    """

    name: str
    direction: str
    is_monitored: bool

    @property
    def lower(self) -> bool:
        """Whether the lower score is the better one."""
        return self.direction == "min"

    @classmethod
    def of(cls, template: Template, task: Task) -> Objective:
        """Return what one of the template's tasks goes by.

        Raises:
            UserError: it declares nothing that tells which model is better.
        """
        if task.monitor is not None:
            return cls(task.monitor, task.mode, True)
        if task.tuned_by is not None:
            direction = "min" if task.tuned_by in task.lower_is_better else "max"
            return cls(task.tuned_by, direction, False)
        raise UserError(
            f"{template.name} cannot be tuned: no value on validation data tells which of its "
            "models is better; compare runs by what `maquette evaluate` tells"
        )


@dataclass(frozen=True)
class Outcome:
    """How well a setting did.

    Args:
        run: The run, with its history.
        model: The trained model.
        score: Best value of the objective.
        epoch: Epoch of that value, counted over all stages.
        seconds: That it took.
    """

    run: Run
    model: keras.Model
    score: float
    epoch: int
    seconds: float


class OpenedData:
    """A data source, opened once for all settings that ask for the same of it."""

    def __init__(self, task: Task, source: str, strict: bool):
        self._task, self._source, self._strict = task, source, strict
        self._names: set[str] = set()
        self._last: tuple[dict[str, Any], Any] | None = None

    def __call__(self, config: TemplateConfig) -> Any:
        """Return the data as these options ask for it."""
        if self._last is not None and self._last[0] == self._asked(config):
            return self._last[1]
        self._last = None  # One at a time: it may be large.
        watched = _Watched(config)
        data = self._task.open(self._source, watched, self._strict)
        self._names |= watched.names
        self._last = (self._asked(config), data)
        return data

    def _asked(self, config: TemplateConfig) -> dict[str, Any]:
        return {name: getattr(config, name) for name in self._names}


class _Watched:
    """Options that remember which of them were read."""

    def __init__(self, config: TemplateConfig):
        self._config, self.names = config, set()

    def __getattr__(self, name: str) -> Any:
        if name in type(self._config).model_fields:
            self.names.add(name)
        return getattr(self._config, name)


class Trainer:
    """Trains settings of a template as `train` does, without looking at the test data.

    Args:
        template: The template.
        task: The one of its tasks that the data is for.
        space: Turns hyperparameters into options.
        fixed: Options that all settings share.
        data: Opens the data.
        objective: What a setting is scored by.
    """

    def __init__(
        self,
        template: Template,
        task: Task,
        space: SearchSpace,
        fixed: Mapping[str, Any],
        data: OpenedData,
        objective: Objective,
    ):
        self.template, self.task = template, task
        self.space, self.fixed = space, dict(fixed)
        self.data, self.objective = data, objective
        self.default = template.Config(**self.fixed)

    def config(self, values: Mapping[str, Any]) -> TemplateConfig:
        """Return the options of a trial; what is fixed wins, but for the epochs of Hyperband.

        Args:
            values: Of the hyperparameters.

        Raises:
            UserError: an option is out of range.
        """
        epochs = {"epochs": values[EPOCHS]} if EPOCHS in values else {}
        return self.template.Config(**{**self.space.options(values), **self.fixed, **epochs})

    def train(self, config: TemplateConfig, out: Path, name: str, seed: int) -> Outcome:
        """Train a setting and score it.

        Args:
            config: Its options.
            out: Where the folder of the run goes; the caller deletes it.
            name: Of the run.
            seed: Of the training.

        Raises:
            KeyboardInterrupt: the training was stopped before its end.
            UserError: nothing can be trained with these options.
            GateError: the training diverged.
        """
        began = time.perf_counter()
        keras.utils.clear_session()
        data = self.data(config)
        record = record_of(self.template, self.task, config, data, seed)
        texts = self.task.texts(data)
        run = Run.create(out, self.template.name, name, record, texts)
        model, finished = fit_model(run, data, FitOptions(save_minutes=math.inf))
        if not finished:
            raise KeyboardInterrupt
        run.states.remove()
        score, epoch = self._score(run, model, data)
        return Outcome(run, model, score, epoch, time.perf_counter() - began)

    def save(self, outcome: Outcome) -> None:
        """Write the model of a trained setting into the folder of its run."""
        self.task.calibrate(outcome.model, self.data(outcome.run.config))
        outcome.run.save_model(outcome.model)

    def _score(self, run: Run, model: keras.Model, data: Any) -> tuple[float, int]:
        name, sign = self.objective.name, 1 if self.objective.direction == "max" else -1
        if self.objective.is_monitored:
            values = [row[name] for row in run.history]
            best = max(range(len(values)), key=lambda epoch: sign * values[epoch])
            return values[best], best + 1
        self.task.calibrate(model, data)
        run.save_model(model)
        value = self.task.evaluate(run, data, "validation").metrics[name]
        if not math.isfinite(value):
            raise GateError(f"{name} became {value}")
        return value, len(run.history)
