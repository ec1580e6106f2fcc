"""The tables of TFLite's metadata schema, `M001`, written and read field by field.

The numbers are the positions of fields in `metadata_schema.fbs`, version 1.5.0, for which neither
TensorFlow nor LiteRT ships generated code.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Any

import flatbuffers
from flatbuffers import encode, number_types
from flatbuffers.table import Table

FEATURE, IMAGE = 1, 2  # of the union ContentProperties
NORMALIZATION, THRESHOLD, REGEX = 1, 3, 6  # of the union ProcessUnitOptions


class Enum(IntEnum):
    """Values of the schema's enumerations."""

    RGB = 1
    GREY = 2
    LABELS = 2
    VOCABULARY = 5


class MetadataWriter:
    """Writes one metadata flatbuffer, from the leaves to the root. Methods return places."""

    def __init__(self) -> None:
        self._builder = flatbuffers.Builder(1024)

    def model(
        self,
        subgraphs: Sequence[int],
        oldest_parser: str,
        name: str,
        description: str,
        version: str,
        author: str,
        license_text: str,
    ) -> bytes:
        """Write `ModelMetadata` and return all bytes."""
        texts = {0: name, 1: description, 2: version, 4: author, 5: license_text, 7: oldest_parser}
        places = {slot: self._text(text) for slot, text in texts.items() if text}
        root = self._table(8, {**places, 3: self._vector(subgraphs)})
        self._builder.Finish(root, b"M001")
        return bytes(self._builder.Output())

    def subgraph(self, name: str, inputs: Sequence[int], outputs: Sequence[int]) -> int:
        """Write `SubGraphMetadata`."""
        sides = {2: self._vector(inputs), 3: self._vector(outputs)}
        return self._table(10, {0: self._text(name), **sides})

    def tensor(
        self,
        name: str,
        description: str,
        content: int,
        units: Sequence[int],
        limits: tuple[float, float] | None,
        files: Sequence[int],
    ) -> int:
        """Write `TensorMetadata`."""
        fields = {0: self._text(name), 3: content}
        if description:
            fields[1] = self._text(description)
        if units:
            fields[4] = self._vector(units)
        if limits:
            low, high = (self._floats([limit]) for limit in limits)
            fields[5] = self._table(2, {0: high, 1: low})
        if files:
            fields[6] = self._vector(files)
        return self._table(7, fields)

    def feature(self) -> int:
        """Write the content of a tensor that is no picture."""
        return self._union(3, FEATURE, self._table(0, {}))

    def image(self, colours: Enum) -> int:
        """Write the content of a tensor that is a picture."""
        return self._union(3, IMAGE, self._table(2, {}, small=colours))

    def normalization(self, mean: Sequence[float], std: Sequence[float]) -> int:
        """Write that the input is `(pixel - mean) / std`."""
        options = self._table(2, {0: self._floats(mean), 1: self._floats(std)})
        return self._union(2, NORMALIZATION, options)

    def threshold(self, least: float) -> int:
        """Write the score below which a class is left out."""
        self._builder.StartObject(1)
        self._builder.PrependFloat32Slot(0, least, 0.0)
        return self._union(2, THRESHOLD, self._builder.EndObject())

    def regex_tokenizer(self, delimiter: str, vocabulary: int) -> int:
        """Write how a text becomes ids: split where the pattern matches, then looked up."""
        options = {0: self._text(delimiter), 1: self._vector([vocabulary])}
        return self._union(2, REGEX, self._table(2, options))

    def file(self, name: str, kind: Enum) -> int:
        """Write `AssociatedFile`."""
        place = self._text(name)
        self._builder.StartObject(5)
        self._builder.PrependUOffsetTRelativeSlot(0, place, 0)
        self._builder.PrependInt8Slot(2, kind, 0)
        return self._builder.EndObject()

    def _union(self, slots: int, kind: int, value: int) -> int:
        self._builder.StartObject(slots)
        self._builder.PrependUint8Slot(0, kind, 0)
        self._builder.PrependUOffsetTRelativeSlot(1, value, 0)
        return self._builder.EndObject()

    def _table(self, slots: int, places: dict[int, int], small: int = 0) -> int:
        """Write a table of references; `small` goes into its first field as one byte."""
        self._builder.StartObject(slots)
        for slot, place in places.items():
            self._builder.PrependUOffsetTRelativeSlot(slot, place, 0)
        if small:
            self._builder.PrependInt8Slot(0, small, 0)
        return self._builder.EndObject()

    def _text(self, text: str) -> int:
        return self._builder.CreateString(text)

    def _vector(self, places: Sequence[int]) -> int:
        self._builder.StartVector(4, len(places), 4)
        for place in reversed(places):
            self._builder.PrependUOffsetTRelative(place)
        return self._builder.EndVector()

    def _floats(self, values: Sequence[float]) -> int:
        self._builder.StartVector(4, len(values), 4)
        for value in reversed(values):
            self._builder.PrependFloat32(value)
        return self._builder.EndVector()


class MetadataReader:
    """Reads a metadata flatbuffer into plain values.

    Args:
        data: All bytes of it.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data

    def model(self) -> dict[str, Any]:
        """Return texts and subgraphs."""
        start = encode.Get(number_types.UOffsetTFlags.packer_type, self._data, 0)
        root = Table(self._data, start)
        slots = {"name": 0, "description": 1, "version": 2, "author": 4, "license": 5}
        texts = {name: _text(root, slot) for name, slot in slots.items()}
        return {**texts, "subgraphs": _tables(root, 3, _subgraph)}


def _subgraph(table: Table) -> dict[str, Any]:
    sides = {"inputs": _tables(table, 2, _tensor), "outputs": _tables(table, 3, _tensor)}
    return {"name": _text(table, 0), **sides}


def _tensor(table: Table) -> dict[str, Any]:
    found = {"name": _text(table, 0), "description": _text(table, 1), "content": "feature"}
    kind, content = _union(_table(table, 3))
    if kind == IMAGE:
        found["content"] = {Enum.RGB: "rgb", Enum.GREY: "grey"}[_byte(content, 0)]
    for kind, options in _tables(table, 4, _union):
        if kind == NORMALIZATION:
            found |= {"mean": _floats(options, 0), "std": _floats(options, 1)}
        elif kind == THRESHOLD:
            place = _place(options, 0)
            found["threshold"] = options.Get(number_types.Float32Flags, place) if place else 0.0
        elif kind == REGEX:
            found |= {"delimiter": _text(options, 0), "vocabulary": _tables(options, 1, _file)}
    if limits := _table(table, 5):
        found["range"] = [*_floats(limits, 1), *_floats(limits, 0)]
    return {**found, "files": _tables(table, 6, _file)}


def _file(table: Table) -> str:
    return _text(table, 0)


def _union(table: Table | None) -> tuple[int, Table | None]:
    return (_byte(table, 0), _table(table, 1)) if table else (0, None)


def _place(table: Table, slot: int) -> int:
    """Return where a field lies in the bytes; 0 where it is not there."""
    offset = table.Offset(4 + 2 * slot)
    return table.Pos + offset if offset else 0


def _byte(table: Table, slot: int) -> int:
    place = _place(table, slot)
    return table.Get(number_types.Uint8Flags, place) if place else 0


def _text(table: Table, slot: int) -> str:
    place = _place(table, slot)
    return table.String(place).decode("utf-8") if place else ""


def _table(table: Table, slot: int) -> Table | None:
    place = _place(table, slot)
    return Table(table.Bytes, table.Indirect(place)) if place else None


def _tables(table: Table, slot: int, read: Callable[[Table], Any]) -> list[Any]:
    offset = table.Offset(4 + 2 * slot)
    if not offset:
        return []
    start = table.Vector(offset)
    places = range(start, start + 4 * table.VectorLen(offset), 4)
    return [read(Table(table.Bytes, table.Indirect(place))) for place in places]


def _floats(table: Table, slot: int) -> list[float]:
    offset = table.Offset(4 + 2 * slot)
    start, count = table.Vector(offset), table.VectorLen(offset)
    return [table.Get(number_types.Float32Flags, start + 4 * i) for i in range(count)]
