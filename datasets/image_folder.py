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
from collections.abc import Callable, Sequence

from maquette.errors import UserError
from maquette.images.assembling import ImageFile, assemble_files
from maquette.images.class_folders import (
    IMAGES,
    ClassFolders,
    find_files,
    is_path,
    left_out_notes,
)
from maquette.images.data import ImageData
from maquette.images.inspection import ImageInfo, inspect_all
from maquette.learnable import learnable
from maquette.left_out import LeftOut
from maquette.splits import listed
from maquette.text.tables import is_table

KIND = "images"
FORM = "FOLDER/CLASS/photo.jpg"
COPIED = "files"
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
    given, labels = ([entry[place] for entry in found.entries] for place in (0, 1))
    if not open_set:  # Before all is read.
        learnable(str(found.root), "images", found.classes, labels, given, strict)
    outcomes = inspect_all([found.root / entry.name for entry in found.entries], progress, shape)
    pairs = list(zip(found.entries, outcomes, strict=True))
    unreadable = [LeftOut(e.name, str(why)) for e, why in pairs if not isinstance(why, ImageInfo)]
    if unreadable and (strict or len(unreadable) == len(pairs)):
        raise UserError(
            f"{len(unreadable)} of {len(outcomes)} images in {found.root} cannot be read, "
            f"the first {unreadable[0]}; replace or remove them"
        )
    readable = [ImageFile(*entry, info) for entry, info in pairs if isinstance(info, ImageInfo)]
    _require_each_split(found, readable, unreadable)
    return assemble_files(
        str(found.root),
        found.root,
        readable,
        found.classes,
        notes=[*found.notes, *left_out_notes(found, unreadable)],
        left_out=found.left_out(unreadable),
        strict=strict,
        open_set=open_set,
    )


def _require_each_split(
    found: ClassFolders, readable: Sequence[ImageFile], unreadable: Sequence[LeftOut]
) -> None:
    """Make sure that something of each split can be read."""
    given = {image.split for image in readable}
    for split, folder in found.folders.items():
        if split not in given:
            lost = f"; cannot read {listed([*map(str, unreadable)])}" if unreadable else ""
            raise UserError(f"no readable images in the sub-folders of {folder}{lost}")
