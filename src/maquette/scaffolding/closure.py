"""What a piece of software needs of others, definition by definition."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache

from maquette.installed_templates import file_of
from maquette.scaffolding.imports import Imported
from maquette.scaffolding.modules import Definition, Member, Module
from maquette.scaffolding.scopes import References

TRANSPARENT = {"ABC", "object"}  # Bases that call no member of their own accord.
Place = tuple[str, str]  # A module and a name in it.


@dataclass
class Closure:
    """All definitions that some modules need, and those members of them that are used.

    Args:
        given: Modules whose text is given, by name; others are looked up.
        roots: Packages whose modules are carried; all others are dependencies.
        stand_ins: Modules of `given` whose definitions take the place of those of the same name.
        fallbacks: Modules where a definition is looked for that another one lacks.

    Attributes:
        carried: Definitions by module and name.
        members: Parts that are kept of them, by module, first line and name.
        edges: Modules that cannot be imported before another one.
        uses: Modules that refer to another one in any way, with it.
        taken_whole: Modules that others take as a module, with these.
        used: Names, of attributes too, that anything carried refers to.
    """

    given: Mapping[str, Module]
    roots: frozenset[str]
    stand_ins: Mapping[str, str] = field(default_factory=dict)
    fallbacks: Mapping[str, str] = field(default_factory=dict)
    carried: dict[Place, Definition] = field(default_factory=dict)
    members: set[tuple[str, int, str]] = field(default_factory=set)
    edges: set[tuple[str, str]] = field(default_factory=set)
    uses: set[tuple[str, str]] = field(default_factory=set)
    taken_whole: set[tuple[str, str]] = field(default_factory=set)
    used: set[str] = field(default_factory=set)
    _waiting: list[tuple[Place, Member]] = field(default_factory=list)
    _bare: set[str] = field(default_factory=set)

    def need_all(self, module: str) -> None:
        """Carry all definitions of a module."""
        for definition in self.module(module).definitions:
            for name in definition.names:
                self.need(module, name)

    def need(self, module: str, name: str) -> None:
        """Carry a definition, and all that it refers to."""
        module, name = place = self.place(module, name)
        definition = self.module(module).by_name.get(name)
        if definition is None:
            raise LookupError(f"{module} has no {name}")
        if place in self.carried:
            return
        for each in definition.names:
            self.carried[module, each] = definition
        for part in definition.parts:
            if not part.name or part.name in self.used or not self._is_prunable(module, name):
                self._keep(module, part)
            else:
                self._waiting.append((place, part))

    def place(self, module: str, name: str) -> Place:
        """Return where a name is defined, stand-ins and imports passed on considered."""
        stand_in = self.stand_ins.get(module)
        if stand_in is not None and name in self.module(stand_in).by_name:
            return stand_in, name
        found = self.module(module)
        if name not in found.by_name and name in found.imports:
            passed_on = found.imports[name]
            if passed_on.name and self.is_carried(passed_on.module):
                return self.place(passed_on.module, passed_on.name)
        if name not in found.by_name and module in self.fallbacks:
            return self.fallbacks[module], name
        return module, name

    def module(self, name: str) -> Module:
        """Return a module, taken apart."""
        return self.given[name] if name in self.given else _installed(name)

    def is_carried(self, module: str) -> bool:
        """Return whether a module is one of those that are carried."""
        return module.partition(".")[0] in self.roots

    def is_module(self, imported: Imported) -> bool:
        """Return whether what is imported is a module of those that are carried."""
        if imported.name is None or not self.is_carried(imported.module):
            return False
        whole = f"{imported.module}.{imported.name}"
        return whole in self.given or _exists(whole)

    def module_named(self, imported: Imported) -> str:
        """Return the module that an import of a module binds."""
        whole = f"{imported.module}.{imported.name}"
        return self.stand_ins.get(whole, whole)

    def unused_members(self, place: Place) -> Iterator[Member]:
        """Yield the members of a class that were not needed."""
        module, _ = place
        for part in self.carried[place].parts:
            if part.name and (module, part.first, part.name) not in self.members:
                yield part

    def _keep(self, module: str, part: Member) -> None:
        self.members.add((module, part.first, part.name))
        self._follow(module, part.references)

    def _follow(self, module: str, found: References) -> None:
        own = self.module(module)
        for name, attribute in found.names:
            if name in own.by_name:
                self.need(module, name)
                self._connect(module, self.place(module, name)[0], name in own.type_only)
            elif name in own.imports:
                self._need_imported(module, own.imports[name], attribute, name in own.type_only)
        for imported, attribute in found.imports:
            self._need_imported(module, imported, attribute, True)
        self._use(found.attributes | found.strings | {name for name, _ in found.names})

    def _need_imported(
        self, module: str, imported: Imported, attribute: str, is_late: bool
    ) -> None:
        if imported.name is None or not self.is_carried(imported.module):
            return
        if not self.is_module(imported):
            target, _ = self.place(imported.module, imported.name)
            self.need(imported.module, imported.name)
        else:
            target = self.module_named(imported)
            self.taken_whole.add((module, target))
            if attribute:
                if not attribute.startswith("__"):
                    self.need(target, attribute)
            else:
                self._need_bare(target)
        self._connect(module, target, is_late)

    def _connect(self, module: str, target: str, is_late: bool) -> None:
        if target != module:
            self.uses.add((module, target))
            if not is_late:
                self.edges.add((module, target))

    def _need_bare(self, module: str) -> None:
        """Carry of a module that is passed around what any code takes of anything."""
        self._bare.add(module)
        for name in self.used & self.module(module).by_name.keys():
            self.need(module, name)

    def _use(self, names: frozenset[str]) -> None:
        new = names - self.used
        self.used |= new
        woken = [(place, part) for place, part in self._waiting if part.name in new]
        self._waiting = [pair for pair in self._waiting if pair not in woken]
        for (module, _), part in woken:
            self._keep(module, part)
        for module in list(self._bare):
            for name in new & self.module(module).by_name.keys():
                self.need(module, name)

    def _is_prunable(self, module: str, name: str) -> bool:
        """Return whether nothing outside calls a member of a class or of its bases."""
        found = self.module(module)
        for base in found.by_name[name].bases:
            if base in TRANSPARENT:
                continue
            imported = found.imports.get(base)
            if base in found.by_name:
                place = module, base
            elif imported and imported.name and self.is_carried(imported.module):
                place = self.place(imported.module, imported.name)
            else:
                return False
            if not self._is_prunable(*place):
                return False
        return True


@cache
def _installed(name: str) -> Module:
    return Module(name, file_of(name).read_text(encoding="utf-8"))


@cache
def _exists(name: str) -> bool:
    return file_of(name) is not None
