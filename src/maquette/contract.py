"""The contract that every template keeps.

A template is one file that turns a typed `Config` into Keras models that plain `fit` trains.
It holds, in this order:

1. a docstring, the card: its first line is what `maquette list` prints;
2. `Config`, a `TemplateConfig`, and `TINY`, the smallest `Config` that is still this system;
3. `TASK`, a `maquette.tasks.task.Task`: how raw data becomes tensors and how results are judged;
   a template for several kinds of problems has `TASKS` too, of which the data decides;
4. `build(config, data) -> keras.Model`, compiled, preceded by the blocks it is made of;
5. `search_space(hp) -> dict`, options worth tuning, drawn from KerasTuner hyperparameters;
6. `endpoints(model) -> dict[str, keras.Model]`, Functional models with named inputs and outputs;
7. `figures(model, data) -> dict[str, Figure]`, pictures a person would look at.

Two more functions are optional: `pretrained(model, config, data)` puts published weights into a
fresh model, and `stages(model, config, data)` yields the `Stage`s of a training that has several.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import ModuleType
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from maquette.errors import UserError, nearest

if TYPE_CHECKING:
    import keras

    from maquette.pipeline import Examples
    from maquette.tasks.task import Task

REQUIRED = ("Config", "TINY", "TASK", "build", "search_space", "endpoints", "figures")
RESERVED_OPTIONS = frozenset(
    {"template", "run", "data", "split", "config", "out", "name", "seed", "strict", "as_json"}
    | {"algorithm", "confirm", "resume", "max_minutes", "save_minutes", "callbacks"}
    | {"deterministic", "find_learning_rate", "precision", "steps_per_execution"}
    | {"target", "text_column", "image_column", "source", "report", "figures", "fix", "list_file"}
    | {"second_training", "only", "cheapest", "devices", "coordinator", "processes", "rank"}
    | {"directory", "standalone", "license", "python", "author", "git", "defaults", "from_run"}
)

RENAMED_OPTIONS = {"label_column": "--target"}


class ForEvaluation:
    """Mark of an option that changes how a run is judged, not what is trained.

    `maquette evaluate` takes such options too, and can so judge a run in another way than the one
    it was trained with.

    Example:
        >>> class Config(TemplateConfig):
        ...     trials: Annotated[PositiveInt, ForEvaluation] = 1000
        ...     "Number of trials."
    """


class Options(BaseModel):
    """Options whose mistakes are reported in one line.

    Each field's meaning is the string below it; its type holds its constraint.

    Raises:
        UserError: a key is unknown, or a value is out of range. Names the option, says what was
            received and what is allowed.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False
    )

    @model_validator(mode="wrap")
    @classmethod
    def _one_line_errors(cls, values: Any, handler: Callable[[Any], Any]) -> Any:
        try:
            return handler(values)
        except ValidationError as error:
            first_of_each = {e["loc"][:1]: e for e in reversed(error.errors())}
            problems = [_problem(cls, e) for e in reversed(first_of_each.values())]
            raise UserError("; ".join(problems)) from None


class TemplateConfig(Options):
    """Base of every template's `Config`: the fields that plain `fit` needs stand in each."""

    @property
    def image_shape(self) -> tuple[int, int, int] | None:
        """Of the images that the model takes, where options alone decide it and the data does not.

        Then each image is decoded only once, when the data is opened.
        """
        return None

    @classmethod
    def for_evaluation(cls) -> list[str]:
        """Return the names of the options that are marked with `ForEvaluation`."""
        return [n for n, field in cls.model_fields.items() if ForEvaluation in field.metadata]


def _problem(options: type[BaseModel], error: dict) -> str:
    name = str(error["loc"][0]) if error["loc"] else ""
    option = "--" + name.replace("_", "-")
    if error["type"] == "extra_forbidden" and name in RENAMED_OPTIONS:
        return f"{option} is called {RENAMED_OPTIONS[name]} now"
    if error["type"] == "extra_forbidden":
        return f"unknown option {option}{nearest(name, options.model_fields)}"
    if error["type"] == "too_short":
        return f"{option} takes at least {error['ctx']['min_length']} value; received none"
    message = error["msg"].removeprefix("Input ").removeprefix("Value error, ")
    return f"{option} {message}; received {error['input']!r}"


@dataclass
class Stage:
    """One call of plain `fit`.

    Args:
        name: Shown beside the progress and in the history, e.g. `"head"`.
        model: The compiled model to fit. It shares its weights with the template's model.
        epochs: Passes over the training data.
        batch_size: Examples per step.
        patience: Epochs without improvement of the task's monitored value after which the stage
            ends. `None` trains to the end. The best epoch's weights are kept either way.
        features: Where given, it runs once over the data, and `model` trains on its cached
            outputs instead of on the data itself.
        examples: Where given, it returns what the stage trains on, made from the training
            examples: in another order, changed at random, or with more classes.
        class_weight: Weight of each class in the loss, by index. Defaults to equal weights.
        callbacks: Keras callbacks of this stage alone. One with an attribute `folder` finds the
            run's folder there.
    """

    name: str
    model: keras.Model
    epochs: int
    batch_size: int
    patience: int | None = None
    features: keras.Model | None = None
    examples: Callable[[Examples], Examples] | None = None
    class_weight: dict[int, float] | None = None
    callbacks: list[keras.callbacks.Callback] = field(default_factory=list)


@dataclass(frozen=True)
class Template:
    """A template's parts, gathered from its file by `Template.of`."""

    name: str
    card: str
    Config: type[TemplateConfig]
    TINY: TemplateConfig
    TASK: Task
    TASKS: tuple[Task, ...]
    build: Callable[[TemplateConfig, Any], keras.Model]
    search_space: Callable[[Any], dict[str, Any]]
    endpoints: Callable[[keras.Model], dict[str, keras.Model]]
    figures: Callable[[keras.Model, Any], dict[str, Any]]
    pretrained: Callable[[keras.Model, TemplateConfig, Any], None]
    stages: Callable[[keras.Model, TemplateConfig, Any], Iterator[Stage]]

    @classmethod
    def of(cls, module: ModuleType, name: str | None = None) -> Template:
        """Gather the parts of a template's module.

        Args:
            module: The module.
            name: What the template is called. Defaults to the name of its file.

        Raises:
            UserError: a part is missing, or an option has a name that the command line uses.
        """
        name = name or module.__name__.rpartition(".")[2]
        missing = [part for part in REQUIRED if not hasattr(module, part)]
        if missing or not module.__doc__:
            missing = missing or ["a docstring"]
            raise UserError(f"template {name!r} lacks {', '.join(missing)}; see CONTRIBUTING.md")
        taken = RESERVED_OPTIONS & module.Config.model_fields.keys()
        if taken:
            raise UserError(f"template {name!r} uses reserved option names: {sorted(taken)}")
        parts = {part: getattr(module, part) for part in REQUIRED}
        return cls(
            name=name,
            card=module.__doc__.strip(),
            TASKS=getattr(module, "TASKS", (module.TASK,)),
            pretrained=getattr(module, "pretrained", lambda model, config, data: None),
            stages=getattr(module, "stages", single_stage),
            **parts,
        )

    def task_named(self, name: str | None) -> Task:
        """Return the task of a name, as a run records it; the default one for `None`.

        Raises:
            KeyError: the template has no such task.
        """
        return self.TASK if name is None else {task.name: task for task in self.TASKS}[name]

    def task_for(self, source: str, config: TemplateConfig, strict: bool = False) -> Task:
        """Return the task that a data source is for; see `open`."""
        tasks = self._tasks_for(source)
        return tasks[0] if len(tasks) == 1 else _suitable(tasks, source, config, strict)[0]

    def open(self, source: str, config: TemplateConfig, strict: bool = False) -> tuple[Task, Any]:
        """Open a data source, and return the task that it is for with what that opened.

        Args:
            source: An embedded set's name, or a path.
            config: The template's options.
            strict: Whether to refuse data of which some part cannot be read.

        Raises:
            UserError: the data cannot be used.
        """
        return _suitable(self._tasks_for(source), source, config, strict)

    def _tasks_for(self, source: str) -> list[Task]:
        """Return the tasks that take a source of its kind."""
        if len(self.TASKS) == 1:
            return [self.TASK]
        from maquette.sources import kind_of

        kind = kind_of(source, frozenset().union(*(task.kinds for task in self.TASKS)))
        return [task for task in self.TASKS if kind in task.kinds]


def _suitable(
    tasks: list[Task], source: str, config: TemplateConfig, strict: bool
) -> tuple[Task, Any]:
    """Return the first task that suits the data, which all of them open alike."""
    data = tasks[0].open(source, config, strict)
    task = next(task for task in tasks if task.suits(data))
    for option in task.unused:
        value, usual = getattr(config, option), type(config).model_fields[option].default
        if value != usual:
            what = task.name.replace("_", " ")
            option = "--" + option.replace("_", "-")
            raise UserError(f"{option} means nothing for {what}; leave it out; received {value!r}")
    return task, data


def single_stage(model: keras.Model, config: TemplateConfig, data: Any) -> Iterator[Stage]:
    """Yield the one stage of a template that does not declare its own.

    Its learning rate falls to zero along a cosine.
    """
    from maquette.callbacks.cosine_schedule import CosineSchedule

    yield Stage(
        name="train",
        model=model,
        epochs=config.epochs,
        batch_size=config.batch_size,
        patience=getattr(config, "patience", None),
        class_weight=data.class_weight() if getattr(config, "class_weights", False) else None,
        callbacks=[CosineSchedule()],
    )
