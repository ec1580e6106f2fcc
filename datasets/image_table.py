"""Your own images: a table with a column of paths and one of labels.

CSV, TSV, JSON lines or Parquet, each also with .gz. `--image-column` names the column of paths,
`--target` that of labels, by default "label"; paths are relative to the table. Of a folder,
`--image-column` must be given.

    labels.csv               divided by us: 70 % train, 15 % validation, 15 % test
    FOLDER/train.csv         divided by you: files with train, test and val in their names

Without a val file, 15 % of train are held out for validation. Lines that are broken or lack a path
or a label, and images that cannot be read, are named and left out.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

from maquette.errors import UserError
from maquette.images.data import ImageData
from maquette.images.listed import ListedImage, open_listed, path_of
from maquette.paths import absolute
from maquette.splits import listed
from maquette.text.table_files import (
    files_by_split,
    label_of,
    names_tables,
    numbered_rows,
    require_column,
)
from maquette.text.tables import read_table

KIND = "images"
FORM = "labels.csv --image-column photo --target breed"
LAST = True
USUAL = ("image", "file_name", "filename", "file", "path", "image_path")


def matches(source: str) -> bool:
    """Return whether `source` is named like a table, or is a folder that holds tables."""
    return names_tables(source)


def load(
    source: str,
    strict: bool = False,
    progress: Callable[[int, int], None] | None = None,
    image_column: str | None = None,
    target: str = "label",
    open_set: bool = False,
    shape: tuple[int, int, int] | None = None,
) -> ImageData:
    """Read a table, or a folder of tables named train, test and validation, and all its images.

    Args:
        source: path of the file or the folder.
        strict: refuse lines and images that are of no use, in place of leaving them out.
        progress: called with the number of images read and their total, after each.
        image_column: name of the column of paths; by default one with a usual name.
        target: name of the column of labels.
        open_set: let each split have classes of its own.
        shape: (height, width, channels) that the images will be used at, where it is known.

    Raises:
        UserError: a file or column is missing, there are too few images, or `strict` and
            something would be left out.
    """
    root = absolute(source)
    files, notes = files_by_split(root)
    images, broken = [], []
    for split, path in files.items():
        table = read_table(path)
        column = image_column or _guessed(path, table.columns)
        require_column(path, table.columns, column, "--image-column")
        require_column(path, table.columns, target, "--target")
        for row, values in numbered_rows(path, table):
            label = label_of(values.get(target))
            images.append(ListedImage(split, row, path_of(values.get(column)), label))
        broken += [f"{path.name}:{line}" for line in table.broken]
        notes += table.notes
    folder = root if root.is_dir() else root.parent
    return open_listed(
        root, folder, images, target, notes, broken, strict, progress, open_set, shape
    )


def _guessed(path: Path, columns: Collection[str]) -> str:
    found = next((name for name in USUAL if name in columns), None)
    if found is None:
        raise UserError(
            f"{path} has the columns {listed(list(columns))}; name that of the paths of images "
            "with --image-column"
        )
    return found
