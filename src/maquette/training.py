"""Training: one function for every template, and one that goes on with a training that stopped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from maquette.callback_gallery import require_callbacks
from maquette.checking.brief import brief_lines
from maquette.configuration import read_config
from maquette.distribution.placement import Placement, placement
from maquette.distribution.processes import Processes, together
from maquette.errors import UserError
from maquette.files import remove_leftovers
from maquette.fit_options import FitOptions
from maquette.gallery import load_template
from maquette.images.inspection import kept
from maquette.progress import say
from maquette.python_data.as_source import as_source
from maquette.run import Run, new_run_path
from maquette.run_record import RECORDED_VERSIONS
from maquette.run_training import finish, record_of
from maquette.second_training import SecondTraining, require_possible

PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")


def train(
    template: str,
    data: Any = None,
    *,
    target: str | None = None,
    text_column: str | None = None,
    image_column: str | None = None,
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
    devices: int = 1,
    **options: Any,
) -> Run | None:
    """Train a template and return its run.

    Example:
        >>> run = maquette.train("transfer", data="photos/", epochs=5)
        >>> run.metrics["validation"]["metrics"]["accuracy"]

    Args:
        template: Name of a template, as `maquette.list()` gives them.
        data: A data source, as `maquette list --data` tells: an embedded set's name, a path,
            `tfds:NAME`. Or data in memory: `(x, y)`, a dictionary of splits, a `tf.data.Dataset`
            or a data frame, which is written to files in `out` once. Defaults to the template's
            own.
        target: Column, feature or array of what is to be predicted, where the data has columns.
        text_column: Column of the texts.
        image_column: Column of the images.
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
        devices: Devices of this machine that share each batch; of each machine, where several
            processes train together (see `docs/distribution.md`). Defaults to 1.
        **options: The template's own options.

    Returns:
        The finished run: model, history, metrics, figures and report lie in its folder. `None` in
        a process that helped another one to train.

    Raises:
        UserError: an option or the data cannot be used.
        GateError: the training diverged.
    """
    parts = load_template(template)
    request = read_config(config, template)
    seed = seed if seed is not None else request.seed
    chosen = parts.Config(**{**request.options, **options})
    require_callbacks(callbacks)
    fit_options = FitOptions(save_minutes, max_minutes, steps_per_execution)
    if precision not in PRECISIONS:
        raise UserError(f"precision must be one of {', '.join(PRECISIONS)}; received {precision!r}")
    fitting = {
        "callbacks": list(callbacks),
        "deterministic": deterministic,
        "precision": precision,
        "second_training": second_training,
        "devices": devices,
    }
    with together() as processes:
        fit_options = _agreed(fit_options, processes)
        place = placement(devices, processes)
        new_run_path(out, parts.name, name)
        given = next(d for d in (data, request.data, parts.TASK.data) if d is not None)
        source = as_source(given, out, target, text_column, image_column)
        with kept() as known:
            task, opened = parts.open(source, chosen, strict)
        require_possible(second_training, parts, task, opened)
        for line in [*(f"note: {note}" for note in opened.notes), *brief_lines(opened, known)]:
            say(line)
        known.clear()

        record = record_of(parts, task, chosen, opened, seed)
        record["fitting"] = {**fitting, "processes": processes.count}
        same = (seed, record["data"]["fingerprint"], record["config"], record["fitting"])
        processes.require_same(same)
        with processes.folder(out) as folder:
            run = Run.create(folder, parts.name, name, record, task.texts(opened))
            return finish(run, opened, fit_options, place)


def resume(
    run: str | Path | Run,
    *,
    max_minutes: float | None = None,
    save_minutes: float = 5.0,
    steps_per_execution: int | None = None,
) -> Run | None:
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
        The finished run; `None` in a process that helped another one to train.

    Raises:
        UserError: the run is finished, or its data has changed or is gone.
        GateError: the training diverged.
    """
    fit_options = FitOptions(save_minutes, max_minutes, steps_per_execution)
    run = run if isinstance(run, Run) else Run(run)
    if run.is_finished:
        raise UserError(f"{run.path} is finished; `maquette train` begins another training")
    with together() as processes:
        fit_options = _agreed(fit_options, processes)
        place = _placed_again(run, processes)
        with processes.copy(run.path) as path:
            return _go_on(Run(path), fit_options, place)


def _agreed(options: FitOptions, processes: Processes) -> FitOptions:
    """Return options with nothing in them that each process would decide by its own clock."""
    if processes.count == 1:
        return options
    if options.max_minutes is not None:
        raise UserError(
            "--max-minutes is for one process; interrupt several when they have had their time, "
            "and resume them"
        )
    return replace(options, steps_per_execution=options.steps_per_execution or 1)


def _placed_again(run: Run, processes: Processes) -> Placement:
    fitting = {"devices": 1, "processes": 1, **run.record.get("fitting", {})}
    if processes.count != fitting["processes"]:
        began = f"{fitting['processes']} processes began it, now there are {processes.count}"
        say(f"note: {began}: the outcome may differ in the last digits")
    return placement(fitting["devices"], processes)


def _go_on(run: Run, fit_options: FitOptions, place: Placement) -> Run | None:
    remove_leftovers(run.path)
    recorded = run.record["data"]
    opened = run.task.open(recorded["source"], run.config)
    if opened.fingerprint != recorded["fingerprint"]:
        raise UserError(
            f"{opened.source} has changed since {run.path} was begun; train anew, or restore it"
        )
    for name in RECORDED_VERSIONS:
        if version(name) != run.record["versions"].get(name):
            began = f"{run.record['versions'].get(name)} began it, this is {version(name)}"
            say(f"note: {name} {began}: the outcome may differ in the last digits")
    return finish(run, opened, fit_options, place)
