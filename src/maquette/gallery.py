"""The templates: finding, describing and loading them.

Listing a template, and parsing its options, does not import TensorFlow: the card is read from
the file's docstring, and `Config` is executed without the rest of the file.
"""

from __future__ import annotations

import ast
import importlib
import linecache
import pkgutil
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import maquette.templates
from maquette.errors import UserError, nearest

if TYPE_CHECKING:
    from maquette.contract import Template, TemplateConfig


@dataclass(frozen=True)
class Card:
    """What a template says of itself: name, one-line summary, and the whole text."""

    name: str
    summary: str
    text: str

    def to_dict(self) -> dict[str, str]:
        """Return the card as a plain dictionary, for JSON."""
        return asdict(self)


def template_names() -> list[str]:
    """Return the names of all templates, sorted: the files of the templates folder."""
    return sorted(_folders())


def template_path(name: str) -> Path:
    """Return the path of a template's file.

    Raises:
        UserError: there is no template of that name.
    """
    folders = _folders()
    if name not in folders:
        names = sorted(folders)
        raise UserError(f"no template {name!r}{nearest(name, names)}; there are {', '.join(names)}")
    return folders[name] / f"{name}.py"


def list_templates() -> list[Card]:
    """Return the cards of all templates, by name."""
    return [show(name) for name in template_names()]


def show(name: str) -> Card:
    """Return the card of one template.

    Raises:
        UserError: there is no template of that name, or its file is no Python.
    """
    text = ast.get_docstring(_syntax_tree(name)) or ""
    return Card(name, text.partition("\n")[0], text)


def load_template(name: str) -> Template:
    """Import a template and check that it has every part of the contract.

    Raises:
        UserError: there is no template of that name, or a part of the contract is missing.
    """
    from maquette.contract import Template

    _syntax_tree(name)
    return Template.of(importlib.import_module(f"maquette.templates.{name}"))


def config_class(name: str) -> type[TemplateConfig]:
    """Return a template's `Config` without importing TensorFlow.

    Executes `Config` and the imports of the names in it, so `Config` may use nothing else.

    Raises:
        UserError: there is no template of that name, or it has no `Config`.
    """
    tree = _syntax_tree(name)
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    if "Config" not in classes:
        raise UserError(f"template {name!r} lacks Config; see CONTRIBUTING.md")
    config = classes["Config"]
    used = {node.id for node in ast.walk(config) if isinstance(node, ast.Name)}
    kept = [node for node in tree.body if node is config or _binds(node, used)]
    return _run_apart(template_path(name), ast.Module(kept, [])).Config


def _run_apart(path: Path, tree: ast.Module) -> ModuleType:
    """Run part of a template's file as a module of its own."""
    module = ModuleType(f"maquette.templates.{path.stem}:Config")
    # Pydantic reads the strings below fields from the source of a module that it finds by file
    # name. Under the template's own name, this module and the template would hide each other.
    module.__file__ = f"{path.resolve()}:Config"
    text = path.read_text(encoding="utf-8")
    linecache.cache[module.__file__] = len(text), None, text.splitlines(True), module.__file__
    # It resolves annotations in the module that a class names as its own.
    sys.modules[module.__name__] = module
    exec(compile(tree, module.__file__, "exec"), module.__dict__)
    return module


def _binds(node: ast.stmt, names: set[str]) -> bool:
    """Return whether a statement imports one of the names."""
    if not isinstance(node, ast.Import | ast.ImportFrom):
        return False
    return any((alias.asname or alias.name) in names for alias in node.names)


def _folders() -> dict[str, Path]:
    """Return the folder of each template's file, by the template's name."""
    modules = pkgutil.iter_modules(maquette.templates.__path__)
    return {module.name: Path(module.module_finder.path) for module in modules}


def _syntax_tree(name: str) -> ast.Module:
    path = template_path(name)
    try:
        return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    except SyntaxError as error:
        where = f"in line {error.lineno} of {path}"
        raise UserError(f"template {name!r} is no Python: {error.msg} {where}") from None
