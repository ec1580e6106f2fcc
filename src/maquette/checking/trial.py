"""What a template makes of the data: whether it learns one batch by heart, what all would take."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras
import numpy as np

from maquette.checking.findings import Finding
from maquette.checking.forecast import forecast
from maquette.contract import Stage, Template, TemplateConfig
from maquette.gallery import load_template
from maquette.pipeline import Examples
from maquette.tasks.task import Task

BATCH, ROUNDS = 12, 120
LONGEST = 20.0  # seconds of learning by heart
HALF = 0.5  # of its first value; a loss that falls so far has found something to learn
SEED = 0
BLURRED = 0.5  # of the side that the model takes


@dataclass
class Trial:
    """A template, its options, the data as it opens it, and the seconds that took."""

    template: Template
    config: TemplateConfig
    task: Task
    data: Any
    opening: float

    @classmethod
    def of(cls, template: str, source: str, options: dict[str, Any]) -> Trial:
        """Open the data as a training of the template would.

        Raises:
            UserError: an option or the data cannot be used.
        """
        began, parts = time.perf_counter(), load_template(template)
        config = parts.Config(**options)
        task, data = parts.open(source, config, strict=False)
        return cls(parts, config, task, data, time.perf_counter() - began)

    @cached_property
    def model(self) -> keras.Model:
        keras.utils.set_random_seed(SEED)
        model = self.template.build(self.config, self.data)
        self.template.pretrained(model, self.config, self.data)
        return model

    def findings(self) -> list[Finding]:
        """Return what the model's inputs and one batch tell."""
        batch = self.task.examples(self.model, self.data, "train").sample(BATCH)
        endpoints = self.template.endpoints(self.model)
        ranges = _range_findings(self.task, endpoints, np.asarray(batch.x))
        return [*ranges, *self._by_heart(batch)]

    def forecast(self) -> dict[str, Any]:
        """Return what a whole training would take, about."""
        parts = (self.template, self.config, self.task, self.model, self.data)
        return forecast(*parts, self.opening)

    def _by_heart(self, batch: Examples) -> list[Finding]:
        """Tell of a batch of a few examples that cannot be learned by heart."""
        if self.task.memorised is None:
            return []
        values = [np.array(value) for value in self.model.get_weights()]
        stage = next(iter(self.template.stages(self.model, self.config, self.data)))
        share = max(self.task.memorised, HALF)
        losses = _losses(stage, batch, share)
        self.model.set_weights(values)
        del self.model  # its optimizer has steps behind it
        if min(losses) < share * losses[0] or len(losses) < ROUNDS:  # learned, or out of time
            return []
        message = (
            f"{len(batch)} examples alone cannot be learned by heart: the loss fell from "
            f"{losses[0]:.3g} to {min(losses):.3g} in {len(losses)} steps"
        )
        advice = (
            "labels that do not belong to the examples, inputs without content, or a rate far off"
        )
        return [Finding("warning", "cannot_be_learned", message, (), advice)]


def _losses(stage: Stage, batch: Examples, share: float) -> list[float]:
    """Return the loss of each step of a stage on one batch, until it fell to a share of its first.

    Time ends it as well.
    """
    x, y = batch.x, batch.y
    if stage.features is not None:
        x = np.asarray(stage.features.predict_on_batch(x))
    end = _End(share)
    fit = {"batch_size": len(y), "epochs": ROUNDS, "shuffle": False, "verbose": 0}
    return stage.model.fit(x, y, callbacks=[end], **fit).history["loss"]


class _End(keras.callbacks.Callback):
    """Ends a training when its loss has fallen, or after some seconds."""

    def __init__(self, share: float):
        super().__init__()
        self.share, self.first = share, None

    def on_train_begin(self, logs=None):
        self.end = time.monotonic() + LONGEST

    def on_epoch_end(self, epoch, logs=None):
        self.first = logs["loss"] if self.first is None else self.first
        is_low = logs["loss"] < self.share * self.first
        self.model.stop_training = is_low or time.monotonic() > self.end


def _range_findings(
    task: Task, endpoints: dict[str, keras.Model], values: np.ndarray
) -> list[Finding]:
    """Tell of inputs out of the range that the model expects, or all the same."""
    if not np.issubdtype(values.dtype, np.number) or not values.size:
        return []
    findings, (lowest, highest) = [], (values.min(), values.max())
    for least, most in _expected(task, endpoints, values.shape[1:]):
        if not least <= lowest <= highest <= most:
            message = f"inputs go from {lowest:.3g} to {highest:.3g}; {least} to {most} is expected"
            advice = "scale them as the template's card says"
            findings.append(Finding("error", "out_of_range", message, (), advice))
    if lowest == highest:
        message = f"all inputs are {lowest:.3g} in {len(values)} examples"
        findings.append(Finding("error", "no_content", message, (), "nothing can be learned"))
    return findings


def _expected(
    task: Task, endpoints: dict[str, keras.Model], shape: tuple[int, ...]
) -> list[tuple[float, float]]:
    """Return the range of the endpoints' input that has the shape of an example, if one has."""
    inputs = [tensor for endpoint in endpoints.values() for tensor in endpoint.inputs]
    names = [tensor.name for tensor in inputs if tuple(tensor.shape[1:]) == tuple(shape)]
    return [task.ranges[name] for name in names if name in task.ranges][:1]
