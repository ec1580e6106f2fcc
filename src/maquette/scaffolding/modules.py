"""Modules taken apart: the definitions at their top level, and what each of them refers to."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from maquette.scaffolding.imports import Imported, names_of
from maquette.scaffolding.scopes import References, references

Statement = ast.stmt


@dataclass(frozen=True)
class Member:
    """A method or attribute of a class, or the class without those that can be left out.

    Attributes:
        name: What it is called; empty for the class itself.
        first: Its first line, with the comments above it, counted from 1.
        last: Its last line.
        references: What it refers to.
    """

    name: str
    first: int
    last: int
    references: References


@dataclass(frozen=True)
class Definition:
    """A statement at the top level of a module that binds names.

    Attributes:
        names: What it binds.
        first: Its first line, with the comments above it, counted from 1.
        last: Its last line.
        parts: What it is made of; a class that may lose members has one part for each.
        is_block: Whether two blank lines stand around it.
        gap: Blank lines above it.
        bases: Of a class, what it derives from.
    """

    names: tuple[str, ...]
    first: int
    last: int
    parts: tuple[Member, ...]
    is_block: bool
    gap: int
    bases: tuple[str, ...] = ()


@dataclass(frozen=True)
class Module:
    """A module's text, taken apart.

    Args:
        name: Its dotted name.
        text: Its source.
    """

    name: str
    text: str
    lines: list[str] = field(init=False)
    tree: ast.Module = field(init=False)

    def __post_init__(self):
        object.__setattr__(self, "lines", self.text.splitlines())
        object.__setattr__(self, "tree", ast.parse(self.text))

    @cached_property
    def docstring(self) -> str:
        """The lines of its docstring, with the quotes."""
        first = self.tree.body[0]
        return "\n".join(self.lines[first.lineno - 1 : first.end_lineno])

    @cached_property
    def imports(self) -> dict[str, Imported]:
        """What its top level imports, by the name that is bound."""
        return {each.bound: each for node in self.tree.body for each in _imported(node)}

    @cached_property
    def type_only(self) -> set[str]:
        """The names that are imported for annotations alone."""
        blocks = [node for node in self.tree.body if _is_for_types(node)]
        return {each.bound for block in blocks for each in _imported(block)}

    @cached_property
    def definitions(self) -> list[Definition]:
        """Its definitions from top to bottom."""
        found = []
        for node in self.tree.body:
            names = tuple(_bound(node))
            if names:
                first = _with_comments(self.lines, node)
                found.append(
                    Definition(
                        names,
                        first,
                        node.end_lineno,
                        tuple(_parts(self.lines, node)),
                        isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef),
                        _blank_lines_above(self.lines, first),
                        tuple(ast.unparse(base) for base in getattr(node, "bases", ())),
                    )
                )
        return found

    @cached_property
    def by_name(self) -> dict[str, Definition]:
        """Its definitions by the names that they bind."""
        return {name: each for each in self.definitions for name in each.names}


def _imported(node: Statement) -> Iterator[Imported]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        yield from (each for each in names_of(node) if each.module != "__future__")
    elif _is_for_types(node):
        for inner in node.body:
            yield from _imported(inner)


def _is_for_types(node: Statement) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def _bound(node: Statement) -> Iterator[str]:
    """Yield the names that a statement binds, but for imports."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        names = [each for target in targets for each in ast.walk(target)]
        yield from (each.id for each in names if isinstance(each, ast.Name))
    elif isinstance(node, ast.If) and "__name__" in ast.unparse(node.test):
        yield "__main__"


def _with_comments(lines: list[str], node: Statement) -> int:
    """Return the first line of a statement, with decorators and the comments right above."""
    decorators = getattr(node, "decorator_list", [])
    first = min([node.lineno, *(each.lineno for each in decorators)])
    while first > 1 and lines[first - 2].lstrip().startswith("#"):
        first -= 1
    return first


def _blank_lines_above(lines: list[str], first: int) -> int:
    count = 0
    while first - 2 - count >= 0 and not lines[first - 2 - count].strip():
        count += 1
    return count


def _parts(lines: list[str], node: Statement) -> Iterator[Member]:
    """Yield what can be left out of a class one by one, and all the rest as one part."""
    optional = list(_optional(node)) if isinstance(node, ast.ClassDef) else []
    inner = [each for each, _ in optional]
    yield Member("", 0, 0, references(node, without=inner))
    for each, name in optional:
        first = _with_comments(lines, each)
        yield Member(name, first, each.end_lineno, references(each))


def _optional(node: ast.ClassDef) -> Iterator[tuple[Statement, str]]:
    """Yield members that may matter only where their name is used, and the names."""
    for each in node.body:
        if isinstance(each, ast.FunctionDef) and not each.name.startswith("__"):
            yield each, each.name
        elif isinstance(each, ast.AnnAssign) and "ClassVar" in ast.unparse(each.annotation):
            yield each, each.target.id
