"""Find the images of a folder that has one sub-folder for each class."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, NoReturn

from maquette.errors import UserError, nearest
from maquette.images.decoding import IMAGE_SUFFIXES

ARCHIVE_SUFFIXES = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".7z", ".rar")
SYSTEM_NAMES = frozenset({"thumbs.db", "desktop.ini", "__macosx"})
UNDIVIDED = "undivided"
SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}


class Entry(NamedTuple):
    """One image file: its split, its class, and its path relative to the root."""

    split: str
    label: str
    name: str


@dataclass(frozen=True)
class ClassFolders:
    """What lies in a folder of images in classes.

    Attributes:
        root: the folder, absolute.
        folders: the folder of each split: of "train" and any of "validation" and "test", or the
            root itself as `UNDIVIDED`.
        classes: names of the class folders, the same in each split, in order.
        entries: the images, by their suffix, in order.
        strays: relative paths of all other files that are not hidden.
        notes: lines for the user on how the layout was understood.
    """

    root: Path
    folders: dict[str, Path]
    classes: tuple[str, ...]
    entries: list[Entry]
    strays: list[str]
    notes: list[str]


def find_images(source: str) -> ClassFolders:
    """List the images of a folder without opening them.

    Hidden files are passed over. Links to folders are followed only where a class or a split is
    such a link.

    Args:
        source: path of the folder.

    Returns:
        The images, with the class and split each lies in.

    Raises:
        UserError: there is no such folder, it cannot be read, or it has no images in classes.
    """
    root = _existing_folder(source)
    folders, notes = _split_folders(root)
    classes = _common_classes(root, folders)
    entries, strays = _list_files(root, folders, classes)
    if not entries:
        suffixes = " ".join(sorted(IMAGE_SUFFIXES))
        raise UserError(f"no images in the sub-folders of {root}; looked for {suffixes}")
    return ClassFolders(root, folders, classes, entries, strays, notes)


def is_image(name: str) -> bool:
    """Return whether a file's suffix is that of an image."""
    return os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES


def _existing_folder(source: str) -> Path:
    root = Path(os.path.abspath(os.path.expanduser(source)))
    if os.path.isdir(root):
        return root
    if not os.path.exists(root):
        siblings = os.listdir(root.parent) if os.access(root.parent, os.R_OK) else []
        raise UserError(f"no folder {root}{nearest(root.name, siblings)}")
    if root.name.lower().endswith(ARCHIVE_SUFFIXES):
        raise UserError(f"{root} is an archive; unpack it and give the folder")
    raise UserError(f"{root} is a file; give a folder with one sub-folder of images for each class")


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


def _common_classes(root: Path, folders: dict[str, Path]) -> tuple[str, ...]:
    """Return the classes, once it is known that each split has them all."""
    in_split = {folder: _class_names(folder, root) for folder in folders.values()}
    classes = sorted(set().union(*in_split.values()))
    for label in classes:
        having = [folder for folder, labels in in_split.items() if label in labels]
        lacking = [folder for folder, labels in in_split.items() if label not in labels]
        if lacking:
            raise UserError(
                f"class {label!r} is in {having[0]} but not in {lacking[0]}"
                f"{nearest(label, in_split[lacking[0]])}; each split needs the same classes"
            )
    if len(classes) == 1:
        inside = next(iter(folders.values())) / classes[0]
        hint = f"; perhaps you meant {inside}" if _visible(inside, os.path.isdir) else ""
        raise UserError(f"{root} has one class only, {classes[0]!r}; two are needed{hint}")
    return tuple(classes)


def _class_names(folder: Path, root: Path) -> list[str]:
    names = _subfolders(folder, root)
    if names:
        return names
    files = _visible(folder, os.path.isfile)
    images = [name for name in files if is_image(name)]
    if images:
        raise UserError(
            f"images lie directly in {folder}; put them in one sub-folder for each class, "
            f"as in {folder.name}/CLASS/{images[0]}"
        )
    found = f"holds only files such as {files[0]}" if files else "is empty"
    raise UserError(f"{folder} {found}; expected one sub-folder of images for each class")


def _list_files(
    root: Path, folders: dict[str, Path], classes: tuple[str, ...]
) -> tuple[list[Entry], list[str]]:
    """Return the images that lie in classes, and the relative paths of all other files."""
    entries, strays = [], []
    for folder in dict.fromkeys([root, *folders.values()]):
        strays += [_relative(folder / name, root) for name in _visible(folder, os.path.isfile)]
    for split, folder in folders.items():
        for label in classes:
            names = [_relative(path, root) for path in _walk(folder / label)]
            entries += [Entry(split, label, name) for name in names if is_image(name)]
            strays += [name for name in names if not is_image(name)]
    return entries, strays


def _subfolders(folder: Path, root: Path) -> list[str]:
    # A link to the root or above it would bring every image in again.
    above = {path.resolve() for path in (root.resolve(), *root.resolve().parents)}
    names = _visible(folder, os.path.isdir)
    return [name for name in names if (folder / name).resolve() not in above]


def _visible(folder: Path, kind: Callable[[Path], bool]) -> list[str]:
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
