"""What a training would take: some steps of each stage are timed, and the rest is multiplied."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from maquette.contract import Stage, Template, TemplateConfig
from maquette.fitting import VALIDATION_BATCH
from maquette.peak_memory import peak_memory
from maquette.pipeline import MEMORY_BUDGET, Examples
from maquette.tasks.task import Task

WARM_UP, TIMED = 3, 8
LONGEST = 8.0  # seconds of timed steps of a stage
LEAST, MOST = 0.8, 1.4  # how far the rest of a training was from its first steps
AROUND = 15.0  # seconds for loading TensorFlow, saving, figures and the report
READ_AT_ONCE = 64


def forecast(
    template: Template,
    config: TemplateConfig,
    task: Task,
    model: keras.Model,
    data: Any,
    opening: float,
) -> dict[str, Any]:
    """Return seconds and peak memory of a training, about.

    Args:
        template: The template.
        config: Its options.
        task: What the training is for.
        model: A fresh model. Its weights change.
        data: The opened data.
        opening: Seconds that opening it took.

    Returns:
        `stages`, a row for each; `seconds`, the least and the most; `memory_mb`, `None` where the
        system does not tell it; `summary`.
    """
    train = task.examples(model, data, "train")
    sizes = {name: len(task.examples(model, data, name)) for name in data.splits}
    reading, batch = _timed_reading(train)
    held = _held_bytes(train, sizes)
    rows, seconds, judging = [], opening + AROUND, 0.0
    if held:
        seconds += reading * (sizes["train"] + sizes.get("validation", 0))
    for stage in template.stages(model, config, data):
        once, step, judging = _timed_stage(stage, batch, sizes, 0.0 if held else reading)
        steps = train.steps(stage.batch_size) if stage.examples is None else _steps(stage, train)
        whole = once + stage.epochs * (steps * step + judging)
        rows.append(
            {
                "stage": stage.name,
                "epochs": stage.epochs,
                "steps per epoch": steps,
                "ms per step": round(1000 * step, 1),
                "about seconds": round(whole, 1),
            }
        )
        seconds += whole
    seconds += judging / max(sizes.get("validation", 1), 1) * sum(_judged(sizes).values())
    low, high = LEAST * seconds, MOST * seconds
    memory = peak_memory()
    told = f"about {_spoken(low)} to {_spoken(high)}, if no stage ends early"
    if memory is not None:
        memory += held
        told += f"; about {memory / 1e9:.1f} GB of memory"
    return {
        "stages": rows,
        "seconds": [round(low), round(high)],
        "memory_mb": memory and round(memory / 1e6),
        "summary": told,
    }


def _judged(sizes: dict[str, int]) -> dict[str, int]:
    """Return the splits that a finished model is judged on."""
    return {split: count for split, count in sizes.items() if split != "train"}


def _steps(stage: Stage, train: Examples) -> int:
    return stage.examples(train).steps(stage.batch_size)


def _timed_reading(train: Examples) -> tuple[float, Examples]:
    """Return the seconds that reading an example takes, and some examples in memory."""
    began = time.perf_counter()
    batch = train.sample(READ_AT_ONCE)
    return (time.perf_counter() - began) / len(batch), batch


def _held_bytes(train: Examples, sizes: dict[str, int]) -> int:
    """Return the bytes of the examples that a training reads once and holds; 0 if too many."""
    if isinstance(train.x, np.ndarray):
        return 0
    each = int(np.prod(train.x.shape[1:])) * np.dtype(train.x.dtype).itemsize
    needed = each * (sizes["train"] + sizes.get("validation", 0))
    return needed if needed <= MEMORY_BUDGET else 0


def _timed_stage(
    stage: Stage, batch: Examples, sizes: dict[str, int], reading: float
) -> tuple[float, float, float]:
    """Return seconds before the first epoch, of a step, and of judging after each epoch."""
    began = time.perf_counter()
    examples = stage.examples(batch) if stage.examples else batch
    x, y = np.asarray(examples.x), np.asarray(examples.y)
    features = 0.0
    if stage.features is not None:
        x, features = _timed_features(stage.features, x)
    x, y = _repeated(x, stage.batch_size), _repeated(y, stage.batch_size)
    for _ in range(WARM_UP):
        stage.model.train_on_batch(x, y)
    once = time.perf_counter() - began
    step = _median_seconds(lambda: stage.model.train_on_batch(x, y))
    step += reading * stage.batch_size
    part = x[:VALIDATION_BATCH], y[:VALIDATION_BATCH]
    stage.model.test_on_batch(*part)
    judged = sizes.get("validation", 0) / len(part[0])
    judging = judged * (_median_seconds(lambda: stage.model.test_on_batch(*part)))
    held = sizes["train"] + sizes.get("validation", 0)
    return once + features * held, step, judging


def _timed_features(model: keras.Model, x: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the outputs of some examples, and the seconds that one takes."""
    x = _repeated(x, VALIDATION_BATCH)
    outputs = np.asarray(model.predict_on_batch(x))
    return outputs, _median_seconds(lambda: model.predict_on_batch(x)) / len(x)


def _repeated(values: np.ndarray, count: int) -> np.ndarray:
    return values[np.arange(count) % len(values)]


def _median_seconds(call: Callable[[], Any]) -> float:
    """Return how long a call takes, half of the calls less and half of them more."""
    times, end = [], time.perf_counter() + LONGEST
    while len(times) < TIMED and (not times or time.perf_counter() < end):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return float(np.median(times))


def _spoken(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"
