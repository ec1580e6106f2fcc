"""Three versions of a text into one, by `git merge-file`."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from maquette.errors import UserError

UNRESOLVED = re.compile(rb"^<{7} .*?^={7}\r?$.*?^>{7} ", flags=re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Merged:
    """A merged text.

    Attributes:
        content: With conflicts marked as git does.
        conflicts: How many.
    """

    content: bytes
    conflicts: int


def merge(mine: bytes, base: bytes, new: bytes, labels: tuple[str, str, str]) -> Merged:
    """Merge what changed from `base` to `new` into `mine`.

    Args:
        mine: The user's version.
        base: What both came from.
        new: The other version.
        labels: What to call the three in the marks of conflicts.

    Raises:
        UserError: git is not there, or the texts cannot be merged.
    """
    if shutil.which("git") is None:
        raise UserError("git is not installed, and merging needs it; install git")
    has_other_line_ends = b"\r\n" in mine and b"\r\n" not in base
    if has_other_line_ends:
        mine = mine.replace(b"\r\n", b"\n")
    with tempfile.TemporaryDirectory() as folder:
        for name, content in (("mine", mine), ("base", base), ("new", new)):
            Path(folder, name).write_bytes(content)
        options = [word for label in labels for word in ("-L", label)]
        command = ["git", "merge-file", "--stdout", *options, "mine", "base", "new"]
        done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    if not 0 <= done.returncode < 128:  # More conflicts than 127 are told as 127.
        reason = done.stderr.decode(errors="replace").strip().partition("\n")[0]
        raise UserError(f"git cannot merge: {reason}")
    content = done.stdout.replace(b"\n", b"\r\n") if has_other_line_ends else done.stdout
    return Merged(content, done.returncode)


def is_unresolved(content: bytes) -> bool:
    """Return whether a text holds marks of a conflict."""
    return UNRESOLVED.search(content) is not None
