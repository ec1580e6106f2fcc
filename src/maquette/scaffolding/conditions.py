"""Parts of an edition that only some projects need.

A line of an edition that ends in `# if CONDITION`, and the lines between `# if CONDITION` and
`# end`, are written only where the condition holds. It is a word, `not` and a word, or several of
these joined by `or`, or by `and`. A word holds where the template or its task defines or reads what
it names or, if it ends in `=`, where the template passes such an argument.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Set
from pathlib import Path

from maquette.gallery import template_path
from maquette.installed_templates import file_of
from maquette.scaffolding.data_sources import DataSource, task_files

BLOCK = re.compile(r"^( *)# if (.+)\n((?:.*\n)*?)\1# end\n", re.MULTILINE)
LINE = re.compile(r"^(.*?) *# if (.+)\n", re.MULTILINE)
HOOKS = frozenset({"assets", "calibrate", "server_endpoints", "texts", "tuned_by"})
RECURRENT = frozenset(
    {"Bidirectional", "ConvLSTM1D", "ConvLSTM2D", "GRU", "LSTM", "RNN", "SimpleRNN"}
)
BASES = ("task.py", "image_task.py")  # Editions stand in for these.


def traits(template: str, sources: Iterable[DataSource]) -> set[str]:
    """Return the words that hold for a project.

    Args:
        template: Name of the template.
        sources: What opens the project's data.
    """
    tree = _tree(template_path(template))
    found = {*_named(tree)}
    tasks = [_tree(file) for file in task_files(template) if file.name not in BASES]
    found |= HOOKS & {name for task in tasks for name in _named(task)}
    if all("adapt" in _named(_tree(file)) for file in _imported(tree, ".tasks.")):
        found.add("adapt")
    if any("folder" in _attributes(_tree(file)) for file in _imported(tree, ".callbacks.")):
        found.add("folder")
    if RECURRENT & _attributes(tree):
        found.add("recurrent")
    for source in sources:
        found |= {source.name, "opens_paths"} if source.opens_paths else {source.name}
    return found | ({"reads_files"} if "image_folder" in found else set())


def without_needless(text: str, holding: Set[str]) -> str:
    """Return an edition without the parts whose condition does not hold.

    Args:
        text: Of the edition.
        holding: The words that hold.
    """
    while BLOCK.search(text):  # A block may stand in another one, further to the right.
        text = BLOCK.sub(lambda match: match[3] if _holds(match[2], holding) else "", text)
    return LINE.sub(lambda match: f"{match[1]}\n" if _holds(match[2], holding) else "", text)


def _holds(condition: str, holding: Set[str]) -> bool:
    joined = all if " and " in condition else any
    words = re.split(r" and | or ", condition)
    return joined((word.split()[-1] in holding) != word.startswith("not ") for word in words)


def _named(tree: ast.Module) -> Iterable[str]:
    """Yield what a module defines or has as an option, and what it passes by name, with a `=`."""
    # A search space names options in the same way.
    parts = [part for part in tree.body if getattr(part, "name", None) != "search_space"]
    for node in (node for part in parts for node in ast.walk(part)):
        if isinstance(node, ast.FunctionDef):
            yield node.name
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id
        elif isinstance(node, ast.Call) and ast.unparse(node.func) != "Config":
            yield from (f"{each.arg}=" for each in node.keywords)
        elif isinstance(node, ast.Dict):
            yield from (f"{key.value}=" for key in node.keys if isinstance(key, ast.Constant))


def _attributes(tree: ast.Module) -> set[str]:
    return {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


def _imported(tree: ast.Module, package: str) -> Iterable[Path]:
    """Return the files that a module imports from a package of maquette."""
    modules = (node.module or "" for node in tree.body if isinstance(node, ast.ImportFrom))
    return filter(None, (file_of(name) for name in modules if package in name))


def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))
