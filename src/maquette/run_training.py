"""From a run that was begun to one that is trained, judged and described."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from maquette.contract import Template, TemplateConfig
from maquette.distribution.placement import Placement
from maquette.distribution.processes import all_processes, tell_run
from maquette.errors import GateError, UserError
from maquette.evaluation import judge
from maquette.fit_options import FitOptions
from maquette.fitting import fit_stages
from maquette.progress import say
from maquette.reporting import report
from maquette.run import Run
from maquette.run_record import new_record
from maquette.second_training import First, Second

if TYPE_CHECKING:
    from maquette.tasks.task import Task


def fit_model(
    run: Run,
    data: Any,
    options: FitOptions,
    second: Second | None = None,
    place: Placement | None = None,
) -> tuple[keras.Model, First | None]:
    """Build a run's model and train it, from the start or from the run's newest state.

    Args:
        run: Its record tells template, options, seed and callbacks.
        data: The opened data.
        options: When to save, and when to end.
        second: The second training to do. Defaults to none: this is the first.
        place: Where to train. Defaults to one device.

    Returns:
        The model with the best epoch's weights, and what its training came to; `None` where it
        was stopped before its end.
    """
    template, seed, fitting = run.template, run.record["seed"], run.record.get("fitting", {})
    if fitting.get("deterministic"):
        tf.config.experimental.enable_op_determinism()
    names = fitting.get("callbacks", ())
    keras.utils.set_random_seed(seed)
    place = place or Placement()
    with _precision(fitting.get("precision", "float32")) as is_mixed, place.scope():
        model = template.build(run.config, data)
        template.pretrained(model, run.config, data)
        outcome = fit_stages(run, template, run.config, model, data, seed, names, options, second)
    if is_mixed or place.replicas > 1:
        weights, model = model.get_weights(), template.build(run.config, data)
        model.set_weights(weights)
    return model, outcome


@contextmanager
def _precision(policy: str) -> Iterator[bool]:
    """Build layers of this precision, and yield whether it is another than they usually have."""
    usual = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield usual.name != policy
    finally:
        keras.config.set_dtype_policy(usual)


def finish(run: Run, data: Any, options: FitOptions, place: Placement) -> Run | None:
    """Train, judge and describe a run; remove it if it came to nothing.

    Args:
        run: A run that was begun.
        data: Its data.
        options: When to save, and when to end.
        place: Where to train.

    Returns:
        The run; `None` in a process that helped another one to train.
    """
    go_on = f"go on with: maquette train --resume {run.path}"
    kind, validated = run.record.get("fitting", {}).get("second_training"), None
    processes = all_processes()
    tell_run(run.path)
    try:
        finished = _train_once(run, data, options, place)
        if finished and kind:
            validated = run.task.evaluate(run, data, "validation")
            second = Second.after(finished, kind, run.task)
            say(f"second training: {second}")
            finished = _train_once(run, data, options, place, second)
        processes.part(run.model.get_weights())
        if processes.rank:
            return None
    except BaseException as error:
        if isinstance(error, UserError | GateError) or not run.states:
            run.remove()
        elif processes.count == 1:  # Several have been told at their beginning.
            say(go_on)
        raise
    if not finished:
        say(f"stopped early; keeping the best of the finished epochs; {go_on}")
    judge(run, data, validated if finished else None)
    report.write(run)
    if finished:
        run.states.remove()
    return run


def _train_once(
    run: Run, data: Any, options: FitOptions, place: Placement, second: Second | None = None
) -> First | None:
    """Train a run's model and save it; see `fit_model`."""
    model, outcome = fit_model(run, data, options, second, place)
    run.task.calibrate(model, data)
    run.save_model(model)
    return outcome


def record_of(
    template: Template, task: Task, config: TemplateConfig, data: Any, seed: int
) -> dict[str, Any]:
    """Return what `config.yaml` of a training will hold."""
    described = {
        "source": data.source,
        "fingerprint": data.fingerprint,
        "sizes": {split: len(examples) for split, examples in data.splits.items()},
        "description": task.describe(data),
    }
    return new_record(template.name, task.name, seed, described, config.model_dump(mode="json"))
