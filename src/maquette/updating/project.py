"""A project that `maquette new` made: what was written then, and what stands there now."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from packaging.version import InvalidVersion, Version

import maquette
from maquette.errors import UserError
from maquette.scaffolding.provenance import (
    FOLDER,
    RECORD,
    Provenance,
    base_file,
    read_provenance,
)


@dataclass(frozen=True)
class Project:
    """A project, opened for reading.

    Attributes:
        folder: Where it is.
        provenance: How it was made.
        base: Its files as maquette wrote them, by path.
    """

    folder: Path
    provenance: Provenance
    base: Mapping[str, bytes]

    @classmethod
    def open(cls, folder: Path) -> Project:
        """Open a project.

        Raises:
            UserError: its record is damaged, or a newer version of maquette made it.
        """
        provenance = read_provenance(folder)
        made_by = _version(provenance, folder)
        if made_by > Version(maquette.__version__):
            raise UserError(
                f"{folder} was made by maquette {made_by}, this is {maquette.__version__}; "
                f'pip install "maquette>={made_by}"'
            )
        base = {path: _as_written(folder, path, provenance) for path in provenance.files}
        return cls(folder, provenance, base)

    def current(self, path: str) -> bytes | None:
        """Return what a file holds now; `None` where there is none.

        Raises:
            UserError: something else is in its place, or it cannot be read.
        """
        file = self.folder / path
        above = [self.folder / part for part in PurePosixPath(path).parents]
        if any(part.exists() and not part.is_dir() for part in above):
            raise UserError(f"{file} cannot be: a file is in the place of its folder; move it away")
        if not file.exists():
            return None
        if not file.is_file() or not file.resolve().is_relative_to(self.folder.resolve()):
            raise UserError(f"{file} is no file of this project any more; move it away, or back")
        try:
            return file.read_bytes()
        except OSError as error:
            raise UserError(f"cannot read {file}: {error.strerror}") from None


def find_project(start: Path) -> Path:
    """Return the folder of the project that a folder belongs to, in the shorter way to write it.

    Args:
        start: The project's folder, or one inside.

    Raises:
        UserError: it belongs to none.
    """
    start, here = start.absolute(), Path.cwd()
    for folder in (start, *start.parents):
        if (folder / FOLDER / RECORD).is_file():
            return folder.relative_to(here) if folder.is_relative_to(here) else folder
    raise UserError(
        f"{start} belongs to no project of `maquette new`: neither it nor a folder above has "
        f"{FOLDER}/{RECORD}"
    )


def _version(provenance: Provenance, folder: Path) -> Version:
    try:
        return Version(provenance.maquette)
    except InvalidVersion:
        raise _damaged(folder / FOLDER / RECORD) from None


def _as_written(folder: Path, path: str, provenance: Provenance) -> bytes:
    plain = PurePosixPath(path)
    if plain.is_absolute() or ".." in plain.parts or "\\" in path or ":" in path:
        raise _damaged(folder / FOLDER / RECORD)
    file = base_file(folder, path)
    if not file.is_file():
        file = file.with_suffix("")  # As versions up to 0.5.0 wrote it.
    content = file.read_bytes() if file.is_file() else b""
    # Git may have given it other line ends.
    for variant in (content, content.replace(b"\r\n", b"\n")):
        if hashlib.sha256(variant).hexdigest() == provenance.files[path]:
            return variant
    raise _damaged(file)


def _damaged(file: Path) -> UserError:
    return UserError(f"{file} is not as `maquette new` wrote it; restore it from version control")
