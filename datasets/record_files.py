"""Your own records: TFRecord or ArrayRecord files of images or texts in `tf.train.Example`s.

    FOLDER/train.tfrecord, FOLDER/test-00000-of-00002.tfrecord ...    divided by their names
    FOLDER/train/ab.tfrecord                                          or by sub-folders
    pictures.tfrecord                                                 divided by us

Divided by us is 70 % train, 15 % validation, 15 % test; without validation files, 15 % of train are
held out. Images are in the feature `image` or `image/encoded`, as JPEG, PNG and so on; texts in
`text`; labels in `label` or `image/class/label`. Others are named by `--image-column`,
`--text-column` and `--target`. A `features.json` beside them, as tensorflow-datasets writes it, is
read, and so is `label.labels.txt`: the names of the classes, one a line. Images stay in their
files; a set far larger than memory is no trouble. Files packed by gzip must be unpacked.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from maquette.errors import UserError
from maquette.images.class_folders import visible
from maquette.images.data import ImageData
from maquette.paths import absolute, require_file
from maquette.quiet import load_tensorflow
from maquette.records.features import Named, described_features, seen_features
from maquette.records.loading import SplitShard, first_values
from maquette.records.record_set import RecordSet
from maquette.records.shards import is_shard, shard
from maquette.sources import Source
from maquette.splits import SPLIT_NAMES, UNDIVIDED, listed
from maquette.tabular.data import TableData
from maquette.text.data import TextData

KIND = ("images", "text", "table")
FORM = "FOLDER/train-00000-of-00004.tfrecord"
NUMBERED = re.compile(r"(?P<name>.+)-(?P<number>\d+)-of-(?P<count>\d+)")


def matches(source: str) -> bool:
    """Return whether `source` is named like a file of records, or is a folder of some."""
    path = absolute(source)
    if path.is_dir():
        return bool(_files(path))
    return is_shard(path.name) and not re.match(r"\w{2,}:", source)


def kind(source: Source, kinds: Collection[str]) -> str:
    """Return whether the records hold "images", "text" or a "table"."""
    named = Named(source.target, source.text, source.image)
    return _opened(source.name).fields(kinds, named).kind


def load(
    source: str,
    strict: bool = False,
    progress: Callable[[int, int | None], None] | None = None,
    kinds: Collection[str] = KIND,
    target: str | None = None,
    text_column: str | None = None,
    image_column: str | None = None,
    open_set: bool = False,
    columns: Sequence[str] = (),
    task: str | None = None,
) -> ImageData | TextData | TableData:
    """Go through all records once.

    Args:
        source: path of a file or a folder.
        strict: refuse examples of no use, and sets of which files are missing.
        progress: called with the number of examples read.
        kinds: which of "images", "text" and "table" would do.
        target: name of the feature that holds labels.
        text_column: name of the feature that holds texts.
        image_column: name of the feature that holds images.
        open_set: let each split have classes of its own; of images.
        columns: kinds of columns that the user chose; of a table.
        task: "classification" or "regression"; of a table.

    Raises:
        UserError: a file is missing or damaged, the features are not understood, there are too
            few examples, or `strict` and something would be left out.
    """
    records = _opened(source)
    if records.notes and strict:
        raise UserError(f"{records.source}: {records.notes[0]}")
    named = Named(target, text_column, image_column)
    return records.load(kinds, named, strict, open_set, columns, task, progress)


def _opened(source: str) -> RecordSet:
    path = absolute(source)
    require_file(path)
    load_tensorflow()
    files = _files(path) if path.is_dir() else [(UNDIVIDED, path)]
    shards = [SplitShard(split, shard(file)) for split, file in files]
    folder = path if path.is_dir() else path.parent
    features = described_features(folder) or seen_features(first_values(shards))
    notes = _missing_notes([file for _, file in files])
    return RecordSet(str(path), shards, features, folder, notes)


def _files(folder: Path) -> list[tuple[str, Path]]:
    """Return the files of records in a folder, each with its split."""
    found = _shards_in(folder, "")
    if not found:
        splits = [n for n in visible(folder, os.path.isdir) if n.casefold() in SPLIT_NAMES]
        found = [pair for split in splits for pair in _shards_in(folder / split, f"{split}/")]
    splits = [_split_of(name) for name, _ in found]
    if None in splits or "train" not in splits:
        splits = [UNDIVIDED] * len(found)
    return [(split, path) for split, (_, path) in zip(splits, found, strict=True)]


def _shards_in(folder: Path, start: str) -> list[tuple[str, Path]]:
    names = [name for name in visible(folder, os.path.isfile) if is_shard(name)]
    return [(start + name, folder / name) for name in names]


def _split_of(name: str) -> str | None:
    """Return the split that a file is named after, as in `mnist-train.tfrecord-00000-of-00001`."""
    words = re.split(r"[^a-z]+", name.lower())
    return next((SPLIT_NAMES[word] for word in words if word in SPLIT_NAMES), None)


def _missing_notes(paths: Sequence[Path]) -> list[str]:
    """Tell of sets of which not all numbered files are there."""
    found = [match for path in paths if (match := NUMBERED.fullmatch(path.name))]
    sets = {(match["name"], int(match["count"])) for match in found}
    missing = [
        f"{name} has {there} of {count} files"
        for name, count in sorted(sets)
        if (there := sum(m["name"] == name for m in found)) < count
    ]
    return [f"files are missing: {listed(missing)}"] if missing else []
