"""Metadata in a TFLite file, as MediaPipe Tasks, ML Kit and others read it.

The model's own flatbuffer names a buffer `TFLITE_METADATA`, which holds a second flatbuffer of the
schema `M001`; labels and vocabulary are appended to the file as an uncompressed ZIP archive.
Interpreters read neither.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from maquette.exporting import freezing
from maquette.exporting.metadata_tables import Enum, MetadataReader, MetadataWriter
from maquette.exporting.regex_tokenizer import DELIMITER, vocabulary_lines
from maquette.tasks.tensors import Tensor

if TYPE_CHECKING:
    from maquette.run import Run

NAME = b"TFLITE_METADATA"
ALIGNMENT = 16  # bytes; the schema of models asks for it, and kernels read faster by it
OLDEST_PARSER = "1.2.1"  # the first that knows the regular expression of a tokenizer
LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the same bytes from each export


@dataclass(frozen=True)
class Metadata:
    """What a file tells of itself.

    Attributes:
        name: Of the model.
        description: One line.
        version: Of the model.
        author: Who made it.
        license: Under which it may be used.
        tensors: Meaning of inputs and outputs, by name.
        ranges: Lowest and highest value of inputs and outputs, by name, where they are known.
    """

    name: str
    description: str = ""
    version: str = ""
    author: str = ""
    license: str = ""
    tensors: Mapping[str, Tensor] = field(default_factory=dict)
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    @classmethod
    def of(cls, run: Run, author: str = "", license: str = "", version: str = "") -> Metadata:
        """Return what the files of a run tell of themselves.

        Args:
            run: With a description of its data.
            author: Who made it.
            license: Under which it may be used.
            version: Of the model.
        """
        task = run.task
        return cls(
            name=run.template.name,
            description=run.template.card.partition("\n")[0],
            version=version,
            author=author,
            license=license,
            tensors=task.tensors(run.description),
            ranges=task.ranges,
        )

    def properties(self) -> dict[str, str]:
        """Return it as texts by name, for formats that hold no more; labels are one a line."""
        told = ("name", "description", "version", "author", "license")
        labels = {
            f"{name}_labels": "\n".join(tensor.labels)
            for name, tensor in self.tensors.items()
            if tensor.labels
        }
        known = {key: getattr(self, key) for key in told}
        return {**{key: value for key, value in known.items() if value}, **labels}


def add_metadata(path: Path, metadata: Metadata) -> None:
    """Put metadata into a TFLite file, in the place of any it had."""
    path.write_bytes(with_metadata(path.read_bytes(), metadata))


def with_metadata(model: bytes, metadata: Metadata) -> bytes:
    """Return a TFLite model with metadata.

    Args:
        model: Content of a TFLite file.
        metadata: What it shall tell of itself.
    """
    tree = freezing.read(model)
    buffers = [_Buffer.of(buffer.data) for buffer in tree.buffers]
    others = [entry for entry in tree.metadata or [] if _plain(entry.name) != NAME]
    entry = schema.MetadataT()
    entry.name, entry.buffer = NAME.decode(), len(buffers)
    content, files = _flatbuffer(tree, metadata)
    written = np.frombuffer(content, np.uint8)
    tree.buffers, tree.metadata = [*buffers, _Buffer.of(written)], [*others, entry]
    builder = flatbuffers.Builder(len(model) + len(written) + 1024)
    builder.Finish(tree.Pack(builder), b"TFL3")
    return _with_files(bytes(builder.Output()), files)


def read(path: str | Path) -> dict[str, Any] | None:
    """Return the metadata of a TFLite file, or `None` where it has none.

    Example:
        >>> metadata.read("export/model_int8.tflite")["files"]["labels.txt"]

    Args:
        path: The file.

    Returns:
        `name`, `description`, `version`, `author` and `license`; `subgraphs`, a list with the
        `inputs` and `outputs` of each, tensors in order; `files`, the texts in the file by name.
    """
    content = Path(path).read_bytes()
    model = schema.Model.GetRootAsModel(content, 0)
    for index in range(model.MetadataLength()):
        entry = model.Metadata(index)
        if entry.Name() == NAME:
            data = model.Buffers(entry.Buffer()).DataAsNumpy().tobytes()
            return {**MetadataReader(data).model(), "files": _files(content)}
    return None


class _Buffer(schema.BufferT):
    """A buffer of a model whose bytes are aligned, which the generated code would not do."""

    @classmethod
    def of(cls, data: np.ndarray | None) -> _Buffer:
        buffer = cls()
        buffer.data = data
        return buffer

    def Pack(self, builder: flatbuffers.Builder) -> int:
        vector = None
        if self.data is not None and len(self.data):
            builder.Prep(ALIGNMENT, len(self.data))
            vector = builder.CreateByteVector(np.asarray(self.data, np.uint8).tobytes())
        schema.BufferStart(builder)
        if vector is not None:
            schema.BufferAddData(builder, vector)
        return schema.BufferEnd(builder)


def _plain(name: bytes | str) -> bytes:
    return name if isinstance(name, bytes) else name.encode()


def _flatbuffer(model: schema.ModelT, metadata: Metadata) -> tuple[bytes, dict[str, str]]:
    """Return the metadata, with as many subgraphs as have a signature, and the files it names."""
    writer, files = MetadataWriter(), {}
    named: dict[int, schema.SignatureDefT] = {}
    for signature in model.signatureDefs or []:
        named.setdefault(signature.subgraphIndex, signature)
    subgraphs = []
    for index in range(max(named, default=-1) + 1):
        graph, signature = model.subgraphs[index], named.get(index)
        sides = [
            [_tensor(writer, graph, number, signature, metadata, files) for number in numbers]
            for numbers in (graph.inputs, graph.outputs)
        ]
        name = _plain(signature.signatureKey).decode() if signature else ""
        subgraphs.append(writer.subgraph(name, *sides))
    texts = {k: getattr(metadata, k) for k in ("name", "description", "version", "author")}
    content = writer.model(subgraphs, OLDEST_PARSER, **texts, license_text=metadata.license)
    return content, files


def _tensor(
    writer: MetadataWriter,
    graph: Any,
    number: int,
    signature: Any,
    metadata: Metadata,
    files: dict[str, str],
) -> int:
    """Write what is known of one input or output, and return its place; fill in `files`."""
    entries = [*signature.inputs, *signature.outputs] if signature else []
    names = {entry.tensorIndex: _plain(entry.name).decode() for entry in entries}
    name = names.get(int(number), "")
    tensor = metadata.tensors.get(name, Tensor(""))
    content, units, own = writer.feature(), [], []
    if tensor.kind == "image":
        grey = graph.tensors[number].shape[-1] == 1
        content = writer.image(Enum.GREY if grey else Enum.RGB)
        if number in graph.inputs:  # pixels go in as they are, 0..255
            units.append(writer.normalization(mean=[0.0], std=[1.0]))
    if tensor.length and number in graph.inputs and _is_fixed(graph.tensors[number]):
        files["vocab.txt"] = vocabulary_lines(tensor.words)
        vocabulary = writer.file("vocab.txt", Enum.VOCABULARY)
        units.append(writer.regex_tokenizer(DELIMITER, vocabulary))
    if tensor.kind == "classes":
        units.append(writer.threshold(tensor.threshold))
        files["labels.txt"] = "".join(f"{label}\n" for label in tensor.labels)
        own.append(writer.file("labels.txt", Enum.LABELS))
    limits = metadata.ranges.get(name)
    return writer.tensor(name, tensor.description, content, units, limits, own)


def _is_fixed(tensor: schema.TensorT) -> bool:
    """Return whether a text has one length; tokenizers of phones fill no other."""
    sizes = tensor.shape if tensor.shapeSignature is None else tensor.shapeSignature
    return len(sizes) == 2 and sizes[1] > 1


def _with_files(model: bytes, files: Mapping[str, str]) -> bytes:
    if not files:
        return model
    whole = io.BytesIO(model)
    # Readers take the bytes as they lie in the file, so they must not be compressed.
    with zipfile.ZipFile(whole, "a", zipfile.ZIP_STORED) as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name, LONG_AGO), text)
    return whole.getvalue()


def _files(content: bytes) -> dict[str, str]:
    stream = io.BytesIO(content)
    if not zipfile.is_zipfile(stream):
        return {}
    with zipfile.ZipFile(stream) as archive:
        return {name: archive.read(name).decode("utf-8") for name in archive.namelist()}
