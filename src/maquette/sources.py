"""Data sources: what the user named, and the file in the datasets folder that opens it."""

from __future__ import annotations

import importlib
import inspect
import os
import pkgutil
import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import unquote

import maquette.datasets
from maquette.errors import UserError, nearest
from maquette.paths import require_possible
from maquette.progress import progress_bar

KINDS = ("images", "text", "corpus", "table")
# What a column is called in a written source, and the argument and option that name it.
COLUMNS = {"target": "target", "text": "text_column", "image": "image_column"}


@dataclass(frozen=True)
class Source:
    """What the user named, as one string holds it: `reviews.csv?target=stars&text=review`.

    Attributes:
        name: path of the data, name of an embedded set, or a name with a scheme: `tfds:mnist`.
        target: column, feature or array of what is to be predicted.
        text: column of the texts.
        image: column of the images.
    """

    name: str
    target: str | None = None
    text: str | None = None
    image: str | None = None

    @classmethod
    def of(cls, written: str) -> Source:
        """Take a written source apart; a path that has a `?` in it is left whole.

        Raises:
            UserError: what follows the `?` names something that is no column.
        """
        name, mark, query = written.rpartition("?")
        pairs = [part.partition("=")[::2] for part in query.split("&")]
        is_plain = not mark or not all(key and value for key, value in pairs)
        if is_plain or "://" in written or os.path.exists(os.path.expanduser(written)):
            return cls(written)
        unknown = next((key for key, _ in pairs if key not in COLUMNS), None)
        if unknown is not None:
            raise UserError(
                f"{written!r} names {unknown!r}{nearest(unknown, COLUMNS)}; "
                f"what can be named are the columns {', '.join(COLUMNS)}"
            )
        return cls(name, **{key: unquote(value) for key, value in pairs})

    def __str__(self) -> str:
        columns = "&".join(f"{key}={_quoted(value)}" for key, value in self.columns().items())
        return f"{self.name}?{columns}" if columns else self.name

    def columns(self) -> dict[str, str]:
        """Return the columns that are named, by what they are."""
        return {key: value for key in COLUMNS if (value := getattr(self, key)) is not None}

    def arguments(self) -> dict[str, str]:
        """Return the columns that are named, by the argument of `load` that takes them."""
        return {COLUMNS[key]: value for key, value in self.columns().items()}


def compose(
    source: str | Path,
    target: str | None = None,
    text_column: str | None = None,
    image_column: str | None = None,
) -> str:
    """Return a source with columns named in it, as `config.yaml` records it.

    Example:
        >>> compose("reviews.csv", target="stars")
        'reviews.csv?target=stars'

    Args:
        source: A source; columns that it names already are kept where no other is given.
        target: Column of what is to be predicted.
        text_column: Column of the texts.
        image_column: Column of the images.
    """
    given = {"target": target, "text": text_column, "image": image_column}
    named = {key: str(value) for key, value in given.items() if value is not None}
    return str(replace(Source.of(str(source)), **named))


def with_columns_of(source: str, other: str) -> str:
    """Return a source that names the columns which another one names, where it does not itself.

    Columns that nothing which opens the source knows of are left out.

    Args:
        source: A source.
        other: Another, such as that of a run's own data.
    """
    wanted, like = Source.of(source), Source.of(other).columns()
    taken = {name for module in _matching(wanted.name, KINDS) for name in _arguments(module)}
    fitting = {key: value for key, value in like.items() if COLUMNS[key] in taken}
    return str(replace(wanted, **(fitting | wanted.columns())))


def source_names(kinds: Collection[str] = KINDS) -> list[str]:
    """Return the names of the embedded data sets of some kinds."""
    return [name for name, module in _modules(kinds).items() if not hasattr(module, "matches")]


def open_source(
    source: str | Path, kinds: Collection[str], strict: bool = False, **options: Any
) -> Any:
    """Open an embedded data set by its name, or the user's own data by its path.

    Args:
        source: A name such as `"digits"`, or a path, with columns or without.
        kinds: Which of `KINDS` would do.
        strict: Whether to refuse data of which some part cannot be read.
        **options: Passed on to a source that takes them.

    Raises:
        UserError: there is no such name or path, or the data cannot be used.
    """
    asked = Source.of(str(source))
    module = opener(asked, kinds)
    given = {"strict": strict, "kinds": kinds, **options, **asked.arguments()}
    data = _load_with_progress(module, asked.name, given)
    return replace(data, source=str(replace(asked, name=data.source)))


def kind_of(source: str | Path, kinds: Collection[str]) -> str:
    """Return of which of some kinds a data set or path is.

    Raises:
        UserError: there is no such name or path.
    """
    asked = Source.of(str(source))
    module = opener(asked, kinds)
    possible = [kind for kind in _kinds(module) if kind in kinds]
    return possible[0] if len(possible) == 1 else module.kind(asked, possible)


def opener(source: str | Source, kinds: Collection[str]) -> ModuleType:
    """Return the module that opens a source: the first, by name, that takes what was named.

    Args:
        source: A source.
        kinds: Which of `KINDS` would do.

    Raises:
        UserError: there is no such name or path, or it takes no column of that sort.
    """
    asked = source if isinstance(source, Source) else Source.of(source)
    embedded = source_names(kinds)
    there_is = f"give a path, or one of {', '.join(embedded)}"
    if not asked.name.strip():
        raise UserError(f"--data is empty; {there_is}")
    require_possible(asked.name)
    if asked.name in embedded:
        matching = [_modules(KINDS)[asked.name]]
    else:
        matching = _matching(asked.name, kinds)
    if not matching:
        raise UserError(_why_none_opens(asked.name, kinds, there_is))
    named = asked.arguments()
    taking = [module for module in matching if named.keys() <= _arguments(module)]
    if not taking:
        most = max(matching, key=lambda module: len(named.keys() & _arguments(module)))
        needless = next(name for name in named if name not in _arguments(most))
        option = "--" + needless.replace("_", "-")
        raise UserError(f"{asked.name} takes no {option}; received {named[needless]!r}")
    return taking[0]


def _why_none_opens(name: str, kinds: Collection[str], there_is: str) -> str:
    wanted = " or ".join(sorted(kinds))
    if name in source_names():
        holds = " or ".join(_kinds(_modules(KINDS)[name]))
        return f"{name} holds {holds}, and this takes {wanted}; {there_is}"
    if re.match(r"\w{2,}://", name):
        return f"{name} is an address; download it, and give the path"
    if os.path.exists(os.path.expanduser(name)):
        return f"{name} is no {wanted} that can be read; maquette list --data tells what can be"
    return f"no data set or path {name!r}{nearest(name, source_names(kinds))}; {there_is}"


def _matching(name: str, kinds: Collection[str]) -> list[ModuleType]:
    """Return the modules that would open a path; those that take whatever is left come last."""
    modules = [m for m in _modules(kinds).values() if hasattr(m, "matches") and m.matches(name)]
    return sorted(modules, key=lambda module: getattr(module, "LAST", False))


def _load_with_progress(module: ModuleType, name: str, given: dict[str, Any]) -> Any:
    taken = {key: value for key, value in given.items() if key in _arguments(module)}
    if not hasattr(module, "matches"):
        return module.load(**taken)
    with progress_bar() as bar:
        task = bar.add_task(f"reading {Path(name).name}", total=None)
        return module.load(
            name,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
            **taken,
        )


def _arguments(module: ModuleType) -> Collection[str]:
    return inspect.signature(module.load).parameters.keys()


def _modules(kinds: Collection[str]) -> dict[str, ModuleType]:
    names = [module.name for module in pkgutil.iter_modules(maquette.datasets.__path__)]
    modules = {name: importlib.import_module(f"maquette.datasets.{name}") for name in names}
    return {name: module for name, module in modules.items() if {*_kinds(module)} & {*kinds}}


def _kinds(module: ModuleType) -> tuple[str, ...]:
    return (module.KIND,) if isinstance(module.KIND, str) else module.KIND


def _quoted(column: str) -> str:
    """Return a column's name with no character that means something in a written source."""
    return re.sub("[%&=?]", lambda found: f"%{ord(found[0]):02X}", column)
