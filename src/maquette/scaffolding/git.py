"""The first commit of a project."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from maquette.progress import say

NOBODY = ("maquette", "maquette@localhost")


def git_user() -> str:
    """Return the name that git knows its user by, or an empty string."""
    if shutil.which("git") is None:
        return ""
    return _git("config", "user.name").stdout.strip()


def is_in_repository(folder: Path) -> bool:
    """Return whether a folder, which need not be there yet, belongs to a repository."""
    existing = next(p for p in (folder.absolute(), *folder.absolute().parents) if p.is_dir())
    return _git("rev-parse", "--is-inside-work-tree", cwd=existing).returncode == 0


def first_commit(project: Path, message: str) -> None:
    """Make a project a repository with one commit; a failure is told and does no harm.

    Args:
        project: Its folder.
        message: Of the commit.
    """
    identity = []
    for key, value in zip(("user.name", "user.email"), NOBODY, strict=True):
        if not _git("config", key).stdout.strip():
            identity += ["-c", f"{key}={value}"]
    for words in (
        ["init", "--quiet", "--initial-branch", "main"],
        ["add", "--all"],
        [*identity, "commit", "--quiet", "--message", message],
    ):
        done = _git(*words, cwd=project)
        if done.returncode:
            reason = (done.stderr.strip() or done.stdout.strip()).partition("\n")[0]
            shutil.rmtree(project / ".git", ignore_errors=True)
            say(f"note: no first commit: git says {reason!r}")
            return


def _git(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", *words], cwd=cwd, capture_output=True, text=True, check=False)
