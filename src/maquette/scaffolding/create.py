"""Writing a project: all of it, or nothing."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from maquette.errors import UserError
from maquette.files import TEMPORARY, folder_written_whole, require_writable
from maquette.scaffolding.answers import Answers
from maquette.scaffolding.project import render
from maquette.scaffolding.provenance import Provenance, write_provenance


def create(
    answers: Answers,
    folder: str | Path,
    finish: Callable[[Path, Mapping[str, bytes]], None] = lambda project, files: None,
) -> Path:
    """Write a project, whole or not at all.

    Example:
        >>> create(answers, "my-app")

    Args:
        answers: What it is made from.
        folder: Where it goes; there must be nothing yet, or an empty folder.
        finish: Called with the folder in which the project is made and its files, before it
            appears in its place.

    Returns:
        The folder.

    Raises:
        UserError: something is there already, or it cannot be written.
    """
    folder = Path(folder).absolute()
    require_free(folder)
    files = render(answers)
    try:
        with _new_folder(folder) as temporary:
            for path, content in files.items():
                file = temporary / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)
            write_provenance(temporary, Provenance.of(answers, files), files)
            finish(temporary, files)
    except OSError as error:
        raise UserError(f"cannot write {folder}: {error.strerror}; choose another DIR") from None
    return folder


def require_free(folder: Path) -> None:
    """Make sure that a project can be written to a folder.

    Raises:
        UserError: something is there already, or it cannot be written.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file; choose another DIR")
    require_writable(folder, "DIR")
    if folder.is_dir() and any(folder.iterdir()):
        raise UserError(f"{folder} is not empty; choose another DIR")


@contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """Yield a folder whose content becomes that of another, at once."""
    if not folder.exists():
        with folder_written_whole(folder) as temporary:
            yield temporary
        return
    # The shell may stand in it, so it stays and is filled.
    with tempfile.TemporaryDirectory(prefix=TEMPORARY, dir=folder) as name:
        yield Path(name)
        for path in sorted(Path(name).iterdir()):
            path.replace(folder / path.name)
