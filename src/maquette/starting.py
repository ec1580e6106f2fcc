"""A template of one's own: a small one that works, written to where templates are."""

from __future__ import annotations

import keyword
import pkgutil
import re
import tomllib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import maquette.starters
from maquette.errors import UserError, nearest
from maquette.files import require_writable, write_text
from maquette.installed_templates import GROUP
from maquette.template_files import every_template

DEFAULT_TASK = "image_classification"
HEADER = re.compile(
    rf"""^\[project\.entry-points\.["']{re.escape(GROUP)}["']\][ \t]*$""", re.MULTILINE
)


@dataclass(frozen=True)
class Home:
    """Where templates are kept.

    Attributes:
        folder: Where the file goes.
        package: The package around it; empty in a checkout of maquette.
        pyproject: The file that names the package's templates; `None` in a checkout of maquette.
    """

    folder: Path
    package: str = ""
    pyproject: Path | None = None


@dataclass(frozen=True)
class NewTemplate:
    """A template that was written.

    Attributes:
        name: Its name.
        path: Its file.
        is_named: Whether `maquette list` finds it, once the package is installed.
        home: Where it is kept.
    """

    name: str
    path: Path
    is_named: bool
    home: Home


def starter_tasks() -> list[str]:
    """Return the tasks that there are small templates for, sorted."""
    return sorted(module.name for module in pkgutil.iter_modules(maquette.starters.__path__))


def new_template(name: str, *, task: str = DEFAULT_TASK, folder: str | Path = ".") -> NewTemplate:
    """Write a small template that works, to make one's own from.

    In a checkout of maquette it goes to `templates/`; in a package that names its templates in
    `pyproject.toml`, to where they are, and is named there, too.

    Example:
        >>> maquette.new_template("capsules", task="image_classification").path

    Args:
        name: What it will be called.
        task: What kind of problem it is for, as `starter_tasks` names them.
        folder: A folder of the checkout or the package.

    Raises:
        UserError: the name cannot be taken, there is no such task, the folder belongs to neither,
            or it cannot be written to.
    """
    _require_name(name)
    tasks = starter_tasks()
    if task not in tasks:
        known = f"there are {', '.join(tasks)}"
        raise UserError(f"no task {task!r}{nearest(task, tasks)}; {known}")
    home = home_of(Path(folder))
    path = home.folder / f"{name}.py"
    if path.exists():
        raise UserError(f"{path} exists; choose another name")
    require_writable(home.folder, "folder")
    named = None if home.pyproject is None else _named(home, name)
    write_text(path, _text(name, task))
    if named is not None:
        write_text(home.pyproject, named)
    return NewTemplate(name, path, home.pyproject is None or named is not None, home)


def home_of(folder: Path) -> Home:
    """Return where the templates of a checkout or of a package are kept.

    Args:
        folder: A folder of it.

    Raises:
        UserError: it is neither, or its templates cannot be found.
    """
    folder = folder.absolute()
    for root in (folder, *folder.parents):
        project = _project(root / "pyproject.toml")
        entries = project.get("entry-points", {}).get(GROUP)
        if project.get("name") == "maquette":
            return Home(root / "templates")
        if entries:
            return _home_in_package(root, next(iter(entries.values())))
    raise UserError(
        f"{folder} is neither in a checkout of maquette nor in a package whose pyproject.toml has "
        f'[project.entry-points."{GROUP}"]; `maquette new TEMPLATE DIR` makes such a package'
    )


def _project(pyproject: Path) -> dict[str, Any]:
    if not pyproject.is_file():
        return {}
    try:
        return tomllib.loads(pyproject.read_text(encoding="utf-8")).get("project", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{pyproject} is no TOML: {error}") from None


def _home_in_package(root: Path, module: str) -> Home:
    package, _, name = module.rpartition(".")
    for source in (root, root / "src"):
        folder = source.joinpath(*package.split("."))
        if package and (folder / f"{name}.py").is_file():
            return Home(folder, package, root / "pyproject.toml")
    raise UserError(f"{root / 'pyproject.toml'} names the template {module}, which is not there")


def _require_name(name: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        raise UserError(
            f"a template's name is a Python identifier of small letters, digits and _, no keyword; "
            f"received {name!r}"
        )
    if name == "template" or name in every_template():
        raise UserError(f"the name {name!r} is taken; choose another")


def _text(name: str, task: str) -> str:
    """Return a starter under another name."""
    text = files(maquette.starters).joinpath(f"{task}.py").read_text(encoding="utf-8")
    title = "".join(part.capitalize() for part in name.split("_"))
    text = text.replace('"""Starter:', f'"""{name.replace("_", " ").capitalize()}:', 1)
    return text.replace("Starter", title).replace("starter", name)


def _named(home: Home, name: str) -> str | None:
    """Return `pyproject.toml` with a further template; `None` where it is not clear how."""
    text, module = home.pyproject.read_text(encoding="utf-8"), f"{home.package}.{name}"
    header = HEADER.search(text)
    if header is None:
        return None
    end = header.end() + 1
    while (line := text[end:].partition("\n")[0]).strip() and not line.startswith("["):
        end += len(line) + 1
    separator = "" if text[:end].endswith("\n") else "\n"
    added = f'{text[:end]}{separator}{name} = "{module}"\n{text[end:]}'
    try:
        entries = tomllib.loads(added)["project"]["entry-points"][GROUP]
    except (tomllib.TOMLDecodeError, KeyError):
        return None
    return added if entries.get(name) == module else None
