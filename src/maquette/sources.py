"""Data sources: finding the file in the datasets folder that opens what the user named."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from pathlib import Path
from typing import Any

import maquette.datasets
from maquette.errors import UserError, nearest
from maquette.progress import progress_bar


def source_names() -> list[str]:
    """Return the names of the embedded data sets."""
    return [name for name, module in _modules().items() if not hasattr(module, "matches")]


def open_source(source: str | Path, strict: bool = False) -> Any:
    """Open an embedded data set by its name, or the user's own data by its path.

    Args:
        source: A name such as `"digits"`, or a path.
        strict: Whether to refuse data of which some part cannot be read.

    Raises:
        UserError: there is no such name or path, or the data cannot be used.
    """
    source = str(source)
    if not source.strip():
        raise UserError(f"--data is empty; give a path, or one of {', '.join(source_names())}")
    modules = _modules()
    if source in modules and not hasattr(modules[source], "matches"):
        return modules[source].load()
    for module in modules.values():
        if hasattr(module, "matches") and module.matches(source):
            return _load_with_progress(module, source, strict)
    names = source_names()
    raise UserError(
        f"no data set or path {source!r}{nearest(source, names)}; "
        f"give a path, or one of {', '.join(names)}"
    )


def _load_with_progress(module: Any, source: str, strict: bool) -> Any:
    with progress_bar() as bar:
        task = bar.add_task(f"reading {Path(source).name}", total=None)
        return module.load(
            source,
            strict=strict,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )


def _modules() -> dict[str, Any]:
    names = [module.name for module in pkgutil.iter_modules(maquette.datasets.__path__)]
    modules = {name: importlib.import_module(f"maquette.datasets.{name}") for name in names}
    return {name: m for name, m in modules.items() if inspect.isfunction(getattr(m, "load", None))}
