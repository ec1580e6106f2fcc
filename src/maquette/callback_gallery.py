"""The callbacks that `maquette train --callbacks` offers: finding and making them.

A file in `callbacks/` is offered if it has a function `for_training(context)`, which makes its
callback with what suits a training. Listing them does not import TensorFlow.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import maquette.callbacks
from maquette.errors import UserError, nearest
from maquette.gallery import Card

if TYPE_CHECKING:
    import keras

    from maquette.contract import Template, TemplateConfig
    from maquette.pipeline import Examples
    from maquette.tasks.task import Task


@dataclass(frozen=True)
class TrainingContext:
    """What a callback may know of the call of `fit` that it is made for.

    Args:
        model: The compiled model that is fitted: the stage's own.
        template: The template it belongs to.
        config: The template's options.
        data: What the task opened.
        task: The template's task.
        examples: What the stage is trained on, `"train"`, and `"validation"` where it is validated.
        folder: The run's folder.
        seed: Decides the order of the data.
        batch_size: Examples per training step.
        stage: Name of the stage.
    """

    model: keras.Model
    template: Template
    config: TemplateConfig
    data: Any
    task: Task
    examples: dict[str, Examples]
    folder: Path
    seed: int
    batch_size: int = 32
    stage: str = "train"

    def training_batches(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the first batches `(x, y)` of the training, one after the other."""
        batches = self.examples["train"].shuffled(self.batch_size, self.seed).take(count)
        inputs, targets = zip(*batches.as_numpy_iterator(), strict=True)
        return np.concatenate(inputs), np.concatenate(targets)

    def file_name(self, name: str) -> str:
        """Return a file's name without suffix, told apart from that of another stage."""
        return name if self.stage == "train" else f"{name}_{self.stage}"


def callback_names() -> list[str]:
    """Return the names of all callbacks that a training can be given, sorted."""
    return sorted(_files())


def list_callbacks() -> list[Card]:
    """Return the cards of these callbacks: the docstrings of their files, by name."""
    return [_card(name, path) for name, path in sorted(_files().items())]


def require_callbacks(names: Sequence[str]) -> None:
    """Make sure that all names are those of callbacks, each given once.

    Raises:
        UserError: there is no callback of a name, or it is given twice.
    """
    known = callback_names()
    for index, name in enumerate(names):
        if name not in known:
            there_are = f"there are {', '.join(known)}"
            raise UserError(f"no callback {name!r}{nearest(name, known)}; {there_are}")
        if name in names[:index]:
            raise UserError(f"--callbacks has {name!r} twice; give it once")


def make_callbacks(
    names: Sequence[str], context: TrainingContext
) -> list[keras.callbacks.Callback]:
    """Return the named callbacks for one call of `fit`.

    Example:
        >>> make_callbacks(["gradient_flow", "nan_guard"], context)

    Args:
        names: As `callback_names` gives them.
        context: What they are made for.

    Raises:
        UserError: there is no callback of a name, or it is not for this kind of model or data.
    """
    require_callbacks(names)
    modules = (importlib.import_module(f"maquette.callbacks.{name}") for name in names)
    return [module.for_training(context) for module in modules]


def _files() -> dict[str, Path]:
    """Return the path of each file that has `for_training`, by name."""
    modules = pkgutil.iter_modules(maquette.callbacks.__path__)
    paths = {m.name: Path(m.module_finder.path, f"{m.name}.py") for m in modules}
    return {name: path for name, path in paths.items() if _is_offered(path)}


def _is_offered(path: Path) -> bool:
    functions = (node for node in _tree(path).body if isinstance(node, ast.FunctionDef))
    return any(function.name == "for_training" for function in functions)


def _card(name: str, path: Path) -> Card:
    text = ast.get_docstring(_tree(path)) or ""
    return Card(name, text.partition("\n")[0], text)


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
