"""Your own arrays: one .npz file of images, texts or rows of numbers, with their labels.

These names are known, and no others are needed:

    x_train  y_train  x_test  y_test      divided by you, as Keras' own; x_val, y_val if you like
    x  y      or  images  labels          divided by us: 70 % train, 15 % validation, 15 % test
    classes                               names of the classes, where labels are numbers

Images are (n, height, width) or (n, height, width, channels), of 0 to 255 or 0 to 1; texts are
strings, (n,); rows are numbers, (n, columns). Labels are numbers, strings or one-hot. `--target`
names another array of labels. What is larger than memory is read from the disk as it is needed, if
it was saved by `numpy.savez`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

import numpy as np

from maquette.array_files import ArrayFile
from maquette.class_labels import classes_and_indices, one_each
from maquette.errors import UserError, nearest
from maquette.images.assembling import assemble
from maquette.images.data import ImageData
from maquette.images.pixels import brightness_of, image_shape
from maquette.images.stored import ArrayStore, StoredSplit
from maquette.left_out import LeftOut
from maquette.paths import absolute, require_file
from maquette.sources import Source
from maquette.splits import SPLIT_NAMES, UNDIVIDED, listed
from maquette.tabular.data import TableData
from maquette.tabular.dividing import from_rows
from maquette.text.data import TextData, from_texts
from maquette.text.reading import tidy

KIND = ("images", "text", "table")
FORM = "arrays.npz"
SUFFIX = ".npz"
INPUTS, TARGETS, CLASSES = ("x", "images"), ("y", "labels"), ("classes", "class_names")
TARGET = "target"  # as the column of labels of arrays in memory is called
STRINGS = "US"  # kinds of NumPy's dtypes


class Pair(NamedTuple):
    """The names of two arrays that belong together, and the split that they are."""

    split: str
    x: str
    y: str


def matches(source: str) -> bool:
    """Return whether `source` is named like an .npz file."""
    return source.lower().endswith(SUFFIX) and "://" not in source


def kind(source: Source, kinds: Collection[str]) -> str:
    """Return "text" where the inputs are strings, "table" where they are rows, or "images"."""
    file = _open(source.name)
    return _kind(file, _pairs(file, source.target)[0].x)


def load(
    source: str,
    strict: bool = False,
    progress: Callable[[int, int], None] | None = None,
    kinds: Collection[str] = KIND,
    target: str | None = None,
    open_set: bool = False,
    columns: Sequence[str] = (),
    task: str | None = None,
) -> ImageData | TextData | TableData:
    """Read the arrays of a file.

    Args:
        source: path of the file.
        strict: refuse classes that cannot be learned, and texts that are empty.
        progress: called with the number of images looked at and their total.
        kinds: which of "images", "text" and "table" would do.
        target: name of the array of labels, without `_train` and `_test`.
        open_set: let each split have classes of its own.
        columns: of a table, kinds of columns that the user chose.
        task: of a table, "classification" or "regression".

    Raises:
        UserError: the file cannot be read, arrays are missing, or they do not fit each other.
    """
    file = _open(source)
    pairs = _pairs(file, target)
    for pair in pairs:
        _check_lengths(file, pair)
    found = _kind(file, pairs[0].x)
    if found not in kinds:
        raise UserError(f"{file.path} holds {found}, and this takes {' or '.join(sorted(kinds))}")
    labels = np.concatenate([one_each(file.array(p.y), f"{p.y} of {file.path}") for p in pairs])
    given = [pair.split for pair in pairs for _ in range(file.shapes[pair.x][0])]
    names = [f"{pair.x} {i}" for pair in pairs for i in range(file.shapes[pair.x][0])]
    if found == "table":
        column = target or TARGET
        rows = _rows(file, pairs, labels, column)
        return from_rows(str(file.path), rows, column, names, given, columns, task)
    classes, indices = classes_and_indices(labels, str(file.path), _class_names(file))
    if found == "text":
        return _texts(file, pairs, indices, classes, names, given, strict)
    whole, keys, shape, notes = _images(file, pairs, indices, names, progress)
    path = str(file.path)
    return assemble(
        path, whole, classes, given, keys, shape, notes, strict=strict, open_set=open_set
    )


def _kind(file: ArrayFile, name: str) -> str:
    if file.dtypes[name].kind in STRINGS:
        return "text"
    return "table" if len(file.shapes[name]) < 3 else "images"


def _class_names(file: ArrayFile) -> list[str] | None:
    name = next((name for name in CLASSES if name in file), None)
    return None if name is None else [str(value) for value in file.array(name)]


def _open(source: str) -> ArrayFile:
    path = absolute(source)
    require_file(path)
    return ArrayFile(path)


def _pairs(file: ArrayFile, target: str | None) -> list[Pair]:
    """Return the arrays of each split, or those that are undivided."""
    targets = (target,) if target else TARGETS
    found = [
        Pair(split, x, y)
        for x in file.names
        for split, end in _ends()
        if x.endswith(end)
        and x.removesuffix(end) in INPUTS
        and (y := next((f"{name}{end}" for name in targets if f"{name}{end}" in file), None))
    ]
    pairs = [pair for pair in found if pair.split != UNDIVIDED] or found
    splits = [pair.split for pair in pairs]
    if not pairs or len(set(splits)) < len(splits) or not {"train", UNDIVIDED} & set(splits):
        hint = f"; --target {target} is none{nearest(target, file.names)}" if target else ""
        raise UserError(
            f"{file.path} has the arrays {listed(file.names)}; expected x_train, y_train and, if "
            f"you like, x_test, y_test, or x, y{hint}"
        )
    return pairs


def _ends() -> list[tuple[str, str]]:
    """Return each split with what the names of its arrays end with."""
    return [(split, f"_{name}") for name, split in SPLIT_NAMES.items()] + [(UNDIVIDED, "")]


def _check_lengths(file: ArrayFile, pair: Pair) -> None:
    x, y = file.shapes[pair.x], file.shapes[pair.y]
    if not x or not y or x[0] != y[0] or not x[0]:
        raise UserError(f"{file.path}: {pair.x} has shape {x}, {pair.y} {y}; expected as many")


def _images(
    file: ArrayFile,
    pairs: list[Pair],
    labels: np.ndarray,
    names: list[str],
    progress: Callable[[int, int], None] | None,
) -> tuple[StoredSplit, list[str], tuple[int, int, int], list[str]]:
    """Return all images as one split, a hash of each, their shape, and notes."""
    shapes = {image_shape(file.shapes[p.x], f"{p.x} of {file.path}") for p in pairs}
    if len(shapes) > 1:
        raise UserError(f"images of {file.path} have the shapes {listed(sorted(map(str, shapes)))}")
    if wrong := [p.x for p in pairs if file.dtypes[p.x].kind not in "buif"]:
        raise UserError(
            f"{wrong[0]} of {file.path} holds {file.dtypes[wrong[0]]}; expected numbers"
        )
    arrays = tuple(file.array(pair.x) for pair in pairs)
    brightness = brightness_of(arrays, str(file.path))
    store = ArrayStore(arrays, brightness)
    keys = []
    for position in range(len(names)):
        keys.append(hashlib.sha256(store.pixels(position).tobytes()).hexdigest())
        if progress:
            progress(position + 1, len(names))
    whole = StoredSplit(labels, names, np.arange(len(names)), store)
    return whole, keys, shapes.pop(), brightness.notes


def _rows(
    file: ArrayFile, pairs: list[Pair], labels: np.ndarray, target: str
) -> list[dict[str, Any]]:
    """Return rows of the numbers `x0`, `x1` and so on, and the target."""
    inputs = [file.array(pair.x).reshape(file.shapes[pair.x][0], -1) for pair in pairs]
    if len({array.shape[1] for array in inputs}) > 1:
        raise UserError(f"{file.path}: {pairs[0].x} and {pairs[1].x} differ in their columns")
    classes = _class_names(file)
    if classes and labels.dtype.kind in "iu":
        classes, indices = classes_and_indices(labels, str(file.path), classes)
        labels = np.array(classes)[indices]
    columns = [f"x{index}" for index in range(inputs[0].shape[1])]
    values = (row for array in inputs for row in array.tolist())
    return [
        {**dict(zip(columns, row, strict=True)), target: label}
        for row, label in zip(values, labels.tolist(), strict=True)
    ]


def _texts(
    file: ArrayFile,
    pairs: list[Pair],
    labels: np.ndarray,
    classes: list[str],
    names: list[str],
    given: list[str],
    strict: bool,
) -> TextData:
    values = [value for pair in pairs for value in file.array(pair.x).ravel()]
    if len(values) != len(names):
        raise UserError(f"{pairs[0].x} of {file.path} has more than one text for each label")
    texts = [tidy(v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v)) for v in values]
    kept = [index for index, text in enumerate(texts) if text]
    empty = [names[index] for index, text in enumerate(texts) if not text]
    if empty and strict:
        raise UserError(f"{file.path} has empty texts ({len(empty)}): {listed(empty)}")
    return from_texts(
        source=str(file.path),
        texts=[texts[i] for i in kept],
        labels=labels[kept],
        classes=classes,
        names=[names[i] for i in kept],
        given=[given[i] for i in kept],
        notes=[f"left out empty texts ({len(empty)}): {listed(empty)}"] if empty else [],
        left_out=[LeftOut(name, "empty text") for name in empty],
        strict=strict,
    )
