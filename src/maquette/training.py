"""Training: one function for every template, and one that goes on with a training that stopped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from maquette.callback_gallery import require_callbacks
from maquette.configuration import read_config
from maquette.contract import Template, TemplateConfig
from maquette.errors import GateError, UserError
from maquette.evaluation import judge
from maquette.files import remove_leftovers
from maquette.fitting import FitOptions, fit_stages
from maquette.gallery import load_template
from maquette.progress import say
from maquette.reporting import report
from maquette.run import RECORDED_VERSIONS, Run, new_record, new_run_path
from maquette.second_training import First, Second, SecondTraining, require_possible

PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")


def train(
    template: str,
    data: str | Path | None = None,
    *,
    config: str | Path | None = None,
    out: str | Path = "saved_models",
    name: str | None = None,
    seed: int | None = None,
    strict: bool = False,
    callbacks: Sequence[str] = (),
    max_minutes: float | None = None,
    save_minutes: float = 5.0,
    steps_per_execution: int | None = None,
    deterministic: bool = False,
    precision: str = "float32",
    second_training: SecondTraining | None = None,
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
        callbacks: Names of further callbacks, e.g. `["gradient_flow"]`.
        max_minutes: Time for the training; what it came to is kept, and `resume` goes on with it.
            Defaults to any.
        save_minutes: Minutes between two states within an epoch, for `resume`. Defaults to 5.
        steps_per_execution: Training steps in one call of the compiled function, at most; the
            outcome is the same. Defaults to as many as pay, by the time the first epoch takes.
        deterministic: Use only operators whose result never depends on the order of threads,
            which may be slower.
        precision: `"float32"`, `"mixed_bfloat16"` or `"mixed_float16"`. Mixed computes in 16 bits,
            which is faster on most accelerators; weights and the finished model have 32.
        second_training: After the best epoch was chosen by the validation examples, train on
            these as well, for as many steps: `"retrain"` anew, or `"continue"` with the chosen
            weights. The result is judged on test examples alone. Defaults to none.
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
    require_callbacks(callbacks)
    fit_options = FitOptions(save_minutes, max_minutes, steps_per_execution)
    if precision not in PRECISIONS:
        raise UserError(f"precision must be one of {', '.join(PRECISIONS)}; received {precision!r}")
    new_run_path(out, template, name)
    opened = parts.TASK.open(source, chosen, strict)
    require_possible(second_training, parts, opened)
    for note in opened.notes:
        say(f"note: {note}")

    record = record_of(parts, chosen, opened, seed)
    record["fitting"] = {
        "callbacks": list(callbacks),
        "deterministic": deterministic,
        "precision": precision,
        "second_training": second_training,
    }
    run = Run.create(out, template, name, record, parts.TASK.texts(opened))
    return _finish(run, opened, fit_options)


def resume(
    run: str | Path | Run,
    *,
    max_minutes: float | None = None,
    save_minutes: float = 5.0,
    steps_per_execution: int | None = None,
) -> Run:
    """Go on with a training that was killed or interrupted.

    On the same machine, with the same versions, the outcome is that of a training that was never
    stopped, to the bit: weights, optimizer, history and metrics.

    Example:
        >>> run = maquette.resume("saved_models/cnn/20261120-101500")

    Args:
        run: A run, or the path of its folder.
        max_minutes: Time for the training, counted anew. Defaults to any.
        save_minutes: Minutes between two states within an epoch. Defaults to 5.
        steps_per_execution: As in `train`.

    Returns:
        The finished run.

    Raises:
        UserError: the run is finished, or its data has changed or is gone.
        GateError: the training diverged.
    """
    fit_options = FitOptions(save_minutes, max_minutes, steps_per_execution)
    run = run if isinstance(run, Run) else Run(run)
    if run.is_finished:
        raise UserError(f"{run.path} is finished; `maquette train` begins another training")
    remove_leftovers(run.path)
    recorded = run.record["data"]
    opened = run.template.TASK.open(recorded["source"], run.config)
    if opened.fingerprint != recorded["fingerprint"]:
        raise UserError(
            f"{opened.source} has changed since {run.path} was begun; train anew, or restore it"
        )
    for name in RECORDED_VERSIONS:
        if version(name) != run.record["versions"].get(name):
            began = f"{run.record['versions'].get(name)} began it, this is {version(name)}"
            say(f"note: {name} {began}: the outcome may differ in the last digits")
    return _finish(run, opened, fit_options)


def fit_model(
    run: Run, data: Any, options: FitOptions, second: Second | None = None
) -> tuple[keras.Model, First | None]:
    """Build a run's model and train it, from the start or from the run's newest state.

    Args:
        run: Its record tells template, options, seed and callbacks.
        data: The opened data.
        options: When to save, and when to end.
        second: The second training to do. Defaults to none: this is the first.

    Returns:
        The model with the best epoch's weights, and what its training came to; `None` where it
        was stopped before its end.
    """
    template, seed, fitting = run.template, run.record["seed"], run.record.get("fitting", {})
    if fitting.get("deterministic"):
        tf.config.experimental.enable_op_determinism()
    names = fitting.get("callbacks", ())
    keras.utils.set_random_seed(seed)
    with _precision(fitting.get("precision", "float32")) as is_mixed:
        model = template.build(run.config, data)
        template.pretrained(model, run.config, data)
        outcome = fit_stages(run, template, run.config, model, data, seed, names, options, second)
    if is_mixed:
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


def _finish(run: Run, data: Any, options: FitOptions) -> Run:
    """Train, judge and describe a run; remove it if it came to nothing."""
    go_on = f"go on with: maquette train --resume {run.path}"
    kind, validated = run.record.get("fitting", {}).get("second_training"), None
    try:
        finished = _train_once(run, data, options)
        if finished and kind:
            validated = run.template.TASK.evaluate(run, data, "validation")
            second = Second.after(finished, kind, run.template.TASK)
            say(f"second training: {second}")
            finished = _train_once(run, data, options, second)
    except BaseException as error:
        if isinstance(error, UserError | GateError) or not run.states:
            run.remove()
        else:
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
    run: Run, data: Any, options: FitOptions, second: Second | None = None
) -> First | None:
    """Train a run's model and save it; see `fit_model`."""
    model, outcome = fit_model(run, data, options, second)
    run.template.TASK.calibrate(model, data)
    run.save_model(model)
    return outcome


def record_of(template: Template, config: TemplateConfig, data: Any, seed: int) -> dict[str, Any]:
    """Return what `config.yaml` of a training will hold."""
    described = {
        "source": data.source,
        "fingerprint": data.fingerprint,
        "sizes": {split: len(examples) for split, examples in data.splits.items()},
        "description": template.TASK.describe(data),
    }
    return new_record(template.name, seed, described, config.model_dump(mode="json"))
