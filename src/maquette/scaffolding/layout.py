"""Which file of a project each carried module goes into."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter

from maquette.scaffolding.closure import Closure
from maquette.scaffolding.modules import Definition

LONGEST = 480
APART = frozenset({"callbacks", "datasets"})  # Packages whose modules are files of their own.
# Files that a newcomer looks for, and what stands in none of them by itself.
KNOWN = frozenset({"__main__", "data", "export", "model", "run", "tasks", "training", "tuning"})
CLOSED = frozenset({"__main__", "model"})  # The template is written as it is.


@dataclass
class Layout:
    """The files that carried modules go into.

    A small package is one file. A small module that one other file alone uses goes into that one.

    Args:
        closure: What is carried.
        package: Name of the project's package.
    """

    closure: Closure
    package: str

    def __post_init__(self):
        self.as_one: set[str] = set()
        self.hosts: dict[str, str] = {}
        for name in sorted(self._packages()):
            self.as_one.add(name)
            if not self._fits(name) or self._has_circles():
                self.as_one.remove(name)
        for module in sorted(self.modules):
            self._find_host(module)

    @cached_property
    def modules(self) -> dict[str, list[Definition]]:
        """The carried definitions of each module, from top to bottom."""
        found: dict[str, dict[int, Definition]] = defaultdict(dict)
        for (module, _), definition in self.closure.carried.items():
            found[module][definition.first] = definition
        return {module: [by[line] for line in sorted(by)] for module, by in found.items()}

    def file_of(self, module: str) -> str:
        """Return the file of a module, without suffix: `"images"`, `"callbacks/kl_warmup"`."""
        module = self.closure.stand_ins.get(module, module)
        if module in self.hosts:
            return self.hosts[module]
        root, *parts = module.split(".")
        if root != "project" and parts[0] == "datasets":
            return parts[-1]
        if len(parts) > 1 and parts[0] in self.as_one:
            return parts[0]
        return "/".join(parts)

    def dotted(self, module: str) -> str:
        """Return the name of a module in the project."""
        return f"{self.package}.{self.file_of(module).replace('/', '.')}"

    def files(self) -> dict[str, list[str]]:
        """Return the modules of each file, those that others build upon first."""
        found: dict[str, list[str]] = defaultdict(list)
        graph = {module: set() for module in self.modules}
        for user, used in self._edges():
            graph[user].add(used)
        for module in TopologicalSorter(graph).static_order():
            found[self.file_of(module)].append(module)
        return dict(sorted(found.items()))

    def _edges(self) -> Iterator[tuple[str, str]]:
        yield from sorted(pair for pair in self.closure.edges if set(pair) <= self.modules.keys())

    def _packages(self) -> set[str]:
        return {m.split(".")[1] for m in self.modules if m.count(".") > 1} - APART - {"tests"}

    def _find_host(self, module: str) -> None:
        """Put a module into the one file that uses it, if there is one where it may stand."""
        file = self.file_of(module)
        users = {self.file_of(user) for user, used in self.closure.uses if used == module} - {file}
        if "/" in file or file in KNOWN or file in self.hosts.values() or len(users) != 1:
            return
        host = users.pop()
        is_taken_whole = any(used == module for _, used in self.closure.taken_whole)
        if host in CLOSED or host.startswith("tests/") or is_taken_whole:
            return
        if [m for m in self.modules if self.file_of(m) == file] == [module]:
            self.hosts[module] = host
            if not self._fits(host) or self._has_circles():
                del self.hosts[module]

    def _fits(self, file: str) -> bool:
        """Return whether the modules that go into a file may stand in one."""
        members = [m for m in self.modules if self.file_of(m) == file]
        names = [name for m in members for each in self.modules[m] for name in each.names]
        lines = sum(each.last - each.first + 3 for m in members for each in self.modules[m])
        among = any({*pair} <= {*members} for pair in self.closure.taken_whole)
        return len(names) == len(set(names)) and lines <= LONGEST and not among

    def _has_circles(self) -> bool:
        graph: dict[str, set[str]] = defaultdict(set)
        for user, used in self._edges():
            if self.file_of(user) != self.file_of(used):
                graph[self.file_of(user)].add(self.file_of(used))
        try:
            TopologicalSorter(graph).prepare()
        except CycleError:
            return True
        return False
