"""What the two forms of projects have in common: texts with names to be filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from string import Template


@dataclass(frozen=True)
class Code:
    """The Python files of a project, and what they need.

    Attributes:
        files: Texts by path.
        dependencies: What pip must install, e.g. `"keras>=3.13.1"`.
        roles: What each file or folder is for, for the README.
    """

    files: Mapping[str, str]
    dependencies: tuple[str, ...]
    roles: Mapping[str, str]


@cache
def source_text(path: str) -> str:
    """Return a text of the folder `sources`.

    Args:
        path: Its path there, e.g. `"shared/Dockerfile.txt"`.
    """
    return files("maquette.scaffolding").joinpath("sources", path).read_text(encoding="utf-8")


def filled(path: str, /, **values: object) -> str:
    """Return a text of the folder `sources` with each `$name` in it filled in."""
    return Template(source_text(path)).substitute(values)
