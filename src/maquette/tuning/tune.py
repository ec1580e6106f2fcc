"""Tuning: trials of a template's options, and what came of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from maquette.addresses import Address
from maquette.configuration import read_config
from maquette.errors import UserError, nearest
from maquette.gallery import load_template
from maquette.python_data.as_source import as_source
from maquette.tuning.cheapest import COSTS
from maquette.tuning.limits import Limits
from maquette.tuning.oracles import ORACLES
from maquette.tuning.search import Search, SearchRecord
from maquette.tuning.trainer import Objective
from maquette.tuning.work import Work, require

TRIALS = 20


def tune(
    template: str | None = None,
    data: Any = None,
    *,
    target: str | None = None,
    text_column: str | None = None,
    image_column: str | None = None,
    algorithm: str = "random",
    only: Sequence[str] = (),
    cheapest: str | None = None,
    trials: int | None = None,
    config: str | Path | None = None,
    out: str | Path = "saved_models",
    name: str | None = None,
    seed: int | None = None,
    strict: bool = False,
    max_minutes: float | None = None,
    confirm: int | None = None,
    resume: str | Path | None = None,
    chief: str | int | None = None,
    worker: str | int | None = None,
    **options: Any,
) -> Search:
    """Search for good options of a template.

    Each trial is trained as `train` does, and scored by the best epoch's validation value. The
    test data is not looked at. Options that are given, here or by the configuration, are the same
    in all trials; the others are drawn from the template's `search_space`.

    Example:
        >>> search = maquette.tune("cnn", data="photos/", epochs=5, trials=20)
        >>> run = maquette.train("cnn", config=search.best_config)

    Args:
        template: Name of a template.
        data: A data source, or data in memory, as in `train`. Defaults to the template's own.
        target: Column, feature or array of what is to be predicted, where the data has columns.
        text_column: Column of the texts.
        image_column: Column of the images.
        algorithm: `"random"`, `"grid"`, `"bayesian"`, `"hyperband"` or `"zoom"`.
        only: Options to tune, of those that the template tunes. Defaults to all.
        cheapest: `"size"` or `"latency"`: also export each trial to int8, measure the file, and
            choose the smallest or fastest one that is no worse than the best beyond chance. A
            trial whose file does not pass the gate of `export` has failed.
        trials: How many. Defaults to 20; where a search is resumed, to what it was begun with.
        config: A YAML file of options that are not tuned.
        out: Folder of all runs and searches.
        name: Name of the search. Defaults to `tune-` with the date and time.
        seed: Of the search and of all its trainings. Defaults to 0.
        strict: Refuse data of which some part cannot be read.
        max_minutes: Time for all trials; the one under way then is given up.
        confirm: Afterwards, train the best options and the default ones with so many other seeds,
            2 or more, and test whether the difference is more than chance.
        resume: Folder of a search to go on with; only `trials`, `max_minutes` and `confirm` can be
            given with it.
        chief: Port, or `HOST:PORT`, at which to hand out trials to workers instead of training
            them here. There is no authentication.
        worker: The address of the chief of the search that `resume` names: train trials for it.
        **options: Options of the template that are not tuned.

    Returns:
        The search; its files lie in its folder.

    Raises:
        UserError: an option or the data cannot be used, or there is nothing to tune.
        GateError: all trials failed.
    """
    require(
        max_minutes is None or max_minutes > 0,
        f"max_minutes must be above 0; received {max_minutes}",
    )
    limits = Limits(max_minutes)
    served = None if chief is None else Address.of(chief)
    if served is not None:
        served.require_free()
    require(trials is None or trials >= 1, f"trials must be 1 or more; received {trials}")
    require(confirm is None or confirm >= 2, f"confirm must be 2 or more; received {confirm}")
    if resume is not None:
        columns = (target, text_column, image_column)
        given = (template, data, config, name, seed, cheapest, *columns, *only, *options.values())
        require(
            all(value is None for value in given),
            "resume goes on with a search as it was begun; only trials, max_minutes and confirm "
            "can be given with it",
        )
        work = Work(Search(resume).record, Path(resume))
        if worker is not None:
            return work.help(Address.of(worker))
        work.go_on(trials)
    else:
        require(template is not None, "tune needs a template")
        require(worker is None, "a worker needs the folder of its search, as resume")
        request = read_config(config, template)
        tuned = [option.replace("-", "_") for option in only]
        usual = (request.data, load_template(template).TASK.data)
        chosen = next(d for d in (data, *usual) if d is not None)
        record = _asked(
            template,
            as_source(chosen, out, target, text_column, image_column),
            {n: v for n, v in request.options.items() if n not in tuned},
            options,
            only=tuned,
            cheapest=cheapest,
            algorithm=algorithm,
            trials=trials or TRIALS,
            seed=seed if seed is not None else request.seed,
            strict=strict,
        )
        work = Work.begin(record, out, name)
    return work.run(limits, confirm, served)


def _asked(
    template: str,
    source: str,
    of_file: dict[str, Any],
    options: dict[str, Any],
    algorithm: str,
    only: list[str],
    cheapest: str | None,
    **rest: Any,
) -> SearchRecord:
    """Return the record of a search, its options checked."""
    both = next((name for name in only if name in options), None)
    require(both is None, f"{both} is to be tuned and has a value, {options.get(both)!r}; drop one")
    require(
        cheapest is None or cheapest in COSTS,
        f"cheapest is by {' or '.join(COSTS)}; received {cheapest!r}",
    )
    if algorithm not in ORACLES:
        known = f"there are {', '.join(ORACLES)}{nearest(algorithm, ORACLES)}"
        raise UserError(f"no algorithm {algorithm!r}; {known}")
    parts = load_template(template)
    fixed = {**of_file, **options}
    config = parts.Config(**fixed)
    task = parts.task_for(source, config, rest["strict"])
    objective = Objective.of(parts, task)
    return SearchRecord(
        template=parts.name,
        task=task.name,
        source=source,
        algorithm=algorithm,
        objective=objective.name,
        direction=objective.direction,
        only=only,
        cheapest=cheapest,
        fixed=config.model_dump(mode="json", include=set(fixed)),
        **rest,
    )
