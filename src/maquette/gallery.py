"""The templates, our own and those of installed packages: describing and loading them.

Listing a template, and parsing its options, does not import TensorFlow: the card is read from
the file's docstring, and `Config` is executed without the rest of the file.
"""

from __future__ import annotations

import ast
import importlib
import linecache
import sys
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from maquette.errors import UserError
from maquette.installed_templates import Package, TemplateFile
from maquette.template_files import every_template, find_template, require_found

if TYPE_CHECKING:
    from maquette.contract import Template, TemplateConfig


@dataclass(frozen=True)
class Card:
    """What a template says of itself.

    Args:
        name: Its name.
        summary: What it is, in one line.
        text: All that it says.
        package: The installed package that it comes from, with its version; `None` for our own.
        problem: Why it cannot be used; `None` where nothing is known against it.
    """

    name: str
    summary: str
    text: str
    package: str | None = None
    problem: str | None = None

    def to_dict(self) -> dict[str, str]:
        """Return what there is of it as a plain dictionary, for JSON."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def template_names() -> list[str]:
    """Return the names of all templates that can be read, sorted."""
    return [card.name for card in list_templates() if card.problem is None]


def template_name(name: str) -> str:
    """Return the one name of a template, which `PACKAGE.NAME` may stand for as well.

    Raises:
        UserError: there is no template of that name.
    """
    return find_template(name)[0]


def template_path(name: str) -> Path:
    """Return the path of a template's file.

    Raises:
        UserError: there is no template of that name.
    """
    return find_template(name)[1].path


def template_package(name: str) -> Package | None:
    """Return the installed package that a template comes from; `None` for our own.

    Raises:
        UserError: there is no template of that name.
    """
    return find_template(name)[1].package


def list_templates() -> list[Card]:
    """Return the cards of all templates, by name; what cannot be used tells its `problem`."""
    return [_card(name, file) for name, file in every_template().items()]


def show(name: str) -> Card:
    """Return the card of one template.

    Raises:
        UserError: there is no template of that name, or its file is no Python.
    """
    card = _card(*find_template(name))
    if card.problem:
        raise UserError(card.problem)
    return card


def load_template(name: str) -> Template:
    """Import a template and check that it has every part of the contract.

    Raises:
        UserError: there is no template of that name, its file does not run, or a part of the
            contract is missing.
    """
    from maquette.contract import Template

    listed, file = find_template(name)
    _syntax_tree(listed, file)
    try:
        module = importlib.import_module(file.module)
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"template {listed!r} does not run: {_told(error, file)}") from error
    return Template.of(module, listed)


def config_class(name: str) -> type[TemplateConfig]:
    """Return a template's `Config` without importing TensorFlow.

    Executes `Config` and the imports of the names in it, so `Config` may use nothing else.

    Raises:
        UserError: there is no template of that name, it has no `Config`, or that does not run.
    """
    listed, file = find_template(name)
    tree = _syntax_tree(listed, file)
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    if "Config" not in classes:
        raise UserError(f"template {listed!r} lacks Config; see CONTRIBUTING.md")
    config = classes["Config"]
    used = {node.id for node in ast.walk(config) if isinstance(node, ast.Name)}
    kept = [node for node in tree.body if node is config or _binds(node, used)]
    try:
        return _run_apart(file, ast.Module(kept, [])).Config
    except Exception as error:
        told = _told(error, file)
        raise UserError(f"Config of template {listed!r} does not run: {told}") from error


def _run_apart(file: TemplateFile, tree: ast.Module) -> ModuleType:
    """Run part of a template's file as a module of its own."""
    module = ModuleType(f"{file.module}:Config")
    # Pydantic reads the strings below fields from the source of a module that it finds by file
    # name. Under the template's own name, this module and the template would hide each other.
    module.__file__ = f"{file.path.resolve()}:Config"
    text = file.path.read_text(encoding="utf-8")
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


def _card(name: str, file: TemplateFile) -> Card:
    package = str(file.package) if file.package else None
    try:
        text = ast.get_docstring(_syntax_tree(name, file)) or ""
    except UserError as error:
        return Card(name, "", "", package, str(error))
    return Card(name, text.partition("\n")[0], text, package)


def _syntax_tree(name: str, file: TemplateFile) -> ast.Module:
    require_found(name, file)
    try:
        return ast.parse(file.path.read_text(encoding="utf-8"), filename=str(file.path))
    except SyntaxError as error:
        where = f"in line {error.lineno} of" if error.lineno else "in"
        raise UserError(
            f"template {name!r} is no Python: {error.msg} {where} {file.path}"
        ) from None
    except (OSError, ValueError) as error:  # Forbidden, or not UTF-8.
        raise UserError(f"template {name!r} cannot be read: {error}; see {file.path}") from None


def _told(error: Exception, file: TemplateFile) -> str:
    """Return what was raised, and by which line of the file, in one line."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename.startswith(str(file.path))]
    where = f" in line {lines[-1]}" if lines else ""
    return f"{type(error).__name__}: {error}{where} of {file.path}"
