"""Find the files of a folder that has one sub-folder for each class: images, or another kind."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from maquette.errors import UserError
from maquette.images.decoding import IMAGE_SUFFIXES
from maquette.left_out import LeftOut, unreadable_note
from maquette.paths import absolute, nearest_sibling
from maquette.splits import SPLIT_NAMES, UNDIVIDED, listed

ARCHIVE_SUFFIXES = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".7z", ".rar")
SYSTEM_NAMES = frozenset({"thumbs.db", "desktop.ini", "__macosx"})


class FileKind(NamedTuple):
    """What is looked for: its name in messages, in the plural, and its suffixes in lower case."""

    noun: str
    suffixes: frozenset[str]

    def has(self, name: str) -> bool:
        """Return whether a file's suffix is one of this kind."""
        return os.path.splitext(name)[1].lower() in self.suffixes


IMAGES = FileKind("images", IMAGE_SUFFIXES)


class Entry(NamedTuple):
    """One file: its split, its class, and its path relative to the root."""

    split: str
    label: str
    name: str


@dataclass(frozen=True)
class ClassFolders:
    """What lies in a folder of files in classes.

    Attributes:
        kind: what was looked for.
        root: the folder, absolute.
        folders: the folder of each split: of "train" and any of "validation" and "test", or the
            root itself as `UNDIVIDED`.
        classes: names of the class folders of all splits together, in order.
        entries: the files of the kind looked for, by their suffix, in order.
        outside: files of that kind that lie in no class folder, by their relative paths.
        others: all other files that are not hidden.
        closed: folders inside the classes that cannot be read, each with the reason.
        notes: lines for the user on how the layout was understood.
    """

    kind: FileKind
    root: Path
    folders: dict[str, Path]
    classes: tuple[str, ...]
    entries: list[Entry]
    outside: list[LeftOut]
    others: list[LeftOut]
    closed: list[LeftOut]
    notes: list[str]

    def left_out(self, unreadable: Sequence[LeftOut] = ()) -> tuple[LeftOut, ...]:
        """Return all that is no example, those files included that cannot be read."""
        return (*unreadable, *self.closed, *self.outside, *self.others)


def is_path(source: str) -> bool:
    """Return whether `source` is meant as a folder: it is one, or it is written like a path."""
    if os.path.isdir(os.path.expanduser(source)):
        return True
    if re.match(r"\w{2,}:", source):  # a URL, or a name with a scheme
        return False
    return bool(re.search(r"[/\\]|^[.~]", source)) or source.lower().endswith(ARCHIVE_SUFFIXES)


def find_files(source: str, kind: FileKind, strict: bool = False) -> ClassFolders:
    """List the files of one kind in a folder without opening them.

    Hidden files are passed over. Links to folders are followed only where a class or a split is
    such a link. A validation or test folder without classes is left out.

    Args:
        source: path of the folder.
        kind: what to look for.
        strict: refuse what would be left out for its place in the folder.

    Returns:
        The files, with the class and split each lies in.

    Raises:
        UserError: there is no such folder, it cannot be read, or it has no such files in classes.
    """
    root = _existing_folder(source, kind)
    folders, notes = _split_folders(root)
    for split in [split for split in folders if split in ("validation", "test")]:
        try:
            _class_names(folders[split], root, kind)
        except UserError as error:
            if strict:
                raise
            notes.append(f"left out the {split} split: {error}")
            del folders[split]
    classes = _classes(root, folders, kind)
    entries, strays, closed = _list_files(root, folders, classes, kind)
    if strict and closed:
        raise UserError(f"cannot read the folder {root / closed[0].name}: {closed[0].reason}")
    if not entries:
        suffixes = " ".join(sorted(kind.suffixes))
        raise UserError(f"no {kind.noun} in the sub-folders of {root}; looked for {suffixes}")
    outside = [LeftOut(name, "outside any class folder") for name in strays if kind.has(name)]
    others = [LeftOut(name, "of another kind") for name in strays if not kind.has(name)]
    return ClassFolders(kind, root, folders, classes, entries, outside, others, closed, notes)


def left_out_notes(found: ClassFolders, unreadable: Sequence[LeftOut]) -> list[str]:
    """Return lines on the files of a folder that are no examples.

    Args:
        found: what lies in the folder.
        unreadable: files that cannot be read.
    """
    noun = found.kind.noun
    notes = unreadable_note(unreadable, len(found.entries))
    if found.closed:
        closed = listed([str(folder) for folder in found.closed])
        notes.append(f"left out folders that cannot be read ({len(found.closed)}): {closed}")
    reasons = {f"{noun} outside any class folder": found.outside}
    reasons[f"files that are not {noun}"] = found.others
    return notes + [
        f"left out {reason} ({len(files)}): {listed([file.name for file in files])}"
        for reason, files in reasons.items()
        if files
    ]


def _existing_folder(source: str, kind: FileKind) -> Path:
    root = absolute(source)
    if os.path.isdir(root):
        return root
    if not os.path.exists(root):
        raise UserError(f"no folder {root}{nearest_sibling(root)}")
    if root.name.lower().endswith(ARCHIVE_SUFFIXES):
        raise UserError(f"{root} is an archive; unpack it and give the folder")
    raise UserError(
        f"{root} is a file; give a folder with one sub-folder of {kind.noun} for each class; "
        "maquette list --data tells what else would do"
    )


def _split_folders(root: Path) -> tuple[dict[str, Path], list[str]]:
    names = _subfolders(root, root)
    splits = [SPLIT_NAMES.get(name.casefold()) for name in names]
    if None in splits or "train" not in splits:
        return {UNDIVIDED: root}, _misnamed_notes(names)
    for split, count in Counter(splits).items():
        if count > 1:
            same = [name for name in names if SPLIT_NAMES[name.casefold()] == split]
            raise UserError(f"{root} has {' and '.join(same)}; keep one folder for {split}")
    folders = dict(zip(splits, names, strict=True))
    order = ("train", "validation", "test")
    return {split: root / folders[split] for split in order if split in folders}, []


def _misnamed_notes(names: Sequence[str]) -> list[str]:
    """Tell of a folder that is named like a split and was taken as a class."""
    like_splits = [name for name in names if name.casefold() in SPLIT_NAMES]
    others = [name for name in names if name not in like_splits]
    if not like_splits:
        return []
    reason = f"{others[0]} is beside it" if others else "there is no train folder"
    return [f"{', '.join(like_splits)} taken as a class, not as a split, because {reason}"]


def _classes(root: Path, folders: dict[str, Path], kind: FileKind) -> tuple[str, ...]:
    """Return the classes of all splits together."""
    names = (_class_names(folder, root, kind) for folder in folders.values())
    classes = sorted(set().union(*names))
    if len(classes) == 1:
        inside = next(iter(folders.values())) / classes[0]
        hint = f"; perhaps you meant {inside}" if visible(inside, os.path.isdir) else ""
        raise UserError(f"{root} has one class only, {classes[0]!r}; two are needed{hint}")
    return tuple(classes)


def _class_names(folder: Path, root: Path, kind: FileKind) -> list[str]:
    names = _subfolders(folder, root)
    if names:
        return names
    files = visible(folder, os.path.isfile)
    direct = [name for name in files if kind.has(name)]
    if direct:
        raise UserError(
            f"{kind.noun} lie directly in {folder}; put them in one sub-folder for each class, "
            f"as in {folder.name}/CLASS/{direct[0]}"
        )
    found = f"holds only files such as {files[0]}" if files else "is empty"
    raise UserError(f"{folder} {found}; expected one sub-folder of {kind.noun} for each class")


def _list_files(
    root: Path, folders: dict[str, Path], classes: tuple[str, ...], kind: FileKind
) -> tuple[list[Entry], list[str], list[LeftOut]]:
    """Return files that lie in classes, relative paths of all others, and closed folders."""
    entries, strays, closed = [], [], []

    def close(error: OSError) -> None:
        closed.append(LeftOut(_relative(error.filename, root), str(error.strerror)))

    for folder in dict.fromkeys([root, *folders.values()]):
        strays += [_relative(folder / name, root) for name in visible(folder, os.path.isfile)]
    for split, folder in folders.items():
        for label in (name for name in classes if os.path.isdir(folder / name)):
            names = [_relative(path, root) for path in _walk(folder / label, close)]
            entries += [Entry(split, label, name) for name in names if kind.has(name)]
            strays += [name for name in names if not kind.has(name)]
    return entries, strays, closed


def _subfolders(folder: Path, root: Path) -> list[str]:
    # A link to the root or above it would bring every image in again.
    above = {path.resolve() for path in (root.resolve(), *root.resolve().parents)}
    names = visible(folder, os.path.isdir)
    return [name for name in names if (folder / name).resolve() not in above]


def visible(folder: Path, kind: Callable[[Path], bool]) -> list[str]:
    """Return the names in a folder that are not hidden, in order.

    Args:
        folder: any folder.
        kind: `os.path.isfile` or `os.path.isdir`.

    Raises:
        UserError: the folder cannot be read.
    """
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        raise UserError(f"cannot read the folder {folder}: {error.strerror}") from error
    return [name for name in names if not _is_hidden(name) and kind(folder / name)]


def _walk(folder: Path, close: Callable[[OSError], None]) -> Iterator[str]:
    for here, folders, files in os.walk(folder, onerror=close):
        folders[:] = sorted(name for name in folders if not _is_hidden(name))
        yield from (os.path.join(here, name) for name in sorted(files) if not _is_hidden(name))


def _relative(path: str | Path, root: Path) -> str:
    return os.path.relpath(path, root).replace(os.sep, "/")


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name.casefold() in SYSTEM_NAMES
