"""Your own images: a folder with one sub-folder of images for each class.

Two layouts are understood:

    FOLDER/CLASS/image.jpg          divided by us: 70 % train, 15 % validation, 15 % test
    FOLDER/train/CLASS/image.jpg    divided by you: train/, and val/ and test/ where there are any

JPEG, PNG, BMP, GIF, WebP and TIFF are read, of any size and in sub-folders of a class as well.
Hidden files are ignored. Files that cannot be read are named and left out. Nothing in the folder
is changed. Images are divided by a hash of their contents, so the parts are the same every time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from maquette.errors import UserError
from maquette.images.class_folders import (
    IMAGES,
    ClassFolders,
    Entry,
    find_files,
    is_path,
    left_out_notes,
)
from maquette.images.data import FileSplit, ImageData
from maquette.images.inspection import ImageInfo, inspect_all
from maquette.splits import (
    FEWEST_PER_CLASS,
    UNDIVIDED,
    divide,
    fingerprint,
    imbalance_notes,
    listed,
    repeat_notes,
    split_note,
)

KIND = "images"
LAST = True


def matches(source: str) -> bool:
    """Return whether `source` is meant as a folder: it is one, or it is written like a path."""
    return is_path(source)


def load(
    source: str,
    strict: bool = False,
    progress: Callable[[int, int], None] | None = None,
    open_set: bool = False,
) -> ImageData:
    """Read every image of a folder once, and divide them into splits.

    Args:
        source: path of the folder.
        strict: refuse a folder with images that cannot be read, in place of leaving them out.
        progress: called with the number of images read and their total, after each.
        open_set: let each split have classes of its own, and divide nothing: what is undivided
            becomes train as a whole.

    Returns:
        The data; its splits hold paths and labels, not pixels.

    Raises:
        UserError: the folder is missing or its layout is not understood, a class has too few
            images or is missing from a split, or `strict` and an image cannot be read.
    """
    found = find_files(source, IMAGES, open_set)
    check_counts = _check_splits if open_set else _check_counts
    check_counts(found, found.entries, [])
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
    check_counts(found, entries, unreadable)
    found.notes.extend(left_out_notes(found, unreadable))
    return _assemble(found, entries, infos, open_set)


def _assemble(
    found: ClassFolders, entries: list[Entry], infos: list[ImageInfo], open_set: bool
) -> ImageData:
    position = {label: index for index, label in enumerate(found.classes)}
    labels = np.array([position[entry.label] for entry in entries], dtype=np.int32)
    hashes = [info.sha256 for info in infos]
    given = [entry.split for entry in entries]
    parts = _as_given(given) if open_set else divide(given, hashes, labels)
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
            *([] if open_set else _split_notes(found, splits)),
            *repeat_notes(parts, hashes, "images"),
            *([] if open_set else imbalance_notes(found.classes, splits["train"].labels)),
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
                    + (f"; cannot read {listed(lost)}" if lost else "")
                )


def _check_splits(found: ClassFolders, entries: Sequence[Entry], unreadable: Sequence[str]) -> None:
    """Refuse a folder of a split without images."""
    for split, folder in found.folders.items():
        if not any(entry.split == split for entry in entries):
            lost = f"; cannot read {listed(unreadable)}" if unreadable else ""
            raise UserError(f"no readable images in the sub-folders of {folder}{lost}")


def _as_given(given: Sequence[str]) -> dict[str, np.ndarray]:
    """Return the positions of each split, as they were given."""
    names = np.array(["train" if name == UNDIVIDED else name for name in given])
    return {name: np.flatnonzero(names == name) for name in dict.fromkeys(names.tolist())}


def _native_shape(infos: list[ImageInfo]) -> tuple[int | None, int | None, int]:
    heights, widths = ({info.size[axis] for info in infos} for axis in (0, 1))
    same_size = len(heights) == len(widths) == 1
    height, width = infos[0].size if same_size else (None, None)
    return height, width, max(info.channels for info in infos)


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
