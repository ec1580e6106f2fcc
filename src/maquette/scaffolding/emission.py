"""The text of a project's Python file, made of carried definitions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass

from maquette.scaffolding.closure import Closure
from maquette.scaffolding.imports import Imported, printed, with_imports
from maquette.scaffolding.layout import Layout
from maquette.scaffolding.modules import Definition

FUTURE = "from __future__ import annotations"
FOR_TYPES = Imported("typing", "TYPE_CHECKING")


@dataclass(frozen=True)
class Emission:
    """Writes files as a layout has them.

    Args:
        layout: Which module goes where.
        reword: Changes what texts say of maquette.
    """

    layout: Layout
    reword: Callable[[str], str]

    @property
    def closure(self) -> Closure:
        """What is carried."""
        return self.layout.closure

    def file(self, name: str, modules: list[str]) -> str:
        """Return the text of a file.

        Args:
            name: Of the file, without suffix.
            modules: Those that go into it, in order.
        """
        needed, for_types = self._imports(name, modules)
        package = self.layout.package
        main = [each for each in modules if each not in self.layout.hosts][-1]
        head = [self.closure.module(main).docstring, "", FUTURE]
        if needed:
            head += ["", printed(needed, package)]
        if for_types:
            head += ["", "if TYPE_CHECKING:", printed(for_types, package, "    ")]
        return self.reword("\n".join([*head, *self._bodies(name, modules, needed)]) + "\n")

    def verbatim(self, name: str, module: str) -> str:
        """Return the text of a module as it is, but for what it imports."""
        text = self.closure.module(module).text
        return self.reword(with_imports(text, self.layout.package, self._changes(name)))

    def _bodies(self, name: str, modules: list[str], known: set[Imported]) -> Iterator[str]:
        """Yield the lines of a file, but for its imports at the top, which are known."""
        before: Definition | None = None
        change = self._changes(name, known)
        for module in modules:
            for definition in self.layout.modules[module]:
                is_block = definition.is_block or (before is not None and before.is_block)
                gap = 2 if is_block else min(definition.gap, 2)
                yield from [""] * (gap if before else 2 if definition.is_block else 1)
                text = self._text(module, definition)
                yield with_imports(text, self.layout.package, change).rstrip("\n")
                before = definition

    def _text(self, module: str, definition: Definition) -> str:
        """Return a definition's lines, without those of members that nothing uses."""
        lines = self.closure.module(module).lines
        unused = list(self.closure.unused_members((module, definition.names[0])))
        dropped = {line for part in unused for line in range(part.first, part.last + 1)}
        kept: list[str] = []
        for number in range(definition.first, definition.last + 1):
            line = lines[number - 1]
            if number in dropped or (not line and number + 1 in dropped and number - 1 in dropped):
                continue
            if not line and kept and not kept[-1]:
                continue
            kept.append(line)
        while kept and not kept[-1]:
            kept.pop()
        return without_attributes("\n".join(kept), {part.name for part in unused})

    def _imports(self, name: str, modules: list[str]) -> tuple[set[Imported], set[Imported]]:
        """Return what a file imports, and what it imports for annotations alone."""
        needed: set[Imported] = set()
        for_types: set[Imported] = set()
        for module in modules:
            own = self.closure.module(module)
            for bound in self._names(module):
                found = self._resolved(name, module, bound)
                into = for_types if bound in own.type_only else needed
                into.update(found)
        for_types -= needed
        return needed | ({FOR_TYPES} if for_types else set()), for_types

    def _names(self, module: str) -> set[str]:
        """Return the names that the carried definitions of a module refer to."""
        kept = (
            part
            for definition in self.layout.modules[module]
            for part in definition.parts
            if (module, part.first, part.name) in self.closure.members
        )
        return {name for part in kept for name, _ in part.references.names}

    def _resolved(self, file: str, module: str, bound: str) -> list[Imported]:
        own = self.closure.module(module)
        if bound in own.by_name:
            place = self.closure.place(module, bound)
            return [] if place[0] == module else self._changes(file)(Imported(module, bound))
        return self._changes(file)(own.imports[bound]) if bound in own.imports else []

    def _changes(
        self, file: str, known: Set[Imported] = frozenset()
    ) -> Callable[[Imported], list[Imported]]:
        """Return what tells what an import becomes in a file that imports some names already."""
        return lambda each: [one for one in self._changed(each, file) if one not in known]

    def _changed(self, each: Imported, file: str) -> list[Imported]:
        if each.name is None or not self.closure.is_carried(each.module):
            return [each]
        if self.closure.is_module(each):
            whole = self.layout.dotted(self.closure.module_named(each))
            folder, _, last = whole.rpartition(".")
            return [Imported(folder, last, each.bound if each.bound != last else None)]
        module, name = self.closure.place(each.module, each.name)
        if self.layout.file_of(module) == file:
            return []
        alias = each.bound if each.bound != name else None
        return [Imported(self.layout.dotted(module), name, alias)]


def without_attributes(text: str, names: set[str]) -> str:
    """Return a class without what its docstring says of some attributes."""
    for name in names:
        text = re.sub(rf"\n        {name}: .*(\n {{12}}.*)*", "", text, count=1)
    return re.sub(r"\n\n    Attributes:(?=\n(    \"\"\"|\n))", "", text)
