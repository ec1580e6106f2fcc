"""Finding the learning rate of a template for its data, by one short training."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from maquette.callbacks.learning_rate_finder import LearningRateFinder
from maquette.configuration import read_config
from maquette.contract import Stage, Template
from maquette.errors import UserError
from maquette.files import require_writable, written_whole
from maquette.gallery import load_template
from maquette.pipeline import cached_features
from maquette.progress import say
from maquette.python_data.as_source import as_source
from maquette.reporting import plots

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from maquette.pipeline import Examples
    from maquette.tasks.task import Task

FILE = "learning_rate.png"
BATCH = 32


@dataclass(frozen=True)
class RateSearch:
    """What a search for the learning rate found.

    Args:
        suggestion: The rate to train with; `None` where no rate made the loss fall.
        best: The rate at which the smoothed loss was lowest.
        steepest: The rate at which it fell fastest.
        rates: The rates that were tried, shape `(steps,)`.
        losses: The loss of each step, shape `(steps,)`.
        smoothed: The same, smoothed.
        stage: Name of the stage that it is for.
    """

    suggestion: float | None
    best: float
    steepest: float
    rates: np.ndarray
    losses: np.ndarray
    smoothed: np.ndarray
    stage: str

    def figure(self) -> Figure:
        """Return a picture of the losses over the rates, with the suggestion."""
        marks = {"lowest": self.best, "steepest": self.steepest}
        if self.suggestion is not None:
            marks["suggested"] = self.suggestion
        return plots.learning_rates(self.rates, self.losses, self.smoothed, marks)


def find_learning_rate(
    template: str,
    data: Any = None,
    *,
    target: str | None = None,
    text_column: str | None = None,
    image_column: str | None = None,
    config: str | Path | None = None,
    out: str | Path | None = None,
    seed: int | None = None,
    strict: bool = False,
    stage: str | None = None,
    steps: int = 100,
    **options: Any,
) -> RateSearch:
    """Try learning rates on a template's data and suggest one.

    Nothing is kept of the training that it takes. Schedules and other callbacks of the template
    are left out of it.

    Example:
        >>> found = maquette.find_learning_rate("cnn", data="photos/")
        >>> run = maquette.train("cnn", data="photos/", learning_rate=found.suggestion)

    Args:
        template: Name of a template, as `maquette.list()` gives them.
        data: A data source, or data in memory, as in `train`. Defaults to the template's own.
        target: Column, feature or array of what is to be predicted, where the data has columns.
        text_column: Column of the texts.
        image_column: Column of the images.
        config: A YAML file of options, or the `config.yaml` of an earlier run. What is given
            directly wins over it.
        out: Folder in which `learning_rate.png` is written. Defaults to writing none.
        seed: Decides the initial weights and the order of the data. Defaults to 0.
        strict: Refuse data of which some part cannot be read, instead of leaving that part out.
        stage: Name of the stage to find the rate of, those before it being trained as usual.
            Defaults to the first one.
        steps: Number of rates to try. Defaults to 100.
        **options: The template's own options.

    Raises:
        UserError: an option or the data cannot be used, or there is no stage of that name.
    """
    parts = load_template(template)
    request = read_config(config, template)
    given = next(d for d in (data, request.data, parts.TASK.data) if d is not None)
    seed = seed if seed is not None else request.seed
    chosen = parts.Config(**{**request.options, **options})
    if out is not None:
        require_writable(Path(out))
    source = as_source(given, out or "saved_models", target, text_column, image_column)
    task, opened = parts.open(source, chosen, strict)
    keras.utils.set_random_seed(seed)
    model = parts.build(chosen, opened)
    parts.pretrained(model, chosen, opened)
    found = _search(parts, task, model, chosen, opened, stage, seed, steps)
    if out is not None:
        with written_whole(Path(out) / FILE) as temporary:
            found.figure().savefig(temporary, dpi=120)
    return found


def _search(
    template: Template,
    task: Task,
    model: keras.Model,
    config: Any,
    data: Any,
    name: str | None,
    seed: int,
    steps: int,
) -> RateSearch:
    """Run the stages before the named one, and search in that."""
    train = task.examples(model, data, "train").kept("reading train")
    names = []
    for stage in template.stages(model, config, data):
        names.append(stage.name)
        with _inputs(stage, train) as examples:
            if name in (None, stage.name):
                return _search_in(stage, examples, seed, steps)
            say(f"training {stage.name} first")
            _fit(stage, examples, seed, stage.epochs, stage.callbacks)
    raise UserError(f"{template.name} has no stage {name!r}; there are {', '.join(names)}")


@contextmanager
def _inputs(stage: Stage, train: Examples) -> Iterator[Examples]:
    """Yield what a stage is trained on."""
    train = stage.examples(train) if stage.examples else train
    if stage.features is None:
        yield train
        return
    with (
        TemporaryDirectory() as folder,
        cached_features(stage.features, {"train": train}, BATCH, Path(folder)) as features,
    ):
        yield features["train"]


def _search_in(stage: Stage, train: Examples, seed: int, steps: int) -> RateSearch:
    finder = LearningRateFinder(steps=steps)
    executions = -(-train.steps(stage.batch_size) // (stage.model.steps_per_execution or 1))
    _fit(stage, train, seed, -(-steps // executions), [finder])
    return RateSearch(
        suggestion=finder.suggestion,
        best=finder.best_rate,
        steepest=finder.steepest_rate,
        rates=finder.rates,
        losses=np.array(finder.losses),
        smoothed=finder.smoothed_losses,
        stage=stage.name,
    )


def _fit(stage: Stage, train: Examples, seed: int, epochs: int, callbacks: list) -> None:
    stage.model.fit(
        train.shuffled(stage.batch_size, seed),
        steps_per_epoch=train.steps(stage.batch_size),
        epochs=epochs,
        class_weight=stage.class_weight,
        callbacks=callbacks,
        shuffle=False,
        verbose=0,
    )
