"""Which templates there are, what each is called, and where its file is.

Our own are the files of the templates folder; installed packages bring others. Each template has
one name: the plain one, as long as no other template has it. Where two have, ours keeps it, and the
others go by `PACKAGE.NAME`, which is always understood.
"""

from __future__ import annotations

import pkgutil
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import maquette.templates
from maquette.errors import UserError, nearest
from maquette.installed_templates import Package, TemplateFile, full_name, installed_templates


def every_template() -> dict[str, TemplateFile]:
    """Return all templates, broken ones too, by name."""
    own, others = _own(), installed_templates()
    times = Counter([*own, *(file.name for file in others)])
    named = {(file.name if times[file.name] == 1 else file.full_name): file for file in others}
    return dict(sorted({**named, **own}.items()))


def find_template(name: str) -> tuple[str, TemplateFile]:
    """Return the one name of a template, and where it is.

    Args:
        name: That name, or `PACKAGE.NAME`.

    Raises:
        UserError: there is none, or its file cannot be found.
    """
    if name in (own := _own()):  # Needs no look at what else is installed.
        return name, own[name]
    every = every_template()
    for listed, file in every.items():
        if name in (listed, file.full_name):
            require_found(listed, file)
            return listed, file
    namesakes = [listed for listed, file in every.items() if file.name == name]
    if namesakes:
        raise UserError(f"several packages have a template {name!r}: {', '.join(namesakes)}")
    raise UserError(f"no template {name!r}{nearest(name, every)}; there are {', '.join(every)}")


def require_found(name: str, file: TemplateFile) -> None:
    """Make sure that a template's file was found.

    Raises:
        UserError: it was not.
    """
    if file.problem:
        raise UserError(f"template {name!r} of {file.package} cannot be used: {file.problem}")


def recorded_template(record: Mapping[str, Any]) -> str:
    """Return the name by which the template of a run is found here.

    Args:
        record: What the `config.yaml` of the run holds.

    Raises:
        UserError: the package that it came from is not installed, or no longer has it.
    """
    name, told = record["template"], record.get("package")
    if told is None:
        return name
    package = Package(str(told.get("name")), str(told.get("version")))
    whole = full_name(package.name, name.rpartition(".")[2])
    if whole not in {file.full_name for file in installed_templates()}:
        raise UserError(
            f"the template {name!r} came from {package}, and no package here has it; "
            f'pip install "{package.name}=={package.version}"'
        )
    return whole


def _own() -> dict[str, TemplateFile]:
    return {
        module.name: TemplateFile(
            module.name,
            f"maquette.templates.{module.name}",
            Path(module.module_finder.path, f"{module.name}.py"),
        )
        for module in pkgutil.iter_modules(maquette.templates.__path__)
    }
