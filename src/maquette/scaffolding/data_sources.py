"""Which data a template can be trained on, read from the files of the datasets folder."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path

import maquette.datasets
from maquette.gallery import template_path
from maquette.installed_templates import file_of
from maquette.scaffolding.card import default_data, task_calls
from maquette.sources import Source


@dataclass(frozen=True)
class DataSource:
    """A file of the datasets folder.

    Attributes:
        name: Its name.
        kinds: What it holds, e.g. `("images",)`.
        card: Its docstring.
        opens_paths: Whether it opens the user's own data by its path.
        comes_last: Whether it opens what no other one does.
    """

    name: str
    kinds: tuple[str, ...]
    card: str
    opens_paths: bool
    comes_last: bool = False

    @property
    def module(self) -> str:
        """The name of its module."""
        return f"maquette.datasets.{self.name}"

    def opens(self, source: str) -> bool:
        """Return whether it could open a source."""
        name = Source.of(source).name
        return import_module(self.module).matches(name) if self.opens_paths else False


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
    kinds = {kind for source in every.values() for kind in source.kinds}
    kinds &= {*_task_kinds(template), *(named.kinds if named else ())}
    return {name: source for name, source in every.items() if kinds & {*source.kinds}}


def needed(template: str, data: str) -> list[DataSource]:
    """Return what a standalone project carries: what opens its data.

    Args:
        template: Name of the template.
        data: The project's data source.
    """
    sources = usable(template)
    if data in sources:
        return [sources[data]]
    return _first_openers(sources, data)


def sample_of(template: str) -> str:
    """Return the name of the small data set that a template is tested on."""
    given = [k.value for call in task_calls(template) for k in call.keywords if k.arg == "sample"]
    if given and isinstance(given[0], ast.Constant):
        return given[0].value
    texts = (file.read_text(encoding="utf-8") for file in task_files(template))
    return next(found[1] for text in texts if (found := re.search(r'sample: str = "(\w+)"', text)))


def task_files(template: str) -> list[Path]:
    """Return the files of the tasks that a template imports, and of those they derive from."""
    found, waiting = [], [template_path(template)]
    while waiting:
        tree = ast.parse(waiting.pop().read_text(encoding="utf-8"))
        imported = (node.module or "" for node in tree.body if isinstance(node, ast.ImportFrom))
        files = (file_of(module) for module in imported if ".tasks." in module)
        new = [file for file in files if file is not None and file not in found]
        found += new
        waiting += new
    return found


def _first_openers(sources: dict[str, DataSource], data: str) -> list[DataSource]:
    """Return for each kind what opens a path, first come first."""
    ordered = sorted(sources.values(), key=lambda source: source.comes_last)
    opening = [source for source in ordered if source.opens(data)]
    kinds = sorted({kind for source in opening for kind in source.kinds})
    first = [next(source for source in opening if kind in source.kinds) for kind in kinds]
    return list(dict.fromkeys(first))


def _read(path: Path) -> DataSource | None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    told = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id in ("KIND", "LAST")
    }
    if "KIND" not in told:
        return None
    kinds = (told["KIND"],) if isinstance(told["KIND"], str) else tuple(told["KIND"])
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    card = ast.get_docstring(tree) or ""
    return DataSource(path.stem, kinds, card, "matches" in functions, told.get("LAST", False))


def _task_kinds(template: str) -> list[str]:
    """Return the kinds of data that the tasks which a template imports declare."""
    trees = (ast.parse(file.read_text(encoding="utf-8")) for file in task_files(template))
    nodes = [node for tree in trees for node in ast.walk(tree)]
    declared = [
        n for n in nodes if isinstance(n, ast.AnnAssign) and ast.unparse(n.target) == "kinds"
    ]
    words = [each for node in declared for each in ast.walk(node)]
    return [n.value for n in words if isinstance(n, ast.Constant) and isinstance(n.value, str)]
