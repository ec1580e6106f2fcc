"""Fitting: all stages of a training by plain `fit`, to be gone on with from any step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import keras
import tensorflow as tf

from maquette.best_epoch import best_epoch, best_value, keep_best
from maquette.callback_gallery import TrainingContext, make_callbacks
from maquette.callbacks.epoch_log import EpochLog
from maquette.callbacks.progress import EpochProgress
from maquette.contract import Stage, Template, TemplateConfig
from maquette.distribution.processes import all_processes
from maquette.distribution.replicas import (
    own_share,
    require_share_for_each,
    share_loss,
    shared_batch_size,
)
from maquette.errors import UserError
from maquette.execution import Pace
from maquette.fit_options import FitOptions
from maquette.model_state import build_optimizer, values_of
from maquette.pipeline import Examples, Share, cached_features
from maquette.progress import say
from maquette.resumable import (
    FitState,
    OutOfTimeError,
    ResumableCallbacks,
    assign,
    sha256_of,
    variables_of,
)
from maquette.run import Run
from maquette.second_training import First, Second, joined
from maquette.stage_progress import Progress
from maquette.tasks.task import Task

VALIDATION_BATCH = 32


def fit_stages(
    run: Run,
    template: Template,
    config: TemplateConfig,
    model: keras.Model,
    data: Any,
    seed: int,
    callbacks: Sequence[str] = (),
    options: FitOptions | None = None,
    second: Second | None = None,
) -> First | None:
    """Run all stages, or what is left of them, and leave the best epoch's weights in the model.

    Where the task monitors nothing, and in a second training, the last epoch's weights stay; of a
    second training that is stopped, those of the first.

    Args:
        run: Keeps the history, and the states to go on from.
        template: The template.
        config: Its options.
        model: The compiled model.
        data: The opened data.
        seed: Decides the order of the data and all random changes.
        callbacks: Names of further callbacks, as `maquette.callback_gallery` lists them.
            Defaults to none.
        options: When to save, and when to end. Defaults to those of `FitOptions`.
        second: The second training to do. Defaults to none: this is the first.

    Returns:
        What the stages came to; `None` where the user or a time budget stopped them.

    Raises:
        UserError: the options leave nothing to train.
        GateError: the training diverged.
        KeyboardInterrupt: the user or a time budget stopped it before the first epoch's end.
    """
    options = options or FitOptions()
    fitting = _Fitting(run, template, config, model, data, seed, callbacks, options, second)
    return fitting.run_stages()


@dataclass
class _Fitting:
    """The training of one run; see `fit_stages`."""

    run: Run
    template: Template
    config: TemplateConfig
    model: keras.Model
    data: Any
    seed: int
    callbacks: Sequence[str]
    options: FitOptions
    second: Second | None

    def __post_init__(self):
        self.task: Task = self.run.task
        self.progress = Progress.of(self.run.states.newest())
        self.validates = self.task.monitor is not None and self.second is None

    def run_stages(self) -> First | None:
        if self.progress.first and not self.second:
            return self._end_with(self.progress.first)
        if self.second and not self.progress.first:
            self.progress = Progress(first=self.second.first, fit=FitState(self.second.begins_at))
        finished = self._run_all()
        if not finished and self.second:
            self._end_with(self.second.first)
            return None
        if self.progress.best is None:
            if not finished:
                raise KeyboardInterrupt
            raise UserError("these options leave nothing to train; give --epochs 1 or more")
        self.run.record["state_sha256"] = self.progress.sha256
        outcome = self._end_with(First(self.progress.rows, self.progress.best[1]))
        return outcome if finished else None

    def _end_with(self, outcome: First) -> First:
        self.model.set_weights(outcome.weights)
        return outcome

    def _run_all(self) -> bool:
        """Run the stages that are left, and return whether all came to their end."""
        if self.second and self.second.kind == "continue":
            self.model.set_weights(self.second.first.weights)
        if self.progress.model:
            assign(self.model.variables, self.progress.model)
        splits = ("train", "validation") if self.task.monitor else ("train",)
        examples = {
            split: self.task.examples(self.model, self.data, split).kept(f"reading {split}")
            for split in splits
        }
        stages = self.template.stages(self.model, self.config, self.data)
        if self.second:
            stages = self.second.stages(stages, examples["train"])
            examples["train"] = joined(list(examples.values()))
        for number, stage in enumerate(stages):
            if number >= self.progress.stage and not self._run_stage(stage, examples):
                return False
        return True

    def _run_stage(self, stage: Stage, examples: dict[str, Examples]) -> bool:
        with _stage_examples(stage, examples, self.run) as inputs:
            rows, end = self._fit(stage, inputs)
        best = self.progress.best
        if rows:
            value = best_value(rows, self.task) if self.validates else 0.0
            if best is None or value >= best[0]:
                best = (value, self.model.get_weights())
        rows = self.progress.rows + rows
        if rows:
            self.run.save_history([*(self.second.first.rows if self.second else ()), *rows])
        if end is not None:
            values = values_of(self.model.variables)
            done, digest = self.progress.stage + 1, sha256_of(end.variables)
            first = self.progress.first
            self.progress = Progress(done, rows, best, values, sha256=digest, first=first)
            self._save(self.progress)
        else:
            self.progress = replace(self.progress, best=best)
        return end is not None

    def _fit(
        self, stage: Stage, examples: dict[str, Examples]
    ) -> tuple[list[dict], FitState | None]:
        """Fit a stage, and return one row per epoch and the state at its end, if it came to it."""
        share_loss(stage.model)
        require_share_for_each(examples["train"], stage.batch_size)
        best = best_epoch(stage, self.task) if self.validates else []
        log, bars = EpochLog(stage.name), EpochProgress(stage.name)
        callbacks = ResumableCallbacks(
            [*best, *self._callbacks(stage, examples), log, bars, *self.options.budget],
            variables=lambda: variables_of(self.model, stage.model, stage.model.optimizer),
            epochs=stage.epochs,
            steps=examples["train"].steps(stage.batch_size),
            start=self.progress.fit,
            save=lambda state: self._save(replace(self.progress, fit=state)),
            seconds=60 * self.options.save_minutes,
        )
        if callbacks.state.variables:
            _build_state(stage, examples["train"], self.seed)
        asked = self.options.steps_per_execution
        pace = Pace(stage.model, stage.epochs, callbacks.steps, callbacks.all.callbacks, asked)
        try:
            self._fit_part(stage, examples, callbacks, pace)  # of no epoch, the callbacks' end
            while callbacks.state.epoch < stage.epochs:
                self._fit_part(stage, examples, callbacks, pace)
        except (KeyboardInterrupt, OutOfTimeError):
            if all_processes().count > 1:  # The others may be steps ahead; none can go on alone.
                raise
            keep_best(stage.model, best)
            return log.rows, None
        finally:
            bars.close()
        return log.rows, callbacks.state

    def _fit_part(
        self,
        stage: Stage,
        examples: dict[str, Examples],
        callbacks: ResumableCallbacks,
        pace: Pace,
    ) -> None:
        """Call `fit` for one epoch, or for all that is left."""
        state, train = callbacks.state, examples["train"]
        validation = examples["validation"] if self.validates else None
        callbacks.until = pace.until(state.epoch, state.step)
        first, share = state.epoch * callbacks.steps + state.step, own_share()
        stage.model.fit(
            train.shuffled(stage.batch_size, self.seed, first, share),
            steps_per_epoch=callbacks.steps - state.step,
            validation_data=None if validation is None else _in_batches(validation, share),
            initial_epoch=state.epoch,
            epochs=callbacks.until,
            class_weight=stage.class_weight,
            callbacks=[callbacks, pace.clock],
            shuffle=False,
            verbose=0,
        )

    def _callbacks(
        self, stage: Stage, examples: dict[str, Examples]
    ) -> list[keras.callbacks.Callback]:
        """Return the stage's own callbacks and those that the user asked for."""
        for callback in (c for c in stage.callbacks if hasattr(c, "folder")):
            callback.folder = self.run.path
        context = TrainingContext(
            model=stage.model,
            template=self.template,
            config=self.config,
            data=self.data,
            task=self.task,
            examples=examples,
            folder=self.run.path,
            seed=self.seed,
            batch_size=stage.batch_size,
            stage=stage.name,
        )
        return [*stage.callbacks, *make_callbacks(self.callbacks, context)]

    def _save(self, progress: Progress) -> None:
        if all_processes().rank:
            return
        try:
            self.run.states.save(progress.state)
        except OSError as error:
            say(f"warning: cannot save the state ({error.strerror}); the one before it stays")


@contextmanager
def _stage_examples(
    stage: Stage, examples: dict[str, Examples], run: Run
) -> Iterator[dict[str, Examples]]:
    if stage.examples is not None:
        examples = {**examples, "train": stage.examples(examples["train"])}
    if stage.features is None:
        yield examples
        return
    with cached_features(stage.features, examples, VALIDATION_BATCH, run.path) as features:
        yield features


def _in_batches(examples: Examples, share: Share | None) -> tf.data.Dataset:
    return examples.in_order(shared_batch_size(len(examples), VALIDATION_BATCH), share)


def _build_state(stage: Stage, train: Examples, seed: int) -> None:
    """Make the variables that Keras makes in the first step, so that a state can be put in."""
    # As arrays: JAX takes none of TensorFlow's tensors here, as it does in `fit`.
    x, y = next(train.shuffled(stage.batch_size, seed).as_numpy_iterator())
    stage.model.test_on_batch(x, y)
    build_optimizer(stage.model)
