"""From files of records to labelled images or texts, divided into splits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from maquette.class_labels import classes_and_indices
from maquette.errors import UserError
from maquette.images.assembling import assemble, common_shape
from maquette.images.data import ImageData, digests_of
from maquette.images.inspection import ImageInfo, inspect_all
from maquette.images.stored import EncodedStore, StoredSplit
from maquette.left_out import LeftOut, unreadable_note
from maquette.records.features import Fields, Values, bytes_in, values_of
from maquette.records.shards import Shard
from maquette.splits import listed
from maquette.text.data import TextData, from_texts
from maquette.text.reading import tidy

AT_ONCE = 256  # images inspected together


class SplitShard(NamedTuple):
    """A file of records and the split that it is, or `UNDIVIDED`."""

    split: str
    shard: Shard


@dataclass(frozen=True, eq=False)
class RecordImages:
    """The encoded images in the records of some files, numbered through.

    Attributes:
        shards: the files.
        starts: number of the first record of each file.
        feature: the feature that holds the image.
    """

    shards: tuple[Shard, ...]
    starts: np.ndarray
    feature: str

    def image(self, position: int) -> bytes:
        """Return the bytes of one image file."""
        shard, index = self._place(position)
        return bytes_in(self.shards[shard].read(index), self.feature)

    def name(self, position: int) -> str:
        """Return the file and the number of the record, as in "train.tfrecord:7"."""
        shard, index = self._place(position)
        return f"{self.shards[shard].path}:{index}"

    def _place(self, position: int) -> tuple[int, int]:
        shard = int(np.searchsorted(self.starts, position, "right")) - 1
        return shard, position - int(self.starts[shard])


@dataclass
class _Found:
    """What going through all records came to, one item for each example that is of use."""

    labels: list = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    given: list[str] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    unlabelled: list[str] = field(default_factory=list)
    unreadable: list[LeftOut] = field(default_factory=list)
    count: int = 0

    def left_out(self) -> list[LeftOut]:
        """Return the examples that are of no use."""
        return [*(LeftOut(name, "no label") for name in self.unlabelled), *self.unreadable]


class _Record(NamedTuple):
    position: int
    split: str
    name: str
    values: Values


def load_images(
    source: str,
    shards: Sequence[SplitShard],
    fields: Fields,
    notes: Sequence[str] = (),
    strict: bool = False,
    open_set: bool = False,
    progress: Callable[[int, int], None] | None = None,
    total: int | None = None,
) -> ImageData:
    """Go through all records once; the images stay in their files and are read as needed.

    Args:
        source: name or path of the data.
        shards: the files.
        fields: which features matter.
        notes: lines for the user.
        strict: refuse examples of no use, in place of leaving them out.
        open_set: let each split have classes of its own.
        progress: called with the number of examples read and their total.
        total: their number, where it is known.

    Raises:
        UserError: a file is damaged, there are too few images, or `strict` and something would be
            left out.
    """
    found, infos, starts = _Found(), [], []
    pending: list[_Record] = []
    for record in _records(shards, fields, found, starts):
        pending.append(record)
        if len(pending) == AT_ONCE:
            infos += _inspected(pending, fields, found)
            pending.clear()
            if progress:
                progress(found.count, total)
    infos += _inspected(pending, fields, found)
    notes = [*notes, *_left_out(source, found, "images", strict)]
    classes, labels = classes_and_indices(found.labels, source, fields.classes)
    files = RecordImages(tuple(s.shard for s in shards), np.array(starts), fields.input)
    hashes = [sha256 for sha256, _, _ in infos]
    positions, digests = np.array(found.positions, np.int64), digests_of(hashes)
    return assemble(
        source,
        StoredSplit(labels, found.names, positions, EncodedStore(files), digests=digests),
        classes,
        found.given,
        hashes,
        common_shape((size for _, size, _ in infos), (channels for _, _, channels in infos)),
        notes,
        left_out=found.left_out(),
        strict=strict,
        open_set=open_set,
    )


def load_texts(
    source: str,
    shards: Sequence[SplitShard],
    fields: Fields,
    notes: Sequence[str] = (),
    strict: bool = False,
    progress: Callable[[int, int], None] | None = None,
    total: int | None = None,
) -> TextData:
    """Read the texts of all records into memory; see `load_images`."""
    found, texts = _Found(), []
    for record in _records(shards, fields, found, []):
        values = record.values.get(fields.input, [])
        is_text = len(values) == 1 and isinstance(values[0], bytes)
        text = tidy(values[0].decode("utf-8", "replace")) if is_text else ""
        if text:
            texts.append(text)
            _keep(record, fields, found)
        else:
            found.unreadable.append(LeftOut(record.name, "empty text" if is_text else "no text"))
        if progress and not found.count % AT_ONCE:
            progress(found.count, total)
    notes = [*notes, *_left_out(source, found, "texts", strict)]
    classes, labels = classes_and_indices(found.labels, source, fields.classes)
    left_out = found.left_out()
    return from_texts(
        source, texts, labels, classes, found.names, found.given, notes, left_out, strict
    )


def first_values(shards: Sequence[SplitShard]) -> Values:
    """Return the features of the first example.

    Raises:
        UserError: there is none, or it is no `tf.train.Example`.
    """
    for _, shard in shards:
        for record in shard.scan():
            return parsed(record, f"{shard.path}:0")
    raise UserError(f"{shards[0].shard.path} has no records")


def parsed(record: bytes, name: str) -> Values:
    """Return the features of a record.

    Args:
        record: a serialized `tf.train.Example`.
        name: where it stands, for messages.

    Raises:
        UserError: it is no such example.
    """
    try:
        return values_of(record)
    except ValueError as error:
        raise UserError(f"{name} is {error}; TFRecords of these can be read") from None


def _records(
    shards: Sequence[SplitShard], fields: Fields, found: _Found, starts: list[int]
) -> Iterator[_Record]:
    """Yield the records that have a label; note where each file begins."""
    for split, shard in shards:
        starts.append(found.count)
        for index, record in enumerate(shard.scan()):
            name = f"{shard.path.name}:{index}"
            values = parsed(record, f"{shard.path}:{index}")
            position, found.count = found.count, found.count + 1
            if len(values.get(fields.target, [])) == 1 and _is_label(values[fields.target][0]):
                yield _Record(position, split, name, values)
            else:
                found.unlabelled.append(name)


def _is_label(value: object) -> bool:
    # Sets whose test labels are secret have -1 there.
    return value != -1 and value != b""


def _inspected(
    records: Sequence[_Record], fields: Fields, found: _Found
) -> list[tuple[str, tuple[int, int], int]]:
    """Return hash, size and channels of each image that can be read, and keep its record."""
    images = [record.values.get(fields.input, []) for record in records]
    data = [v[0] if len(v) == 1 and isinstance(v[0], bytes) else b"" for v in images]
    infos = []
    for record, outcome in zip(records, inspect_all(data), strict=True):
        if isinstance(outcome, ImageInfo):
            infos.append((outcome.sha256, outcome.size, outcome.channels))
            _keep(record, fields, found)
        else:
            found.unreadable.append(LeftOut(record.name, str(outcome)))
    return infos


def _keep(record: _Record, fields: Fields, found: _Found) -> None:
    found.labels.append(record.values[fields.target][0])
    found.names.append(record.name)
    found.given.append(record.split)
    found.positions.append(record.position)


def _left_out(source: str, found: _Found, noun: str, strict: bool) -> list[str]:
    """Return lines on what is left out.

    Raises:
        UserError: nothing is left, or `strict` and something would be left out.
    """
    lost = [*found.unlabelled, *map(str, found.unreadable)]
    if lost and (strict or not found.labels):
        raise UserError(
            f"{len(lost)} of {found.count} examples of {source} have no label or cannot be read, "
            f"the first {lost[0]}"
        )
    notes = unreadable_note(found.unreadable, found.count)
    if found.unlabelled:
        names = listed(found.unlabelled)
        notes.append(f"left out {noun} without a label ({len(found.unlabelled)}): {names}")
    return notes
