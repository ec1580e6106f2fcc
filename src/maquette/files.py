"""Writing files so that each appears whole or not at all."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from maquette.errors import UserError

TEMPORARY = ".maquette-"  # How the name of everything begins that is not whole yet.


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it takes the place of `path`.

    The temporary path keeps the suffix of `path`, since writers choose their format by it.
    On an error nothing is left behind, and an earlier `path` stays as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=TEMPORARY, suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        _flush(temporary)
        # mkstemp makes files private; give the result the permissions any new file gets.
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file whole."""
    with written_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextmanager
def folder_written_whole(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; on success it takes the place of `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=path.parent))
    try:
        yield temporary
        temporary.chmod(0o777 & ~_umask())
        _replace_folder(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _replace_folder(new: Path, path: Path) -> None:
    """Put a folder in the place of another, which comes back if that fails."""
    if not path.exists():
        new.replace(path)
        return
    aside = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=path.parent))
    try:
        old = path.replace(aside / path.name)
        try:
            new.replace(path)
        except BaseException:
            old.replace(path)
            raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def remove_leftovers(folder: Path) -> None:
    """Delete what a process that was killed left unfinished in `folder`."""
    for path in folder.glob(f"{TEMPORARY}*"):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def sha256(path: Path) -> str:
    """Return the hexadecimal SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of(path: Path) -> str:
    """Return the hexadecimal SHA-256 of a file, or of names and contents of a folder's files."""
    if path.is_file():
        return sha256(path)
    files = sorted(file for file in path.rglob("*") if file.is_file())
    lines = "".join(f"{file.name} {sha256(file)}\n" for file in files)
    return hashlib.sha256(lines.encode()).hexdigest()


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of a folder's files."""
    files = [path] if path.is_file() else path.rglob("*")
    return sum(file.stat().st_size for file in files if file.is_file())


def require_writable(folder: Path, option: str = "--out") -> None:
    """Make sure that `folder` can be created and written to.

    Args:
        folder: Existing or not.
        option: What the user chose it by.

    Raises:
        UserError: it, or its nearest existing parent, is no folder or forbids writing.
    """
    existing = next(p for p in (folder.absolute(), *folder.absolute().parents) if p.exists())
    if not existing.is_dir():
        raise UserError(f"cannot write to {folder}: {existing} is a file; choose another {option}")
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        raise UserError(
            f"cannot write to {folder}: {error.strerror}; choose another {option}"
        ) from None


def require_writable_file(file: Path, option: str) -> None:
    """Make sure that a file can be written, be it there or not.

    Args:
        file: Its path.
        option: What the user chose it by.

    Raises:
        UserError: it is a folder, or cannot be written where it would be.
    """
    if os.path.isdir(file):
        raise UserError(f"{option} {file} is a folder; give the path of a file")
    require_writable(file.parent, option)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDWR)  # Windows flushes only what is open for writing.
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
