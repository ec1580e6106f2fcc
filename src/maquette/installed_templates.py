"""Templates of installed packages: found by their entry points, without running their code.

A package offers templates in the entry point group `maquette.templates`, a name and a module each:

    [project.entry-points."maquette.templates"]
    unet = "acme.models.unet"
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from importlib.metadata import Distribution, EntryPoint, distributions
from pathlib import Path

GROUP = "maquette.templates"


@dataclass(frozen=True)
class Package:
    """An installed package, as pip names it.

    Args:
        name: Its name.
        version: Its version.
    """

    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


@dataclass(frozen=True)
class TemplateFile:
    """Where a template is.

    Args:
        name: What its package calls it; of our own, the file's name.
        module: What to import.
        path: Its file; `None` where it cannot be found.
        package: The package that offers it; `None` for our own.
        problem: Why it cannot be used; empty where nothing is known against it.
    """

    name: str
    module: str
    path: Path | None = None
    package: Package | None = None
    problem: str = ""

    @property
    def full_name(self) -> str:
        """Its name after that of its package, which no other template has: `acme.unet`."""
        return full_name(self.package.name, self.name) if self.package else self.name


def full_name(package: str, name: str) -> str:
    """Return the name of a template that tells its package too."""
    return f"{re.sub('[-_.]+', '_', package).lower()}.{name}"


def installed_templates() -> list[TemplateFile]:
    """Return the templates of all installed packages; broken ones have a `problem`."""
    packages: dict[str, list[TemplateFile]] = {}
    for distribution in distributions():
        # Most packages have nothing for us; the names of the others take longer to read.
        if GROUP in (distribution.read_text("entry_points.txt") or ""):
            package = _package(distribution)
            found = list(_templates(distribution, package))
            packages.setdefault(full_name(package.name, ""), found)
    return [template for found in packages.values() for template in found]


def _package(distribution: Distribution) -> Package:
    try:
        told = distribution.metadata
    except Exception:  # Whatever a damaged installation raises.
        told = {}
    return Package(told.get("Name") or "unknown", told.get("Version") or "0")


def _templates(distribution: Distribution, package: Package) -> Iterator[TemplateFile]:
    try:
        entries = distribution.entry_points.select(group=GROUP)
    except Exception as error:  # Whatever a damaged file makes the parser raise.
        reason = f"its entry_points.txt cannot be read: {type(error).__name__}: {error}"
        yield TemplateFile("?", "", package=package, problem=reason)
        return
    for entry in entries:
        yield _template(entry, package)


def _template(entry: EntryPoint, package: Package) -> TemplateFile:
    if not entry.name.isidentifier():
        reason = "its name is no Python identifier"
    elif not re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)*", entry.value):
        reason = f"its entry point must name a module; received {entry.value!r}"
    elif (path := file_of(entry.value)) is None:
        reason = f"there is no file of the module {entry.value}"
    else:
        return TemplateFile(entry.name, entry.value, path, package)
    return TemplateFile(entry.name, entry.value, None, package, reason)


def file_of(module: str) -> Path | None:
    """Return the file of a module; neither it nor the packages around it are imported."""
    *packages, last = module.split(".")
    search, parents = None, ""
    for package in packages:
        parents += package
        search = _folders_of(parents, search)
        if not search:
            return None
        parents += "."
    spec = _spec(parents + last, search)
    path = Path(spec.origin or "") if spec else Path()
    return path if path.suffix == ".py" and path.is_file() else None


def _folders_of(package: str, search: list[str] | None) -> list[str]:
    """Return the folders of a package, which lies in one of the folders `search`."""
    spec = _spec(package, search)
    if spec is not None:
        return list(spec.submodule_search_locations or ())
    # Python finds packages without `__init__.py` only below packages that it has imported.
    folders = [Path(folder, package.rpartition(".")[2]) for folder in search or ()]
    return [str(folder) for folder in folders if folder.is_dir()]


def _spec(module: str, search: list[str] | None) -> ModuleSpec | None:
    """Ask Python's finders, those of editable installations too, where a module is."""
    for finder in sys.meta_path:
        try:
            spec = finder.find_spec(module, search)
        except Exception:  # A finder of somebody else, or a package without `__init__.py`.
            continue
        if spec is not None:
            return spec
    return None
