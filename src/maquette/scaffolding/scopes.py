"""What a piece of code refers to outside of itself."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from maquette.scaffolding.imports import Imported, names_of

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
NAMED = ast.FunctionDef | ast.ClassDef | ast.ExceptHandler
COMPREHENSIONS = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


@dataclass(frozen=True)
class References:
    """What a piece of code refers to.

    Attributes:
        names: Names of its module, each with the attribute that is taken of it, or an empty string.
        attributes: Names of all attributes that it takes of anything.
        strings: Its strings that could be names.
        imports: What it imports itself, with the attribute taken of it, or an empty string.
    """

    names: frozenset[tuple[str, str]]
    attributes: frozenset[str]
    strings: frozenset[str]
    imports: frozenset[tuple[Imported, str]]


def references(node: ast.AST, without: Collection[ast.AST] = ()) -> References:
    """Return what a statement refers to.

    Args:
        node: The statement.
        without: Parts of it that are passed over.
    """
    visitor = _Visitor(frozenset(map(id, without)))
    visitor.visit(node)
    imports = frozenset(
        (each, attribute)
        for each in visitor.imported
        for name, attribute in visitor.used
        if name == each.bound
    )
    return References(
        frozenset(visitor.free), frozenset(visitor.attributes), frozenset(visitor.strings), imports
    )


@dataclass
class _Visitor(ast.NodeVisitor):
    """Gathers names that no enclosing function binds."""

    passed_over: frozenset[int]
    free: set[tuple[str, str]] = field(default_factory=set)
    used: set[tuple[str, str]] = field(default_factory=set)
    attributes: set[str] = field(default_factory=set)
    strings: set[str] = field(default_factory=set)
    imported: set[Imported] = field(default_factory=set)
    scopes: list[set[str]] = field(default_factory=list)

    def visit(self, node: ast.AST) -> None:
        if id(node) in self.passed_over:
            return
        if isinstance(node, Function):
            self._visit_function(node)
        elif isinstance(node, COMPREHENSIONS):
            self.scopes.append({n.id for g in node.generators for n in _names(g.target)})
            self.generic_visit(node)
            self.scopes.pop()
        else:
            super().visit(node)

    def _visit_function(self, node: Function) -> None:
        arguments = node.args
        for outside in (
            *getattr(node, "decorator_list", []),
            *arguments.defaults,
            *filter(None, arguments.kw_defaults),
            *(a.annotation for a in _arguments(arguments) if a.annotation),
            *filter(None, [getattr(node, "returns", None)]),
        ):
            self.visit(outside)
        self.scopes.append({a.arg for a in _arguments(arguments)} | set(_assigned(node)))
        body = node.body if isinstance(node.body, list) else [node.body]
        for statement in body:
            self.visit(statement)
        self.scopes.pop()

    def visit_Name(self, node: ast.Name) -> None:
        self._use(node.id, "")

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self.attributes.add(node.attr)
        if isinstance(node.value, ast.Name):
            self._use(node.value.id, node.attr)
        else:
            self.visit(node.value)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str) and node.value.isidentifier():
            self.strings.add(node.value)

    def visit_Import(self, node: ast.Import) -> None:
        self.imported.update(names_of(node))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        self.imported.update(names_of(node))

    def _use(self, name: str, attribute: str) -> None:
        self.used.add((name, attribute))
        if not any(name in scope for scope in self.scopes):
            self.free.add((name, attribute))


def _arguments(arguments: ast.arguments) -> Iterator[ast.arg]:
    yield from (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
    yield from filter(None, (arguments.vararg, arguments.kwarg))


def _names(node: ast.AST) -> Iterator[ast.Name]:
    yield from (each for each in ast.walk(node) if isinstance(each, ast.Name))


def _assigned(function: Function) -> Iterator[str]:
    """Yield the names that a function binds itself."""
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from (each.bound for each in names_of(node))
        elif isinstance(node, NAMED) and node is not function and node.name:
            yield node.name
