"""Import statements, printed as `ruff` sorts and wraps them."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

LINE = 100
Binding = ast.Import | ast.ImportFrom


@dataclass(frozen=True)
class Imported:
    """One name that an import binds.

    Attributes:
        module: Where it comes from.
        name: What is taken from it; `None` where the module itself is.
        alias: What it is called instead.
    """

    module: str
    name: str | None = None
    alias: str | None = None

    @property
    def bound(self) -> str:
        """The name that it binds."""
        return self.alias or self.name or self.module.partition(".")[0]


def names_of(statement: Binding) -> list[Imported]:
    """Return what an import statement binds."""
    if isinstance(statement, ast.Import):
        return [Imported(each.name, None, each.asname) for each in statement.names]
    return [Imported(statement.module or "", each.name, each.asname) for each in statement.names]


def printed(imports: Iterable[Imported], package: str, indent: str = "") -> str:
    """Return import statements in sections, sorted.

    Args:
        imports: What to import.
        package: The project's own package, whose imports come last.
        indent: What stands before each line.
    """
    by_section: dict[int, list[Imported]] = {}
    for each in set(imports):
        by_section.setdefault(_section(each.module, package), []).append(each)
    sections = (_section_lines(by_section[number], indent) for number in sorted(by_section))
    return "\n\n".join("\n".join(lines) for lines in sections)


def with_imports(
    source: str, package: str, change: Callable[[Imported], Collection[Imported]]
) -> str:
    """Return a module's text with other imports in the place of its own.

    Args:
        source: The text.
        package: The project's own package.
        change: From an import to what takes its place.
    """
    lines = source.splitlines()
    for block in reversed(list(_blocks(ast.parse(source)))):
        first, last = block[0].lineno - 1, block[-1].end_lineno
        if any(statement.col_offset != block[0].col_offset for statement in block):
            continue
        indent = " " * block[0].col_offset
        wanted = [new for old in block for each in names_of(old) for new in change(each)]
        if any("#" in line for line in lines[first:last]):
            continue
        if not wanted and last < len(lines) and not lines[last]:
            last += 1
        lines[first:last] = printed(wanted, package, indent).splitlines()
    return "\n".join(lines) + "\n"


def _blocks(tree: ast.Module) -> Iterator[list[Binding]]:
    """Yield all imports of a module that follow one another, from top to bottom."""
    found = []
    for node in ast.walk(tree):
        for field in ("body", "orelse", "finalbody", "handlers"):
            body = getattr(node, field, None)
            if isinstance(body, list):
                groups = groupby(body, lambda each: isinstance(each, Binding))
                found += [list(group) for is_import, group in groups if is_import]
    yield from sorted(found, key=lambda block: block[0].lineno)


def _section(module: str, package: str) -> int:
    root = module.partition(".")[0]
    if root == "__future__":
        return 0
    if root in sys.stdlib_module_names:
        return 1
    return 3 if root == package else 2


def _section_lines(imports: list[Imported], indent: str) -> list[str]:
    plain = [each for each in imports if each.name is None]
    lines = [
        f"{indent}import {each.module}" + (f" as {each.alias}" if each.alias else "")
        for each in sorted(plain, key=lambda each: (_natural(each.module), each.alias or ""))
    ]
    members: dict[str, list[Imported]] = {}
    for each in imports:
        if each.name is not None:
            members.setdefault(each.module, []).append(each)
    for module in sorted(members, key=_natural):
        lines += _from_lines(module, members[module], indent)
    return lines


def _from_lines(module: str, members: list[Imported], indent: str) -> list[str]:
    ordered = sorted(members, key=lambda each: (_kind(each.name), _natural(each.name)))
    plain = [each.name for each in ordered if not each.alias]
    groups = [[f"{each.name} as {each.alias}"] for each in ordered if each.alias]
    groups += [plain] if plain else []
    groups.sort(key=lambda names: (_kind(names[0]), _natural(names[0].partition(" ")[0])))
    return [line for names in groups for line in _wrapped(module, names, indent)]


def _wrapped(module: str, names: list[str], indent: str) -> list[str]:
    line = f"{indent}from {module} import {', '.join(names)}"
    if len(line) <= LINE:
        return [line]
    inner = [f"{indent}    {name}," for name in names]
    return [f"{indent}from {module} import (", *inner, f"{indent})"]


def _kind(name: str) -> int:
    """Return the place of constants, classes and everything else."""
    if len(name) > 1 and name.isupper():
        return 0
    return 1 if name[0].isupper() else 2


def _natural(text: str) -> list:
    parts = re.split(r"(\d+)", text.lower())
    return [*((int(part), "") if part.isdigit() else (-1, part) for part in parts), (0, text)]
