"""A folder as it lies on the disk: links, hidden files, names that trouble other systems."""

from __future__ import annotations

import errno
import os
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from maquette.checking.findings import Finding, Item, singly

NORMAL_FORM = "NFC"


def folder_findings(root: Path) -> list[Finding]:
    """Return what the names and links in a folder tell, without opening any file.

    Args:
        root: path of the folder.
    """
    hidden, links, names = [], [], []
    for path, is_hidden in _walk(root):
        name = os.path.relpath(path, root).replace(os.sep, "/")
        names.append(name)
        if is_hidden:
            hidden.append(name)
        elif os.path.islink(path) and (reason := _link_fault(path, root)):
            links.append((name, reason))
    return [
        *_link_findings(links),
        *_hidden_findings(hidden),
        *_name_findings(names),
        *_clash_findings(names),
    ]


def _walk(root: Path) -> Iterator[tuple[str, bool]]:
    """Yield all paths below a folder and whether each is hidden; nothing in a hidden folder."""
    for here, folders, files in os.walk(root):
        for name in sorted([*folders, *files]):
            yield os.path.join(here, name), name.startswith(".")
        folders[:] = sorted(name for name in folders if not name.startswith("."))


def _link_fault(path: str, root: Path) -> str:
    """Return what is wrong with a link, or nothing."""
    try:
        target = Path(path).resolve(strict=True)
    except (OSError, RuntimeError) as error:
        return "loops" if _is_loop(error) else ""  # one that leads nowhere is an unreadable file
    if not target.is_dir():
        return ""
    link = Path(path).absolute()
    if target == link.parent.resolve() or target in link.parent.resolve().parents:
        return "leads back to a folder that it is in"
    depth = len(Path(os.path.relpath(path, root)).parts)
    return "a link to a folder, inside a class" if depth > 2 else ""


def _is_loop(error: Exception) -> bool:
    # Python before 3.13 raises the first of them.
    return isinstance(error, RuntimeError) or getattr(error, "errno", None) == errno.ELOOP


def _link_findings(links: list[tuple[str, str]]) -> list[Finding]:
    loops = [link for link in links if "inside a class" not in link[1]]
    others = [link for link in links if link not in loops]
    findings = []
    if loops:
        items = singly([name for name, _ in loops], [reason for _, reason in loops])
        message = f"links that lead in circles: {len(loops)}"
        findings.append(
            Finding("warning", "link_loop", message, items, "they are not followed; remove them")
        )
    if others:
        items = singly([name for name, _ in others], [reason for _, reason in others])
        message = f"links to folders that are not followed: {len(others)}"
        advice = "what they hold is left out; copy it, or link the class as a whole"
        findings.append(Finding("warning", "link_not_followed", message, items, advice))
    return findings


def _hidden_findings(names: list[str]) -> list[Finding]:
    if not names:
        return []
    message = f"hidden files and folders: {len(names)}"
    return [Finding("note", "hidden", message, singly(names), "they are passed over")]


def _name_findings(names: list[str]) -> list[Finding]:
    foreign, unusual = [], []
    for name in names:
        try:
            name.encode()
        except UnicodeEncodeError:
            foreign.append(name)
        else:
            last = name.rpartition("/")[2]
            if not last.isascii() or " " in last:
                unusual.append(name)
    findings = []
    if foreign:
        message = f"names that are no valid Unicode: {len(foreign)}"
        advice = "they are read all the same; other systems may not: rename them"
        findings.append(Finding("warning", "name_not_unicode", message, singly(foreign), advice))
    if unusual:
        message = f"names with spaces or letters beyond ASCII: {len(unusual)}"
        advice = "they are read as they are; shell scripts and other tools may stumble"
        findings.append(Finding("note", "unusual_name", message, singly(unusual), advice))
    return findings


def _clash_findings(names: list[str]) -> list[Finding]:
    alike = defaultdict(list)
    for name in names:
        alike[unicodedata.normalize(NORMAL_FORM, name).casefold()].append(name)
    clashes = tuple(Item(tuple(group)) for group in alike.values() if len(group) > 1)
    if not clashes:
        return []
    message = f"names that differ only in case or in how accents are written: {len(clashes)}"
    advice = "on Windows and macOS they are one file or class: rename them"
    return [Finding("warning", "names_clash", message, clashes, advice)]
