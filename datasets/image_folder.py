"""Your own images: a folder with one sub-folder of images for each class.

Two layouts are understood:

    FOLDER/CLASS/image.jpg          divided by us: 70 % train, 15 % validation, 15 % test
    FOLDER/train/CLASS/image.jpg    divided by you: train/, and val/ and test/ where there are any

JPEG, PNG, BMP, GIF, WebP and TIFF are read, of any size and in sub-folders of a class as well.
Hidden files are ignored. Files that cannot be read are named and left out, and so are classes with
fewer than five images to divide, or with none in train. Nothing in the folder is changed. Images
are divided by a hash of their contents, so the parts are the same every time.
"""

from __future__ import annotations

import os
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
from maquette.images.data import FileSplit, ImageData, digests_of
from maquette.images.inspection import ImageInfo, inspect_all
from maquette.learnable import Learnable, learnable
from maquette.left_out import LeftOut
from maquette.splits import (
    UNDIVIDED,
    divide,
    fingerprint,
    imbalance_notes,
    listed,
    repeat_notes,
    split_note,
)
from maquette.text.tables import is_table

KIND = "images"
FORM = "FOLDER/CLASS/photo.jpg"
LAST = True


def matches(source: str) -> bool:
    """Return whether `source` is meant as a folder: it is one, or it is written like a path."""
    return is_path(source) and (os.path.isdir(os.path.expanduser(source)) or not is_table(source))


def load(
    source: str,
    strict: bool = False,
    progress: Callable[[int, int], None] | None = None,
    open_set: bool = False,
    shape: tuple[int, int, int] | None = None,
) -> ImageData:
    """Read every image of a folder once, and divide them into splits.

    Images that cannot be read are left out, and classes that cannot be learned: those with too few
    images, and those that train has none of.

    Args:
        source: path of the folder.
        strict: refuse a folder of which something would be left out so, or in which a split lacks
            a class.
        progress: called with the number of images read and their total, after each.
        open_set: let each split have classes of its own, and divide nothing: what is undivided
            becomes train as a whole.
        shape: (height, width, channels) that the images will be used at, where it is known.

    Returns:
        The data; its splits hold paths and labels, not pixels.

    Raises:
        UserError: the folder is missing or its layout is not understood, fewer than two classes
            can be learned, or `strict` and something is amiss.
    """
    found = find_files(source, IMAGES, strict)
    _check(found, found.entries, [], open_set, strict)
    paths = [found.root / entry.name for entry in found.entries]
    outcomes = inspect_all(paths, progress, shape)
    pairs = list(zip(found.entries, outcomes, strict=True))
    unreadable = [LeftOut(e.name, str(why)) for e, why in pairs if not isinstance(why, ImageInfo)]
    if unreadable and (strict or len(unreadable) == len(pairs)):
        raise UserError(
            f"{len(unreadable)} of {len(outcomes)} images in {found.root} cannot be read, "
            f"the first {unreadable[0]}; replace or remove them"
        )
    readable = [(entry, info) for entry, info in pairs if isinstance(info, ImageInfo)]
    entries = [entry for entry, _ in readable]
    known = _check(found, entries, unreadable, open_set, strict)
    found.notes.extend([*left_out_notes(found, unreadable), *known.notes("images")])
    left_out = known.left_out([e.name for e in entries], [e.label for e in entries])
    kept = [(entry, info) for entry, info in readable if entry.label in known.classes]
    return _assemble(found, kept, known.classes, found.left_out(unreadable + left_out), open_set)


def _assemble(
    found: ClassFolders,
    examples: list[tuple[Entry, ImageInfo]],
    classes: tuple[str, ...],
    left_out: tuple[LeftOut, ...],
    open_set: bool,
) -> ImageData:
    entries, infos = [entry for entry, _ in examples], [info for _, info in examples]
    position = {label: index for index, label in enumerate(classes)}
    labels = np.array([position[entry.label] for entry in entries], dtype=np.int32)
    hashes = [info.sha256 for info in infos]
    given = [entry.split for entry in entries]
    parts = _as_given(given) if open_set else divide(given, hashes, labels)
    splits = {
        name: FileSplit(
            labels[part],
            [entries[i].name for i in part],
            found.root,
            digests=digests_of([hashes[i] for i in part]),
        )
        for name, part in parts.items()
    }
    rows = ((entries[i].name, labels[i], hashes[i]) for part in parts.values() for i in part)
    return ImageData(
        source=str(found.root),
        classes=classes,
        native_shape=_native_shape(infos),
        splits=splits,
        fingerprint=fingerprint(classes, rows),
        notes=(
            *found.notes,
            *([] if open_set else _split_notes(found, given, splits)),
            *repeat_notes(parts, hashes, "images"),
            *([] if open_set else imbalance_notes(classes, splits["train"].labels)),
        ),
        divided_by_us=UNDIVIDED in given,
        left_out=left_out,
    )


def _check(
    found: ClassFolders,
    entries: Sequence[Entry],
    unreadable: Sequence[LeftOut],
    open_set: bool,
    strict: bool,
) -> Learnable:
    """Tell which classes can be learned; in an open set, all of them."""
    given = [entry.split for entry in entries]
    if not open_set:
        labels = [entry.label for entry in entries]
        return learnable(str(found.root), "images", found.classes, labels, given, strict)
    for split, folder in found.folders.items():
        if split not in given:
            lost = f"; cannot read {listed([*map(str, unreadable)])}" if unreadable else ""
            raise UserError(f"no readable images in the sub-folders of {folder}{lost}")
    return Learnable(found.classes, {}, {})


def _as_given(given: Sequence[str]) -> dict[str, np.ndarray]:
    """Return the positions of each split, as they were given."""
    names = np.array(["train" if name == UNDIVIDED else name for name in given])
    return {name: np.flatnonzero(names == name) for name in dict.fromkeys(names.tolist())}


def _native_shape(infos: list[ImageInfo]) -> tuple[int | None, int | None, int]:
    heights, widths = ({info.size[axis] for info in infos} for axis in (0, 1))
    same_size = len(heights) == len(widths) == 1
    height, width = infos[0].size if same_size else (None, None)
    return height, width, max(info.channels for info in infos)


def _split_notes(
    found: ClassFolders, given: Sequence[str], splits: Mapping[str, FileSplit]
) -> list[str]:
    if UNDIVIDED in given:
        return [split_note(splits)]
    notes = []
    if "validation" not in given:
        held_out = len(splits["validation"])
        notes.append(f"no validation folder: {held_out} images of train held out for validation")
    if "test" not in given:
        is_lost = "test" in found.folders
        reason = "all its images are left out" if is_lost else "there is no test folder"
        notes.append(f"no test split: {reason}")
    return notes
