"""Which data a template can be trained on, read from the files of the datasets folder."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path

import maquette
import maquette.datasets
from maquette.gallery import template_path
from maquette.scaffolding.card import default_data

OWN = "data"  # Folder of a project for the data of its owner.


@dataclass(frozen=True)
class DataSource:
    """A file of the datasets folder.

    Attributes:
        name: Its name.
        kind: What it holds, e.g. `"images"`.
        card: Its docstring.
        opens_paths: Whether it opens the user's own data by its path.
    """

    name: str
    kind: str
    card: str
    opens_paths: bool

    @property
    def module(self) -> str:
        """The name of its module."""
        return f"maquette.datasets.{self.name}"

    def opens(self, source: str) -> bool:
        """Return whether it is what opens a source."""
        return import_module(self.module).matches(source) if self.opens_paths else False


@cache
def data_sources() -> dict[str, DataSource]:
    """Return all data sources by name."""
    folder = Path(next(iter(maquette.datasets.__path__)))
    found = (_read(path) for path in sorted(folder.glob("*.py")))
    return {source.name: source for source in found if source is not None}


def usable(template: str) -> dict[str, DataSource]:
    """Return the data sources that a template takes, by name."""
    every = data_sources()
    named = every.get(default_data(template))
    kinds = {source.kind for source in every.values()} & set(_task_words(template))
    kinds |= {named.kind} if named else set()
    return {name: source for name, source in every.items() if source.kind in kinds}


def needed(template: str, data: str) -> list[DataSource]:
    """Return what a project carries: what opens its data, and what opens its folder `data/`.

    Args:
        template: Name of the template.
        data: The project's data source.
    """
    sources = usable(template)
    if data in sources:
        own = [next(openers, None) for openers in _openers(sources, f"./{OWN}/")]
        return [sources[data], *filter(None, own)]
    return [first for openers in _openers(sources, data) if (first := next(openers, None))]


def _openers(sources: dict[str, DataSource], data: str) -> Iterator[Iterator[DataSource]]:
    """Yield for each kind what opens a path, first come first."""
    for kind in sorted({source.kind for source in sources.values()}):
        of_kind = [source for source in sources.values() if source.kind == kind]
        yield (source for source in of_kind if source.opens(data))


def _read(path: Path) -> DataSource | None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    constants = {
        node.targets[0].id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
    }
    if "KIND" not in constants:
        return None
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    card = ast.get_docstring(tree) or ""
    return DataSource(path.stem, constants["KIND"], card, "matches" in functions)


def _task_words(template: str) -> list[str]:
    """Return the strings in the files of the tasks that a template imports."""
    tree = ast.parse(template_path(template).read_text(encoding="utf-8"))
    imported = (node.module or "" for node in tree.body if isinstance(node, ast.ImportFrom))
    words = []
    for module in imported:
        if module.startswith("maquette.tasks."):
            file = Path(maquette.__file__).parent / "tasks" / f"{module.rpartition('.')[2]}.py"
            nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
            words += [node.value for node in nodes if isinstance(node, ast.Constant)]
    return [word for word in words if isinstance(word, str)]
