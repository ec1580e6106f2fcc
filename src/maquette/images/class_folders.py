"""Find the files of a folder that has one sub-folder for each class: images, or another kind."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, NoReturn

from maquette.errors import UserError, nearest
from maquette.images.decoding import IMAGE_SUFFIXES
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
        classes: names of the class folders, in order; the same in each split, unless those were
            allowed to differ.
        entries: the files of the kind looked for, by their suffix, in order.
        strays: relative paths of all other files that are not hidden.
        notes: lines for the user on how the layout was understood.
    """

    kind: FileKind
    root: Path
    folders: dict[str, Path]
    classes: tuple[str, ...]
    entries: list[Entry]
    strays: list[str]
    notes: list[str]


def is_path(source: str) -> bool:
    """Return whether `source` is meant as a folder: it is one, or it is written like a path."""
    if os.path.isdir(os.path.expanduser(source)):
        return True
    if re.match(r"\w{2,}:", source):  # a URL, or a name with a scheme
        return False
    return bool(re.search(r"[/\\]|^[.~]", source)) or source.lower().endswith(ARCHIVE_SUFFIXES)


def find_files(source: str, kind: FileKind, open_set: bool = False) -> ClassFolders:
    """List the files of one kind in a folder without opening them.

    Hidden files are passed over. Links to folders are followed only where a class or a split is
    such a link.

    Args:
        source: path of the folder.
        kind: what to look for.
        open_set: whether each split may have classes of its own.

    Returns:
        The files, with the class and split each lies in.

    Raises:
        UserError: there is no such folder, it cannot be read, or it has no such files in classes.
    """
    root = _existing_folder(source, kind)
    folders, notes = _split_folders(root)
    classes = _common_classes(root, folders, kind, open_set)
    entries, strays = _list_files(root, folders, classes, kind)
    if not entries:
        suffixes = " ".join(sorted(kind.suffixes))
        raise UserError(f"no {kind.noun} in the sub-folders of {root}; looked for {suffixes}")
    return ClassFolders(kind, root, folders, classes, entries, strays, notes)


def left_out_notes(found: ClassFolders, unreadable: Sequence[str]) -> list[str]:
    """Return lines on the files of a folder that are no examples.

    Args:
        found: what lies in the folder.
        unreadable: names of files that cannot be read, each with its reason.
    """
    noun = found.kind.noun
    outside = [name for name in found.strays if found.kind.has(name)]
    others = [name for name in found.strays if not found.kind.has(name)]
    left_out = {
        f"left out {len(unreadable)} of {len(found.entries)} files": unreadable,
        f"left out {noun} outside any class folder ({len(outside)})": outside,
        f"left out files that are not {noun} ({len(others)})": others,
    }
    return [f"{reason}: {listed(names)}" for reason, names in left_out.items() if names]


def _existing_folder(source: str, kind: FileKind) -> Path:
    root = Path(os.path.abspath(os.path.expanduser(source)))
    if os.path.isdir(root):
        return root
    if not os.path.exists(root):
        siblings = os.listdir(root.parent) if os.access(root.parent, os.R_OK) else []
        raise UserError(f"no folder {root}{nearest(root.name, siblings)}")
    if root.name.lower().endswith(ARCHIVE_SUFFIXES):
        raise UserError(f"{root} is an archive; unpack it and give the folder")
    raise UserError(
        f"{root} is a file; give a folder with one sub-folder of {kind.noun} for each class"
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


def _common_classes(
    root: Path, folders: dict[str, Path], kind: FileKind, open_set: bool
) -> tuple[str, ...]:
    """Return the classes, once it is known that each split has them all if it must."""
    in_split = {folder: _class_names(folder, root, kind) for folder in folders.values()}
    classes = sorted(set().union(*in_split.values()))
    for label in classes:
        having = [folder for folder, labels in in_split.items() if label in labels]
        lacking = [folder for folder, labels in in_split.items() if label not in labels]
        if lacking and not open_set:
            raise UserError(
                f"class {label!r} is in {having[0]} but not in {lacking[0]}"
                f"{nearest(label, in_split[lacking[0]])}; each split needs the same classes"
            )
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
) -> tuple[list[Entry], list[str]]:
    """Return the files that lie in classes, and the relative paths of all other files."""
    entries, strays = [], []
    for folder in dict.fromkeys([root, *folders.values()]):
        strays += [_relative(folder / name, root) for name in visible(folder, os.path.isfile)]
    for split, folder in folders.items():
        for label in (name for name in classes if os.path.isdir(folder / name)):
            names = [_relative(path, root) for path in _walk(folder / label)]
            entries += [Entry(split, label, name) for name in names if kind.has(name)]
            strays += [name for name in names if not kind.has(name)]
    return entries, strays


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
        _refuse(error)
    return [name for name in names if not _is_hidden(name) and kind(folder / name)]


def _walk(folder: Path) -> Iterator[str]:
    for here, folders, files in os.walk(folder, onerror=_refuse):
        folders[:] = sorted(name for name in folders if not _is_hidden(name))
        yield from (os.path.join(here, name) for name in sorted(files) if not _is_hidden(name))


def _refuse(error: OSError) -> NoReturn:
    raise UserError(f"cannot read the folder {error.filename}: {error.strerror}") from error


def _relative(path: str | Path, root: Path) -> str:
    return os.path.relpath(path, root).replace(os.sep, "/")


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name.casefold() in SYSTEM_NAMES
