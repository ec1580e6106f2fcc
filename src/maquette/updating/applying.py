"""Writing an update: prepared beside the project first, and finished later if it is interrupted.

What is to be written stands in `.maquette/pending/`, which appears whole. From then on the update
is decided: each file is replaced, the base and the record last, and the folder goes. A process that
is killed in between leaves the folder, and the next update begins by finishing it.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from maquette.errors import UserError
from maquette.files import TEMPORARY, folder_written_whole, remove_leftovers, written_whole
from maquette.scaffolding.provenance import BASE, FOLDER, RECORD, Provenance, write_provenance
from maquette.updating.changes import Change
from maquette.updating.upstream import Upstream

PENDING, BACKUPS, FILES, REMOVED = "pending", "backups", "files", "removed.json"


def is_pending(project: Path) -> bool:
    """Return whether an update of a project was interrupted."""
    return (project / FOLDER / PENDING).is_dir()


def tidy(project: Path) -> None:
    """Delete what an update that was killed left unfinished; not what is pending."""
    folder = project / FOLDER
    places = {folder, folder / BACKUPS}
    for files in (folder / BASE, folder / PENDING / FILES):
        places |= {project / file.parent.relative_to(files) for file in files.rglob("*")}
    for place in places:
        remove_leftovers(place)


def prepare(project: Path, every: Sequence[Change], upstream: Upstream) -> None:
    """Write all that an update will write, to where nothing is touched.

    Raises:
        UserError: the project cannot be written to.
    """
    try:
        with folder_written_whole(project / FOLDER / PENDING) as pending:
            for change in every:
                if change.content is not None:
                    _write(pending / FILES / change.path, change.content)
            removed = [change.path for change in every if change.kind == "removed"]
            (pending / REMOVED).write_text(json.dumps(removed), encoding="utf-8")
            provenance = Provenance.of(upstream.answers, upstream.files)
            write_provenance(pending, provenance, upstream.files)
    except OSError as error:
        raise UserError(f"cannot write to {project}: {error.strerror}; all is as it was") from None


def finish(project: Path) -> Path:
    """Put what was prepared in its place.

    Args:
        project: Folder of a project with a pending update.

    Returns:
        The folder with all files that were overwritten or removed, as they were.

    Raises:
        UserError: a file cannot be written. The rest can be done later.
    """
    pending = project / FOLDER / PENDING
    prepared = sorted(path for path in (pending / FILES).rglob("*") if path.is_file())
    written = {str(path.relative_to(pending / FILES)): path for path in prepared}
    removed = json.loads((pending / REMOVED).read_text(encoding="utf-8"))
    try:
        backup = _back_up(project, [*written, *removed])
        for name, path in written.items():
            _put(path, (project / name).resolve())
        for name in removed:
            (project / name).unlink(missing_ok=True)
            _remove_empty_folders(project, (project / name).parent)
        _record(project, pending)
        # At once: a folder that is half deleted could not be finished.
        done = pending.replace(pending.with_name(f"{TEMPORARY}done"))
        shutil.rmtree(done)
    except OSError as error:
        raise UserError(
            f"cannot write {error.filename}: {error.strerror}; mend that, and finish the update "
            f"with: maquette update --project {project}"
        ) from None
    return backup


def _back_up(project: Path, names: Sequence[str]) -> Path:
    """Keep files that are about to be overwritten, and base and record, so that all can go back."""
    backups, stamp = project / FOLDER / BACKUPS, time.strftime("%Y%m%d-%H%M%S")
    _write(backups / ".gitignore", b"*\n")
    candidates = (backups / stamp, *(backups / f"{stamp}-{number}" for number in range(2, 1000)))
    folder = next(path for path in candidates if not path.exists())
    with folder_written_whole(folder) as temporary:
        for name in (*names, f"{FOLDER}/{RECORD}"):
            if (project / name).is_file():
                (temporary / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(project / name, temporary / name)
        shutil.copytree(project / FOLDER / BASE, temporary / FOLDER / BASE)
    return folder


def _put(path: Path, target: Path) -> None:
    """Move a prepared file to its place; it keeps the permissions of the one that was there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    content, mode = path.read_bytes(), target.stat().st_mode if target.exists() else None
    with written_whole(target) as temporary:
        temporary.write_bytes(content)
    if mode is not None:
        target.chmod(mode)
    path.unlink()


def _record(project: Path, pending: Path) -> None:
    """Put base and record in their places, the record last."""
    new, folder = pending / FOLDER, project / FOLDER
    if (new / BASE).is_dir():
        with folder_written_whole(folder / BASE) as temporary:
            shutil.copytree(new / BASE, temporary, dirs_exist_ok=True)
    if (new / RECORD).is_file():
        (new / RECORD).replace(folder / RECORD)


def _remove_empty_folders(project: Path, folder: Path) -> None:
    while folder != project and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
