"""Writes checkpoints as torch did before version 1.6, sound or hostile, without torch."""

import io
import pickle
import struct
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np

from maquette.backbones.torch_legacy import MAGIC_NUMBER, PROTOCOL_VERSION


@dataclass
class Storage:
    """What torch writes as a persistent id."""

    key: str
    values: np.ndarray
    kind: str = "FloatStorage"
    length: int | None = None
    view: tuple | None = None


@dataclass
class Tensor:
    """What torch writes as a call of `_rebuild_tensor_v2`."""

    storage: object
    shape: object
    strides: object
    offset: object = 0


class Name:
    """Pickles as the global name `module.name`, importable or not."""

    def __init__(self, module, name):
        self.module, self.name = module, name


class Call:
    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments


class TorchPickler(pickle._Pickler):
    """Writes the stand-ins above byte for byte as torch does, without torch."""

    def persistent_id(self, value):
        if not isinstance(value, Storage):
            return None
        length = len(value.values) if value.length is None else value.length
        return ("storage", Name("torch", value.kind), value.key, "cpu", length, value.view)

    def save(self, value, save_persistent_id=True):
        if isinstance(value, Name):
            return self.write(b"c" + f"{value.module}\n{value.name}\n".encode())
        if isinstance(value, Tensor):
            view = (value.storage, value.offset, value.shape, value.strides)
            value = Call(Name("torch._utils", "_rebuild_tensor_v2"), *view, False, OrderedDict())
        if isinstance(value, Call):
            self.save(value.function)
            self.save(value.arguments)
            return self.write(pickle.REDUCE)
        return super().save(value, save_persistent_id)


def pickled(value):
    stream = io.BytesIO()
    TorchPickler(stream, protocol=2).dump(value)
    return stream.getvalue()


def checkpoint(state, *storages, magic=MAGIC_NUMBER, version=PROTOCOL_VERSION, little=True):
    system = {"protocol_version": version, "little_endian": little, "type_sizes": {}}
    head = [pickled(part) for part in (magic, version, system)]
    body = state if isinstance(state, bytes) else pickled(state)
    raw = [struct.pack("<q", len(s.values)) + s.values.tobytes() for s in storages]
    return b"".join([*head, body, pickled([s.key for s in storages]), *raw])
