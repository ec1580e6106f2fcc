"""Write a `tf.data.Dataset`, batch by batch: images as TFRecord, the rest as JSON lines."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import tensorflow as tf

from maquette.class_labels import one_each
from maquette.errors import UserError
from maquette.images.pixels import Brightness, brightness, encode_png, image_shape
from maquette.progress import track
from maquette.python_data.written import TARGET, Written, file_of, json_line, source_of
from maquette.records.features import IMAGE_NAMES, TARGET_NAMES, TEXT_NAMES
from maquette.splits import UNDIVIDED

TEXT, LABEL_FILE = "text", "label.labels.txt"
WHITE = 255.5  # above which no rounding comes to 255
LARGEST_SHARD = 1 << 27  # bytes
BATCH = 32  # of examples that come one by one
EXPECTED = "expected pairs (x, y): images, texts or numbers, and a label each"
Batches = Iterator[tuple[Any, np.ndarray]]


class Layout(NamedTuple):
    """What the elements of a dataset are.

    Attributes:
        kind: "images", "texts" or "rows".
        is_batched: whether an element holds several examples.
    """

    kind: str
    is_batched: bool


def write(folder: Path, parts: dict[str, Any], named: dict[str, str | None]) -> Written:
    """Write datasets; of each, only a few batches are in memory at a time.

    The fingerprint does not depend on the order of the examples, which may be another each time.

    Args:
        folder: Where to.
        parts: Datasets by split, of pairs `(x, y)` or of dictionaries, batched or not. What
            `keras.utils.image_dataset_from_directory` returns keeps its names of classes.
        named: Names in the dictionaries: of the target, and of texts or images.

    Raises:
        UserError: a dataset is endless, or its elements are of no such kind.
    """
    classes = next((c for c in (_class_names(part) for part in parts.values()) if c), None)
    pairs = {split: _pairs(dataset, named) for split, dataset in parts.items()}
    layouts = {split: _layout(dataset) for split, dataset in pairs.items()}
    kinds = {layout.kind for layout in layouts.values()}
    if len(kinds) > 1:
        raise UserError(f"x is {' in one split and '.join(sorted(kinds))} in another")
    kind, digests = kinds.pop(), [repr(classes).encode()]
    for split, dataset in pairs.items():
        batches = _batches(dataset if layouts[split].is_batched else dataset.batch(BATCH))
        if kind == "images":
            name = "images" if split == UNDIVIDED else split
            written = _write_images(folder, name, batches)
        else:
            written = _write_rows(folder / file_of(split, ".jsonl"), batches, kind, classes)
        digests += [split.encode(), *sorted(written)]
    fingerprint = hashlib.sha256(b"".join(digests)).hexdigest()
    if kind != "images":
        columns = {"target": TARGET, "text_column": TEXT if kind == "texts" else None}
        return Written(source_of(parts, ".jsonl"), columns, fingerprint)
    if classes:
        (folder / LABEL_FILE).write_text("".join(f"{name}\n" for name in classes), "utf-8")
    return Written("", dict.fromkeys(named), fingerprint)


def _class_names(dataset: Any) -> list[str] | None:
    names = getattr(dataset, "class_names", None)
    return [str(name) for name in names] if names else None


def _pairs(dataset: tf.data.Dataset, named: dict[str, str | None]) -> tf.data.Dataset:
    """Return a dataset of pairs, the input and the target of dictionaries picked out."""
    spec = dataset.element_spec
    if dataset.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise UserError("the dataset never ends; give it without repeat(), or take() a part of it")
    if isinstance(spec, Mapping):
        inputs = [n for n in (named["image_column"], named["text_column"]) if n]
        x = next((n for n in (*inputs, *IMAGE_NAMES, *TEXT_NAMES) if n in spec), None)
        y = next((n for n in (named["target"], *TARGET_NAMES) if n in spec), None)
        missing = next((n for n in (*inputs, named["target"]) if n and n not in spec), None)
        if missing or y is None or x is None:
            what = f"there is no {missing!r}" if missing else "cannot tell input and target"
            raise UserError(f"{what} among {', '.join(map(str, spec))} of the dataset; {EXPECTED}")
        return dataset.map(lambda element: (element[x], element[y]))
    if not isinstance(spec, tuple) or len(spec) != 2:
        raise UserError(f"the dataset has elements of {_described(spec)}; {EXPECTED}")
    return dataset


def _layout(dataset: tf.data.Dataset) -> Layout:
    """Tell what the elements are by their shapes and types."""
    x, y = dataset.element_spec
    is_rows = isinstance(x, Mapping)
    leaves = list(x.values()) if is_rows else [x]
    ranks = {getattr(getattr(leaf, "shape", None), "rank", None) for leaf in leaves}
    y_rank = getattr(getattr(y, "shape", None), "rank", None)
    if None in ranks or y_rank is None or len(ranks) > 1:
        raise UserError(f"the dataset has elements of {_described((x, y))}; {EXPECTED}")
    rank = ranks.pop()
    if is_rows:
        return Layout("rows", rank > 0)
    if x.dtype == tf.string:
        return Layout("texts", rank > 0)
    if rank == 4 or (rank == 3 and (y_rank == 0 or x.shape[-1] in (1, 3))):
        return Layout("images", rank == 4)
    if rank == 3:
        return Layout("images", True)
    return Layout("rows", rank == 2 or y_rank > 0)


def _described(spec: Any) -> str:
    shapes = tf.nest.map_structure(lambda s: f"{s.dtype.name}{s.shape}", spec)
    return str(shapes).replace("'", "")


def _batches(dataset: tf.data.Dataset) -> Batches:
    count = int(dataset.cardinality())
    return track(dataset.as_numpy_iterator(), "writing the data", count if count >= 0 else None)


def _write_images(folder: Path, name: str, batches: Batches) -> Iterator[bytes]:
    """Write images as PNG into TFRecords, and yield a digest of each example."""
    scale = None
    with ThreadPoolExecutor() as pool, _Shards(folder, name) as shards:
        for x, y in batches:
            image_shape(x.shape, "x")
            scale = _same_brightness(scale, x)
            images = scale.to_bytes(x.reshape(*x.shape[:3], -1))  # (n, height, width, channels)
            for png, label in zip(pool.map(encode_png, images), one_each(y), strict=True):
                record = _example(png, label)
                shards.write(record)
                yield hashlib.sha256(record).digest()


def _same_brightness(known: Brightness | None, x: np.ndarray) -> Brightness:
    """Return how numbers become pixels: as in the first batch, which the others must agree with."""
    lowest, highest = float(x.min()), float(x.max())
    if known is None:
        return brightness(lowest, highest, x.dtype.kind in "iu", "the dataset")
    if lowest < 0 or highest * known.factor > WHITE:
        raise UserError(
            f"pixels of the dataset range from {lowest:g} to {highest:g} in one batch, and "
            f"differently in the first, which was multiplied by {known.factor:g}; expected 0 to "
            "255, or 0 to 1"
        )
    return known


def _example(png: bytes, label: Any) -> bytes:
    """Return an image and its label as a serialized `tf.train.Example`."""
    train = tf.train
    is_number = isinstance(label, np.integer | np.bool_)
    text = label if isinstance(label, bytes) else str(label).encode()
    target = (
        train.Feature(int64_list=train.Int64List(value=[int(label)]))
        if is_number
        else train.Feature(bytes_list=train.BytesList(value=[text]))
    )
    image = train.Feature(bytes_list=train.BytesList(value=[png]))
    features = train.Features(feature={"image": image, "label": target})
    return train.Example(features=features).SerializeToString(deterministic=True)


def _write_rows(
    path: Path, batches: Batches, kind: str, classes: Sequence[str] | None
) -> Iterator[bytes]:
    """Write texts or rows of numbers as JSON lines, and yield a digest of each."""
    with path.open("w", encoding="utf-8") as file:
        for x, y in batches:
            if isinstance(x, Mapping):
                columns = {str(name): values.reshape(len(values)) for name, values in x.items()}
            elif kind == "texts":
                columns = {TEXT: x.reshape(len(x))}
            else:
                columns = {f"x{i}": values for i, values in enumerate(x.reshape(len(x), -1).T)}
            for index, label in enumerate(one_each(y)):
                row = {name: values[index] for name, values in columns.items()}
                line = json_line({**row, TARGET: classes[label] if classes else label})
                file.write(line)
                yield hashlib.sha256(line.encode()).digest()


class _Shards:
    """TFRecord files of bounded size, one after the other."""

    def __init__(self, folder: Path, name: str):
        self._folder, self._name = folder, name
        self._writer, self._size, self._number = None, 0, 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._writer is not None:
            self._writer.close()

    def write(self, record: bytes) -> None:
        if self._writer is None or self._size > LARGEST_SHARD:
            self.__exit__()
            path = self._folder / f"{self._name}-{self._number:05}.tfrecord"
            self._writer, self._size = tf.io.TFRecordWriter(str(path)), 0
            self._number += 1
        self._writer.write(record)
        self._size += len(record)
