"""States of an unfinished training: files to go on from, each whole, the newest two kept.

A state is a nest of plain values and NumPy arrays. Its file is an `.npz` archive, read without
unpickling: nothing in it can run. Every part of an archive has a checksum (CRC-32), which is
compared whenever a state is read.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from maquette.files import remove_leftovers, written_whole
from maquette.progress import say

KEPT = 2
STRUCTURE = "structure"
SCALARS = (bool, int, float, str, type(None))


class NotPlainError(TypeError):
    """A value is neither plain nor an array."""


class StateFolder:
    """The states in a folder.

    Example:
        >>> states = StateFolder("saved_models/cnn/first/state")
        >>> states.save({"epoch": 3, "weights": [np.ones(2)]})
        >>> states.newest()["epoch"]
        3

    Args:
        path: The folder; made by the first state that is saved.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)

    def save(self, state: Any) -> None:
        """Write a state, then delete all but the newest two.

        Raises:
            OSError: it cannot be written, e.g. because the disk is full. The states before it stay.
            NotPlainError: it holds something else than plain values and arrays.
        """
        arrays: list[np.ndarray] = []
        structure = json.dumps(encoded(state, arrays)).encode()
        files = self._files()
        number = 1 + int(files[-1].stem.rpartition("-")[2]) if files else 1
        with written_whole(self.path / f"state-{number:08d}.npz") as temporary:
            named = {str(index): array for index, array in enumerate(arrays)}
            np.savez(temporary, **{STRUCTURE: np.frombuffer(structure, np.uint8)}, **named)
        for old in self._files()[:-KEPT]:
            old.unlink()

    def newest(self) -> Any | None:
        """Return the newest state that is whole, or `None`. Damaged ones are told and deleted."""
        if self.path.is_dir():
            remove_leftovers(self.path)
        for path in reversed(self._files()):
            try:
                return _read(path)
            except Exception:  # A damaged archive raises errors of a dozen kinds.
                say(f"note: {path} is damaged; going on from the state before it")
                path.unlink()
        return None

    def __bool__(self) -> bool:
        return bool(self._files())

    def remove(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self.path, ignore_errors=True)

    def _files(self) -> list[Path]:
        return sorted(self.path.glob("state-*.npz"))


def _read(path: Path) -> Any:
    with np.load(path, allow_pickle=False) as archive:
        names = sorted((name for name in archive.files if name != STRUCTURE), key=int)
        arrays = [archive[name] for name in names]
        return decoded(json.loads(archive[STRUCTURE].tobytes()), arrays)


def encoded(value: Any, arrays: list[np.ndarray]) -> Any:
    """Return a value as JSON has it; its arrays are appended to `arrays`.

    Raises:
        NotPlainError: the value holds something else than numbers, strings, `None`, arrays, and
            lists, tuples, sets and dictionaries of them.
    """
    if isinstance(value, np.generic):
        arrays.append(np.asarray(value))
        return {"scalar": len(arrays) - 1}
    if isinstance(value, SCALARS):
        return value
    if isinstance(value, np.ndarray) and value.dtype != object:
        arrays.append(value)
        return {"array": len(arrays) - 1}
    if isinstance(value, dict):
        pairs = [[encoded(k, arrays), encoded(v, arrays)] for k, v in value.items()]
        return {"dict": pairs}
    for kind in (list, tuple, set):
        if type(value) is kind:
            return {kind.__name__: [encoded(item, arrays) for item in value]}
    raise NotPlainError(f"a state holds plain values and arrays. Received: {type(value)}")


def decoded(value: Any, arrays: list[np.ndarray]) -> Any:
    """Return what `encoded` was given."""
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "array":
        return arrays[content]
    if kind == "scalar":
        return arrays[content][()]
    if kind == "dict":
        return {decoded(k, arrays): decoded(v, arrays) for k, v in content}
    return {"list": list, "tuple": tuple, "set": set}[kind](decoded(v, arrays) for v in content)
