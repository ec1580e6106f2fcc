"""Training: one function for every template, whose stages plain `fit` trains."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np

from maquette.callbacks.progress import EpochProgress
from maquette.configuration import read_config
from maquette.contract import Stage, Template, TemplateConfig
from maquette.errors import GateError, UserError
from maquette.evaluation import choose_split
from maquette.gallery import load_template
from maquette.pipeline import Examples, cached_features
from maquette.progress import say
from maquette.reporting import report
from maquette.run import Run, new_record, new_run_path
from maquette.tasks.task import Task

VALIDATION_BATCH = 32


def train(
    template: str,
    data: str | Path | None = None,
    *,
    config: str | Path | None = None,
    out: str | Path = "saved_models",
    name: str | None = None,
    seed: int | None = None,
    strict: bool = False,
    **options: Any,
) -> Run:
    """Train a template and return its run.

    Example:
        >>> run = maquette.train("transfer", data="photos/", epochs=5)
        >>> run.metrics["validation"]["metrics"]["accuracy"]

    Args:
        template: Name of a template, as `maquette.list()` gives them.
        data: A data source: an embedded set's name, or a path. Defaults to the template's own.
        config: A YAML file of options, or the `config.yaml` of an earlier run. What is given
            directly wins over it.
        out: Folder of all runs.
        name: Name of the run. Defaults to the date and time.
        seed: Decides the initial weights, the order of the data, dropout and augmentation.
            Defaults to 0.
        strict: Refuse data of which some part cannot be read, instead of leaving that part out.
        **options: The template's own options.

    Returns:
        The finished run: model, history, metrics, figures and report lie in its folder.

    Raises:
        UserError: an option or the data cannot be used.
        GateError: the training diverged.
    """
    parts = load_template(template)
    request = read_config(config, template)
    sources = (data, request.data, parts.TASK.data)
    source = str(next(source for source in sources if source is not None))
    seed = seed if seed is not None else request.seed
    chosen = parts.Config(**{**request.options, **options})
    new_run_path(out, template, name)
    opened = parts.TASK.open(source, chosen, strict)
    for note in opened.notes:
        say(f"note: {note}")

    keras.utils.set_random_seed(seed)
    model = parts.build(chosen, opened)
    parts.pretrained(model, chosen, opened)
    record = _record(parts, chosen, opened, seed)
    run = Run.create(out, template, name, record, parts.TASK.texts(opened))
    try:
        fit_stages(run, parts, chosen, model, opened, seed)
        parts.TASK.calibrate(model, opened)
        run.save_model(model)
    except BaseException:
        run.remove()
        raise
    judge(run, opened)
    report.write(run)
    return run


def judge(run: Run, data: Any) -> None:
    """Write the metrics and figures of a trained run.

    Args:
        run: A run whose model is trained.
        data: Its data.
    """
    metrics, figures = {}, {}
    chosen = choose_split(data, None)
    for split in dict.fromkeys((*(s for s in ("validation", "test") if s in data.splits), chosen)):
        result = run.template.TASK.evaluate(run, data, split)
        metrics[split] = {"metrics": result.metrics, "tables": result.tables}
        if split == chosen:
            figures = result.figures
    run.save_metrics(metrics)
    run.save_figures({**figures, **run.template.figures(run.model, data)})


def _record(template: Template, config: TemplateConfig, data: Any, seed: int) -> dict[str, Any]:
    described = {
        "source": data.source,
        "fingerprint": data.fingerprint,
        "sizes": {split: len(examples) for split, examples in data.splits.items()},
        "description": template.TASK.describe(data),
    }
    return new_record(template.name, seed, described, config.model_dump(mode="json"))


def fit_stages(
    run: Run, template: Template, config: TemplateConfig, model: keras.Model, data: Any, seed: int
) -> None:
    """Run all stages, keep the history, and leave the best epoch's weights in the model.

    Where the task monitors nothing, the last epoch's weights stay.
    """
    task = template.TASK
    examples = {
        split: task.examples(model, data, split).in_memory(f"reading {split}")
        for split in (("train", "validation") if task.monitor else ("train",))
    }
    rows: list[dict[str, Any]] = []
    best: tuple[float, list[np.ndarray]] | None = None
    for stage in template.stages(model, config, data):
        with _stage_examples(stage, examples, run.path) as inputs:
            history, interrupted = _fit(stage, inputs, task, run.path, seed)
        if history:
            rows += history
            run.save_history(rows)
            value = _best_value(history, task)
            if best is None or value >= best[0]:
                best = (value, model.get_weights())
        if interrupted:
            if best is None:
                raise KeyboardInterrupt
            say("interrupted; keeping the best of the finished epochs")
            break
    if best is None:
        raise UserError("these options leave nothing to train; give --epochs 1 or more")
    model.set_weights(best[1])


@contextmanager
def _stage_examples(
    stage: Stage, examples: dict[str, Examples], folder: Path
) -> Iterator[dict[str, Examples]]:
    if stage.examples is not None:
        examples = {**examples, "train": stage.examples(examples["train"])}
    if stage.features is None:
        yield examples
        return
    with cached_features(stage.features, examples, VALIDATION_BATCH, folder) as features:
        yield features


def _fit(
    stage: Stage, examples: dict[str, Examples], task: Task, folder: Path, seed: int
) -> tuple[list[dict[str, Any]], bool]:
    """Call `fit`, and return one row per epoch and whether the user interrupted it."""
    train = examples["train"]
    best, log, progress = _best_epoch(stage, task), _EpochLog(stage.name), EpochProgress(stage.name)
    for callback in (c for c in stage.callbacks if hasattr(c, "folder")):
        callback.folder = folder
    validation = examples["validation"].in_order(VALIDATION_BATCH) if task.monitor else None
    try:
        stage.model.fit(
            train.shuffled(stage.batch_size, seed),
            steps_per_epoch=train.steps(stage.batch_size),
            validation_data=validation,
            epochs=stage.epochs,
            class_weight=stage.class_weight,
            callbacks=[*best, *stage.callbacks, log, progress],
            shuffle=False,
            verbose=0,
        )
    except KeyboardInterrupt:
        for callback in best:
            if callback.best_weights is not None:
                stage.model.set_weights(callback.best_weights)
        return log.rows, True
    finally:
        progress.close()
    return log.rows, False


def _best_epoch(stage: Stage, task: Task) -> list[keras.callbacks.EarlyStopping]:
    """Return what brings the best epoch's weights back, where the task tells which is best."""
    if task.monitor is None:
        return []
    return [
        keras.callbacks.EarlyStopping(
            monitor=task.monitor,
            mode=task.mode,
            patience=stage.patience or stage.epochs,
            restore_best_weights=True,
        )
    ]


class _EpochLog(keras.callbacks.Callback):
    """Collect one row per epoch, and end a training whose values are no numbers."""

    def __init__(self, stage: str):
        super().__init__()
        self.stage = stage
        self.rows: list[dict[str, Any]] = []

    def on_epoch_begin(self, epoch, logs=None):
        self._began = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        seconds = round(time.perf_counter() - self._began, 3)
        values = {name: float(value) for name, value in (logs or {}).items()}
        self.rows.append({"stage": self.stage, "epoch": epoch + 1, "seconds": seconds, **values})
        diverged = [f"{name} became {v}" for name, v in values.items() if not np.isfinite(v)]
        if diverged:
            raise GateError(
                f"training diverged in epoch {epoch + 1} of {self.stage}: {diverged[0]}; "
                "a smaller learning rate would help"
            )


def _best_value(rows: list[dict[str, Any]], task: Task) -> float:
    """Return the best monitored value, larger being better; 0 where nothing is monitored."""
    if task.monitor is None:
        return 0.0
    if task.monitor not in rows[0]:
        known = ", ".join(rows[0])
        raise UserError(f"the model reports no {task.monitor!r} to choose by; it reports {known}")
    sign = 1 if task.mode == "max" else -1
    return max(sign * row[task.monitor] for row in rows)
