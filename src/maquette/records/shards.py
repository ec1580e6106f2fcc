"""Read records one after the other, and then any of them again: TFRecord and ArrayRecord files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from maquette.errors import UserError
from maquette.text.reading import GZIP

# In a TFRecord file, a length of 8 bytes and its checksum stand before each record, the record's
# checksum after it.
BEFORE, AFTER = 12, 4
AT_ONCE = 64  # records
BUFFER = 1 << 20  # bytes
ONE_BY_ONE = "readahead_buffer_size:0,max_parallelism:0"
SHARD = r"(-\d+-of-\d+)?"
TFRECORD = re.compile(rf".+\.(tfrecords?|tfrec){SHARD}|.+-\d{{5}}-of-\d{{5}}", re.IGNORECASE)
ARRAY_RECORD = re.compile(rf".+\.array_?records?{SHARD}", re.IGNORECASE)


class Shard(Protocol):
    """One file of records.

    Attributes:
        path: where it lies.
    """

    path: Path

    def scan(self) -> Iterator[bytes]:
        """Yield all records in order. Until it has come to its end, none can be read again."""
        ...

    def read(self, index: int) -> bytes:
        """Return one record again, from any thread."""
        ...


def is_shard(name: str) -> bool:
    """Return whether a file is named like one of records."""
    return bool(ARRAY_RECORD.fullmatch(name) or TFRECORD.fullmatch(name))


def shard(path: Path, skip: int = 0, take: int | None = None) -> Shard:
    """Return a file of records, of the format that its name tells.

    Args:
        path: where it lies.
        skip: records at its beginning that are passed over.
        take: records after those; by default all.
    """
    kind = ArrayRecordShard if ARRAY_RECORD.fullmatch(path.name) else TFRecordShard
    return kind(path, skip, take)


class TFRecordShard:
    """A TFRecord file: where each record begins is found out by going through it once."""

    def __init__(self, path: Path, skip: int = 0, take: int | None = None):
        self.path, self._skip, self._take = path, skip, take
        self._offsets = self._lengths = np.empty(0, np.int64)

    def scan(self) -> Iterator[bytes]:
        """Yield all records in order, each compared with its checksum.

        Raises:
            UserError: the file cannot be read, or is damaged.
        """
        offset, offsets, lengths = 0, [], []
        end = None if self._take is None else self._skip + self._take
        for number, record in enumerate(islice(self._all(), end)):
            if number >= self._skip:
                offsets.append(offset + BEFORE)
                lengths.append(len(record))
                yield record
            offset += BEFORE + len(record) + AFTER
        self._offsets, self._lengths = np.array(offsets, np.int64), np.array(lengths, np.int64)

    def read(self, index: int) -> bytes:
        """Return one record again.

        Raises:
            UserError: the file is no longer what it was.
        """
        offset, length = int(self._offsets[index]), int(self._lengths[index])
        try:
            with self.path.open("rb") as file:
                file.seek(offset)
                record = file.read(length)
        except OSError as error:
            raise UserError(f"cannot read {self.path}: {error.strerror}") from None
        if len(record) != length:
            raise UserError(f"{self.path} changed since it was read")
        return record

    def _all(self) -> Iterator[bytes]:
        import tensorflow as tf

        # Without a size, TensorFlow prints a line on the one it takes.
        records = tf.data.TFRecordDataset([str(self.path)], buffer_size=BUFFER)
        try:
            for batch in records.batch(AT_ONCE).as_numpy_iterator():
                yield from batch
        except tf.errors.OpError as error:
            raise UserError(f"cannot read {self.path} as TFRecord: {self._reason(error)}") from None

    def _reason(self, error: Any) -> str:
        if not self.path.is_file():
            return "no such file"
        with self.path.open("rb") as file:
            if file.read(len(GZIP)) == GZIP:
                return "it is packed; unpack it with gunzip"
        return error.message.partition("\n")[0].partition(" [Op:")[0]


class ArrayRecordShard:
    """An ArrayRecord file, which tells itself where each record begins."""

    def __init__(self, path: Path, skip: int = 0, take: int | None = None):
        self.path, self._skip = path, skip
        try:
            from array_record.python.array_record_module import ArrayRecordReader
        except ImportError:
            raise UserError(
                f"reading {path} takes array_record: pip install array_record; there is none for "
                "some systems"
            ) from None
        try:
            # Records are asked for one by one here: threads of its own only make that slower.
            self._reader = ArrayRecordReader(str(path), ONE_BY_ONE)
            if not self._reader.ok():
                self._reader.close()  # It is this that raises what is the matter.
            count = self._reader.num_records()
        except (RuntimeError, ValueError, OSError) as error:
            raise self._refusal(error) from None
        self._count = min(count - skip, count if take is None else take)

    def scan(self) -> Iterator[bytes]:
        """Yield all records in order.

        Raises:
            UserError: the file cannot be read, or is damaged.
        """
        for start in range(0, self._count, AT_ONCE):
            yield from self._several(range(start, min(start + AT_ONCE, self._count)))

    def read(self, index: int) -> bytes:
        """Return one record again.

        Raises:
            UserError: the file is no longer what it was.
        """
        return self._several([index])[0]

    def _several(self, indices: Any) -> list[bytes]:
        try:
            return self._reader.read([self._skip + index for index in indices])
        except (RuntimeError, ValueError, IndexError) as error:
            raise self._refusal(error) from None

    def _refusal(self, error: Exception) -> UserError:
        reason = str(error).strip().partition("\n")[0]
        return UserError(f"cannot read {self.path} as ArrayRecord: {reason}")
