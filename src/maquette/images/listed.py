"""Labelled images that a table lists: a path and a label in each row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from maquette.errors import UserError
from maquette.images.assembling import ImageFile, assemble_files
from maquette.images.data import ImageData
from maquette.images.inspection import ImageInfo, inspect_all
from maquette.left_out import LeftOut, unreadable_note
from maquette.text.table_files import classes_of, left_out_notes


class ListedImage(NamedTuple):
    """One row.

    Attributes:
        split: "train", "validation", "test" or `UNDIVIDED`.
        row: where it stands, as in "labels.csv:12".
        path: of the image, relative to the root or absolute; empty where there is none.
        label: its class; empty where there is none.
    """

    split: str
    row: str
    path: str
    label: str


def open_listed(
    source: Path,
    root: Path,
    images: Sequence[ListedImage],
    target: str,
    notes: Sequence[str] = (),
    broken: Sequence[str] = (),
    strict: bool = False,
    progress: Callable[[int, int], None] | None = None,
    open_set: bool = False,
    shape: tuple[int, int, int] | None = None,
) -> ImageData:
    """Read every image that is listed once, and divide them into splits.

    Args:
        source: what the user named.
        root: the folder that paths are relative to.
        images: the rows.
        target: the column of labels, for messages.
        notes: lines for the user.
        broken: rows that cannot be read.
        strict: refuse rows and images that are of no use, in place of leaving them out.
        progress: called with the number of images read and their total, after each.
        open_set: let each split have classes of its own.
        shape: (height, width, channels) that the images will be used at, where it is known.

    Raises:
        UserError: there are too few images, or `strict` and something would be left out.
    """
    left_out = {
        "broken lines": broken,
        "lines without an image": [image.row for image in images if not image.path],
        "lines without a label": [i.row for i in images if i.path and not i.label],
    }
    notes = [*notes, *left_out_notes(source, left_out, strict)]
    lost = [
        LeftOut(name, f"among the {what}") for what, names in left_out.items() for name in names
    ]
    complete = [image for image in images if image.path and image.label]
    classes = classes_of([image.label for image in complete], source, target)
    outcomes = inspect_all([root / image.path for image in complete], progress, shape)
    pairs = list(zip(complete, outcomes, strict=True))
    unreadable = [LeftOut(i.path, str(why)) for i, why in pairs if not isinstance(why, ImageInfo)]
    if unreadable and (strict or len(unreadable) == len(pairs)):
        raise UserError(
            f"{len(unreadable)} of {len(pairs)} images that {source} lists cannot be read, the "
            f"first {unreadable[0]}; paths are relative to {root}"
        )
    readable = [
        ImageFile(image.split, image.label, image.path, info)
        for image, info in pairs
        if isinstance(info, ImageInfo)
    ]
    return assemble_files(
        str(source),
        root,
        readable,
        classes,
        notes=[*notes, *unreadable_note(unreadable, len(pairs))],
        left_out=[*lost, *unreadable],
        strict=strict,
        open_set=open_set,
    )


def path_of(value: object) -> str:
    """Return the path that a row holds, empty where there is none."""
    return value.strip().replace("\\", "/") if isinstance(value, str) else ""
