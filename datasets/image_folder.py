"""Your own images: a folder with one sub-folder of images for each class.

Two layouts are understood:

    FOLDER/CLASS/image.jpg          divided by us: 70 % train, 15 % validation, 15 % test
    FOLDER/train/CLASS/image.jpg    divided by you: train/, and val/ and test/ where there are any

JPEG, PNG, BMP, GIF, WebP and TIFF are read, of any size and in sub-folders of a class as well.
Hidden files are ignored. Files that cannot be read are named and left out. Nothing in the folder
is changed. Images are divided by a hash of their contents, so the parts are the same every time.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from maquette.errors import UserError
from maquette.images.class_folders import (
    ARCHIVE_SUFFIXES,
    UNDIVIDED,
    ClassFolders,
    Entry,
    find_images,
    is_image,
)
from maquette.images.data import (
    SHARES,
    FileSplit,
    ImageData,
    fingerprint,
    imbalance_notes,
    split_by_hash,
    split_note,
)
from maquette.images.decoding import ImageInfo, inspect_all

HELD_OUT = {"train": 0.85, "validation": 0.15}
FEWEST_PER_CLASS = 5
NAMED_FILES = 5


def matches(source: str) -> bool:
    """Return whether `source` is meant as a folder: it is one, or it is written like a path."""
    if os.path.isdir(os.path.expanduser(source)):
        return True
    if re.match(r"\w{2,}:", source):  # a URL, or a name with a scheme
        return False
    return bool(re.search(r"[/\\]|^[.~]", source)) or source.lower().endswith(ARCHIVE_SUFFIXES)


def load(
    source: str, strict: bool = False, progress: Callable[[int, int], None] | None = None
) -> ImageData:
    """Read every image of a folder once, and divide them into splits.

    Args:
        source: path of the folder.
        strict: refuse a folder with images that cannot be read, in place of leaving them out.
        progress: called with the number of images read and their total, after each.

    Returns:
        The data; its splits hold paths and labels, not pixels.

    Raises:
        UserError: the folder is missing or its layout is not understood, a class has too few
            images or is missing from a split, or `strict` and an image cannot be read.
    """
    found = find_images(source)
    _check_counts(found, found.entries, [])
    outcomes = inspect_all([found.root / entry.name for entry in found.entries], progress)
    pairs = list(zip(found.entries, outcomes, strict=True))
    entries = [entry for entry, outcome in pairs if isinstance(outcome, ImageInfo)]
    infos = [outcome for outcome in outcomes if isinstance(outcome, ImageInfo)]
    unreadable = [f"{e.name} ({why})" for e, why in pairs if not isinstance(why, ImageInfo)]
    if unreadable and (strict or not entries):
        raise UserError(
            f"{len(unreadable)} of {len(outcomes)} images in {found.root} cannot be read, "
            f"the first {unreadable[0]}; replace or remove them"
        )
    _check_counts(found, entries, unreadable)
    found.notes.extend(_left_out_notes(found, unreadable))
    return _assemble(found, entries, infos)


def _assemble(found: ClassFolders, entries: list[Entry], infos: list[ImageInfo]) -> ImageData:
    position = {label: index for index, label in enumerate(found.classes)}
    labels = np.array([position[entry.label] for entry in entries], dtype=np.int32)
    hashes = [info.sha256 for info in infos]
    parts = _divide(entries, labels, hashes)
    splits = {
        name: FileSplit(labels[part], [entries[i].name for i in part], found.root)
        for name, part in parts.items()
    }
    rows = ((entries[i].name, labels[i], hashes[i]) for part in parts.values() for i in part)
    return ImageData(
        source=str(found.root),
        classes=found.classes,
        native_shape=_native_shape(infos),
        splits=splits,
        fingerprint=fingerprint(found.classes, rows),
        notes=(
            *found.notes,
            *_split_notes(found, splits),
            *_repeat_notes(parts, hashes),
            *imbalance_notes(found.classes, splits["train"].labels),
        ),
        divided_by_us=UNDIVIDED in found.folders,
    )


def _check_counts(found: ClassFolders, entries: Sequence[Entry], unreadable: Sequence[str]) -> None:
    """Refuse a class that has too few images in one of the folders."""
    counts = Counter((entry.split, entry.label) for entry in entries)
    for split, folder in found.folders.items():
        is_divided_by_us = split != "test" and "validation" not in found.folders
        fewest = FEWEST_PER_CLASS if is_divided_by_us else 1
        for label in found.classes:
            if (count := counts[split, label]) < fewest:
                start = f"{(folder / label).relative_to(found.root).as_posix()}/"
                lost = [line for line in unreadable if line.startswith(start)]
                raise UserError(
                    f"class {label!r} has {count} readable images in {folder}; "
                    f"add images until there are {fewest}, or remove the class"
                    + (f"; cannot read {_listed(lost)}" if lost else "")
                )


def _divide(entries: list[Entry], labels: np.ndarray, hashes: list[str]) -> dict[str, np.ndarray]:
    """Return the positions of each split: as the folders have it, and where they do not, by us."""
    of_entry = np.array([entry.split for entry in entries])
    in_order = dict.fromkeys(entry.split for entry in entries)
    parts = {split: np.flatnonzero(of_entry == split) for split in in_order}
    for split, shares in ((UNDIVIDED, SHARES), ("train", HELD_OUT)):
        if split in parts and "validation" not in parts:
            whole = parts.pop(split)
            by_us = split_by_hash([hashes[i] for i in whole], labels[whole], shares)
            parts = {name: whole[part] for name, part in by_us.items()} | parts
    return parts


def _native_shape(infos: list[ImageInfo]) -> tuple[int | None, int | None, int]:
    heights, widths = ({info.size[axis] for info in infos} for axis in (0, 1))
    same_size = len(heights) == len(widths) == 1
    height, width = infos[0].size if same_size else (None, None)
    return height, width, max(info.channels for info in infos)


def _left_out_notes(found: ClassFolders, unreadable: Sequence[str]) -> list[str]:
    notes = []
    if unreadable:
        count = f"{len(unreadable)} of {len(found.entries)} files"
        notes.append(f"left out {count}: {_listed(unreadable)}")
    outside = [name for name in found.strays if is_image(name)]
    if outside:
        notes.append(
            f"left out images outside any class folder ({len(outside)}): {_listed(outside)}"
        )
    others = [name for name in found.strays if not is_image(name)]
    if others:
        notes.append(f"left out files that are not images ({len(others)}): {_listed(others)}")
    return notes


def _listed(names: Sequence[str]) -> str:
    more = len(names) - NAMED_FILES
    return ", ".join(names[:NAMED_FILES]) + (f" and {more} more" if more > 0 else "")


def _split_notes(found: ClassFolders, splits: Mapping[str, FileSplit]) -> list[str]:
    if UNDIVIDED in found.folders:
        return [split_note(splits)]
    notes = []
    if "validation" not in found.folders:
        held_out = len(splits["validation"])
        notes.append(f"no validation folder: {held_out} images of train held out for validation")
    if "test" not in found.folders:
        notes.append("no test split: there is no test folder")
    return notes


def _repeat_notes(parts: Mapping[str, np.ndarray], hashes: Sequence[str]) -> list[str]:
    """Tell of images that a model would be judged on after it was trained on them."""
    trained_on = {hashes[i] for i in parts["train"]}
    return [
        f"images of {name} that are in train as well, bit for bit: {count} of {len(part)}"
        for name, part in parts.items()
        if name != "train" and (count := sum(hashes[i] in trained_on for i in part))
    ]
