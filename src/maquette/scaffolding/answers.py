"""What a project is made from: the answers to what only its owner knows."""

from __future__ import annotations

import json
import keyword
import re
import sys
from importlib.metadata import distribution, packages_distributions
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from maquette.contract import Options
from maquette.errors import UserError

LICENSES = ("Apache-2.0", "BSD-3-Clause", "MIT", "proprietary")
PYTHONS = ("3.11", "3.12", "3.13")
LONGEST_NAME = 40
TAKEN = frozenset({"callbacks", "data", "keras", "maquette", "tests"})


class Answers(Options):
    """All that decides what the files of a project hold, but for maquette's own version.

    Example:
        >>> Answers(template="vae", name="my-app", package="my_app", data="mnist")
    """

    template: str
    """Name of the template."""
    name: str
    """Name of the project, as pip knows it."""
    package: str
    """Name of its Python package."""
    form: Literal["linked", "standalone"] = "linked"
    """Whether it imports maquette, or holds all that it needs of it."""
    data: str
    """Data source: an embedded set, or a path."""
    license: Literal[LICENSES] = "Apache-2.0"
    """What others may do with the project."""
    python: Literal[PYTHONS] = "3.11"
    """Lowest version of Python."""
    author: str = ""
    """Who holds the rights."""
    year: Annotated[int, Field(ge=2000)]
    """Year that the license names."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Decides initial weights, order of the data, dropout and augmentation."""
    options: dict[str, Any] = Field(default_factory=dict)
    """Options of the template that are not its defaults."""
    run: str | None = None
    """Name of the trained run that comes along."""

    @field_validator("author", "data")
    @classmethod
    def _of_one_line(cls, value: str) -> str:
        if not value.isprintable():
            raise ValueError("must be one line of text")
        return value


def package_of(name: str) -> str:
    """Return the name of a project's Python package: `my_app` for `my-app`.

    Args:
        name: Name of the project.

    Raises:
        UserError: it would be no Python identifier, or would hide another module.
    """
    package = re.sub(r"[-. ]+", "_", name.strip()).lower()
    choose = "choose another --name"
    if not (package.isascii() and package.isidentifier() and package[0] != "_"):
        raise UserError(
            f"the name {name!r} gives no Python identifier: it takes letters, digits, - and _, "
            f"a letter first; {choose}"
        )
    if len(package) > LONGEST_NAME:
        raise UserError(f"the name {name!r} has more than {LONGEST_NAME} letters; {choose}")
    if keyword.iskeyword(package) or keyword.issoftkeyword(package):
        raise UserError(f"{package!r} is a keyword of Python; {choose}")
    if package in sys.stdlib_module_names or package in TAKEN:
        raise UserError(f"a package {package!r} would hide the module of that name; {choose}")
    if owner := _owner(package):
        raise UserError(f"a package {package!r} would hide that of {owner}; {choose}")
    return package


def _owner(package: str) -> str | None:
    """Return the installed distribution that has a package, but for those under development."""
    owners = packages_distributions().get(package, [])
    return next((owner for owner in owners if not _is_editable(owner)), None)


def _is_editable(owner: str) -> bool:
    told = json.loads(distribution(owner).read_text("direct_url.json") or "{}")
    return bool(told.get("dir_info", {}).get("editable"))
