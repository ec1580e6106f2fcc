"""Data sources: finding the file in the datasets folder that opens what the user named."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Collection
from pathlib import Path
from typing import Any

import maquette.datasets
from maquette.errors import UserError, nearest
from maquette.progress import progress_bar

KINDS = ("images", "text", "corpus")


def source_names(kinds: Collection[str] = KINDS) -> list[str]:
    """Return the names of the embedded data sets of some kinds."""
    return [name for name, module in _modules(kinds).items() if not hasattr(module, "matches")]


def open_source(
    source: str | Path, kinds: Collection[str], strict: bool = False, **options: Any
) -> Any:
    """Open an embedded data set by its name, or the user's own data by its path.

    Args:
        source: A name such as `"digits"`, or a path.
        kinds: Which of `"images"`, `"text"` and `"corpus"` would do.
        strict: Whether to refuse data of which some part cannot be read.
        **options: Passed on to a source that takes them, e.g. the names of columns.

    Raises:
        UserError: there is no such name or path, or the data cannot be used.
    """
    source = str(source)
    names = source_names(kinds)
    if not source.strip():
        raise UserError(f"--data is empty; give a path, or one of {', '.join(names)}")
    if source in names:
        return _modules(kinds)[source].load()
    if source in source_names():
        raise UserError(
            f"{source} holds {_modules(KINDS)[source].KIND}, and this takes {' or '.join(kinds)}; "
            f"give a path, or one of {', '.join(names)}"
        )
    for module in _modules(kinds).values():
        if hasattr(module, "matches") and module.matches(source):
            return _load_with_progress(module, source, strict, options)
    raise UserError(
        f"no data set or path {source!r}{nearest(source, names)}; "
        f"give a path, or one of {', '.join(names)}"
    )


def _load_with_progress(module: Any, source: str, strict: bool, options: dict[str, Any]) -> Any:
    taken = inspect.signature(module.load).parameters.keys() & options.keys()
    with progress_bar() as bar:
        task = bar.add_task(f"reading {Path(source).name}", total=None)
        return module.load(
            source,
            strict=strict,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
            **{name: options[name] for name in taken},
        )


def _modules(kinds: Collection[str]) -> dict[str, Any]:
    names = [module.name for module in pkgutil.iter_modules(maquette.datasets.__path__)]
    modules = {name: importlib.import_module(f"maquette.datasets.{name}") for name in names}
    return {name: module for name, module in modules.items() if module.KIND in kinds}
