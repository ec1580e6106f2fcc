"""Your own images: a folder with a metadata file, as on the Hugging Face Hub.

    FOLDER/metadata.csv          columns file_name and label; images beside it or in sub-folders
    FOLDER/train/metadata.csv    divided by you: train/, and val/ and test/ where there are any

The file may be metadata.csv, metadata.jsonl or metadata.parquet. `--target` names the column of
labels; by default it is "label", or the only one beside file_name. Where one file at the top lists
paths that begin with train/ and test/, these are the splits. Images that no row names are counted
and left out.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from maquette.errors import UserError
from maquette.images.class_folders import IMAGES, visible
from maquette.images.data import ImageData
from maquette.images.listed import ListedImage, open_listed, path_of
from maquette.paths import absolute
from maquette.splits import SPLIT_NAMES, UNDIVIDED, listed
from maquette.text.table_files import label_of, numbered_rows, require_column
from maquette.text.tables import read_table

KIND = "images"
FORM = "FOLDER/metadata.csv"
METADATA = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
FILE_NAME, LABEL = "file_name", "label"


def matches(source: str) -> bool:
    """Return whether `source` is a folder with a metadata file that names images."""
    try:
        return any(
            FILE_NAME in read_table(path).columns for path in _metadata(absolute(source)).values()
        )
    except UserError:
        return False


def load(
    source: str,
    strict: bool = False,
    progress: Callable[[int, int], None] | None = None,
    target: str | None = None,
    open_set: bool = False,
    shape: tuple[int, int, int] | None = None,
) -> ImageData:
    """Read the metadata files of a folder, and all images that they name.

    Args:
        source: path of the folder.
        strict: refuse rows and images that are of no use, in place of leaving them out.
        progress: called with the number of images read and their total, after each.
        target: name of the column of labels.
        open_set: let each split have classes of its own.
        shape: (height, width, channels) that the images will be used at, where it is known.

    Raises:
        UserError: a column is missing, there are too few images, or `strict` and something would
            be left out.
    """
    root = absolute(source)
    images, broken, notes = [], [], []
    for folder, path in _metadata(root).items():
        table = read_table(path)
        label = target or _label_column(path, table.columns)
        require_column(path, table.columns, FILE_NAME, f"the name {FILE_NAME}")
        require_column(path, table.columns, label, "--target")
        start = f"{folder}/" if folder else ""
        for row, values in numbered_rows(path, table):
            name = path_of(values.get(FILE_NAME))
            name = f"{start}{name}" if name else ""
            split = SPLIT_NAMES.get(name.partition("/")[0].casefold(), UNDIVIDED)
            images.append(ListedImage(split, start + row, name, label_of(values.get(label))))
        broken += [f"{start}{path.name}:{line}" for line in table.broken]
        notes += table.notes
    images = _all_divided_or_none(images)
    notes += _unnamed_notes(root, images)
    return open_listed(root, root, images, label, notes, broken, strict, progress, open_set, shape)


def _metadata(root: Path) -> dict[str, Path]:
    """Return the metadata file of the folder, or of each split's folder, by its relative name."""
    if not root.is_dir():
        return {}
    splits = [n for n in visible(root, os.path.isdir) if n.casefold() in SPLIT_NAMES]
    found = {
        folder: root / folder / name
        for folder in ("", *splits)
        for name in reversed(METADATA)
        if (root / folder / name).is_file()
    }
    return {"": found[""]} if "" in found else found


def _label_column(path: Path, columns: Collection[str]) -> str:
    others = [name for name in columns if name != FILE_NAME]
    if LABEL in others:
        return LABEL
    if len(others) != 1:
        raise UserError(
            f"{path} has the columns {listed(list(columns))}; name that of the labels with --target"
        )
    return others[0]


def _all_divided_or_none(images: Sequence[ListedImage]) -> list[ListedImage]:
    """Return the images undivided where not all are in the folder of a split, one of them train."""
    splits = {image.split for image in images if image.path}
    if UNDIVIDED in splits or "train" not in splits:
        return [image._replace(split=UNDIVIDED) for image in images]
    return list(images)


def _unnamed_notes(root: Path, images: Sequence[ListedImage]) -> list[str]:
    named = {os.path.normpath(root / image.path) for image in images if image.path}
    files = (os.path.join(here, name) for here, _, names in os.walk(root) for name in names)
    unnamed = sorted(
        os.path.relpath(file, root)
        for file in files
        if IMAGES.has(file) and file not in named and not os.path.basename(file).startswith(".")
    )
    if not unnamed:
        return []
    return [f"left out images that no metadata names ({len(unnamed)}): {listed(unnamed)}"]
