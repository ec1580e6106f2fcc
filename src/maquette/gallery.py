"""The templates: finding, describing and loading them.

Listing a template, and parsing its options, does not import TensorFlow: the card is read from
the file's docstring, and `Config` is executed without the rest of the file.
"""

from __future__ import annotations

import ast
import importlib
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
    return sorted(module.name for module in pkgutil.iter_modules(maquette.templates.__path__))


def template_path(name: str) -> Path:
    """Return the path of a template's file.

    Raises:
        UserError: there is no template of that name.
    """
    names = template_names()
    if name not in names:
        raise UserError(f"no template {name!r}{nearest(name, names)}; there are {', '.join(names)}")
    return Path(next(iter(maquette.templates.__path__))) / f"{name}.py"


def list_templates() -> list[Card]:
    """Return the cards of all templates, by name."""
    return [show(name) for name in template_names()]


def show(name: str) -> Card:
    """Return the card of one template.

    Raises:
        UserError: there is no template of that name.
    """
    text = ast.get_docstring(ast.parse(template_path(name).read_text(encoding="utf-8"))) or ""
    return Card(name, text.partition("\n")[0], text)


def load_template(name: str) -> Template:
    """Import a template and check that it has every part of the contract.

    Raises:
        UserError: there is no template of that name, or a part of the contract is missing.
    """
    from maquette.contract import Template

    template_path(name)
    return Template.of(importlib.import_module(f"maquette.templates.{name}"))


def config_class(name: str) -> type[TemplateConfig]:
    """Return a template's `Config` without importing TensorFlow.

    Executes `Config` and the imports of the names in it, so `Config` may use nothing else.

    Raises:
        UserError: there is no template of that name.
    """
    path = template_path(name)
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    config = next(n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == "Config")
    used = {node.id for node in ast.walk(config) if isinstance(node, ast.Name)}
    kept = [node for node in tree.body if node is config or _binds(node, used)]
    # Pydantic resolves annotations in the module that a class names as its own.
    module = ModuleType(f"maquette.templates.{name}:Config")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module
    code = compile(ast.Module(kept, []), str(path), "exec")
    exec(code, module.__dict__)
    return module.Config


def _binds(node: ast.stmt, names: set[str]) -> bool:
    """Return whether a statement imports one of the names."""
    if not isinstance(node, ast.Import | ast.ImportFrom):
        return False
    return any((alias.asname or alias.name) in names for alias in node.names)
