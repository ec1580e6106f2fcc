"""Reads the checkpoints that torch wrote before version 1.6, without torch.

Such a file is a row of pickles (magic number, protocol version, system information, the state
dict, the storage keys) followed by the raw storages. Pickle can run anything, so what it may name
is a closed list, and every name on it maps to something inert.

Source: `torch/serialization.py` of PyTorch 1.5, `_legacy_save`.
"""

import io
import math
import pickle
import pickletools
import struct
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from maquette.errors import UserError

MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
PROTOCOL_VERSION = 1001
MAX_DIMENSIONS = 32
# Tied weights share a storage, so a sound file may unfold to more than its own size, but not much.
MAX_EXPANSION = 4

STORAGE_TYPES = {
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "<i1",
    "ByteStorage": "<u1",
    "BoolStorage": "?",
}


class _StateDict(OrderedDict):
    """Stands in for `OrderedDict`; drops the attributes torch hangs on it (`_metadata`)."""

    def __setstate__(self, state: Any) -> None:
        pass


class _Inert:
    """Refuses the opcode that would alter an object, or its class, after it was checked."""

    def __setstate__(self, state: Any) -> None:
        raise UserError("it alters what it has built")


@dataclass(frozen=True)
class _Storage(_Inert):
    dtype: str
    key: str
    length: int


@dataclass(frozen=True)
class _Tensor(_Inert):
    """Stands in for `_rebuild_tensor_v2`; keeps its arguments unread."""

    storage: Any
    offset: Any
    shape: Any
    strides: Any
    requires_grad: Any = None
    hooks: Any = None
    metadata: Any = None


_ALLOWED = {
    "collections.OrderedDict": _StateDict,
    "torch._utils._rebuild_tensor_v2": _Tensor,
    **{f"torch.{name}": dtype for name, dtype in STORAGE_TYPES.items()},
}


class _Unpickler(pickle.Unpickler):
    def __init__(self, stream: io.BytesIO):
        super().__init__(stream, fix_imports=False, encoding="utf-8", errors="strict")
        self.storages: dict[str, _Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        qualified = f"{module}.{name}"
        if qualified not in _ALLOWED:
            raise UserError(f"it names {_shorten(qualified)}, which a state dict never needs")
        return _ALLOWED[qualified]

    def persistent_load(self, pid: Any) -> _Storage:
        kind, dtype, key, _, length, view = pid
        if kind != "storage" or view is not None or type(key) is not str or not _is_count(length):
            raise UserError("it refers to something other than a storage")
        if dtype not in STORAGE_TYPES.values():
            raise UserError("a storage is of no known type")
        storage = _Storage(dtype, key, length)
        if self.storages.setdefault(key, storage) != storage:
            raise UserError(f"storage {_shorten(key)} is described in two ways")
        return storage


def read_state_dict(path: str | Path) -> dict[str, np.ndarray]:
    """Reads a legacy torch checkpoint into arrays.

    Example:

    ```python
    state = read_state_dict("efficientnet-lite0.pth")
    state["_conv_stem.weight"].shape  # (32, 3, 3, 3)
    ```

    Args:
        path: the checkpoint, as `torch.save` wrote it before version 1.6 or with
            `_use_new_zipfile_serialization=False`.

    Returns:
        The parameters by name, each an array of its own.

    Raises:
        UserError: the file is missing, of another format, damaged, or names anything that a
            state dict does not need.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}; give a torch checkpoint") from error
    try:
        return _read(content)
    except UserError as error:
        raise UserError(f"{path} is refused: {error}") from error
    except Exception as error:
        reason = f"{type(error).__name__}: {_shorten(str(error))}"
        raise UserError(f"{path} is damaged or not a legacy torch checkpoint ({reason})") from error


def _read(content: bytes) -> dict[str, np.ndarray]:
    if content.startswith(b"PK"):
        raise UserError(
            "it is a zip checkpoint; save it with torch.save(..., "
            "_use_new_zipfile_serialization=False)"
        )
    stream = io.BytesIO(content)
    _check_header(stream)
    state, storages = _unpickle(stream)
    keys, _ = _unpickle(stream)
    arrays = _read_storages(content, stream.tell(), keys, storages)
    tensors = _check_tensors(state, arrays, MAX_EXPANSION * len(content))
    return {name: _copy(tensor, arrays[tensor.storage.key]) for name, tensor in tensors.items()}


def _check_header(stream: io.BytesIO) -> None:
    magic, version, system = (_unpickle(stream)[0] for _ in range(3))
    if type(magic) is not int or magic != MAGIC_NUMBER:
        raise UserError("the magic number of a legacy torch checkpoint is missing")
    if type(version) is not int or version != PROTOCOL_VERSION:
        raise UserError(f"its protocol is not {PROTOCOL_VERSION}")
    if system["little_endian"] is not True:
        raise UserError("it was written on a big-endian machine")


def _unpickle(stream: io.BytesIO) -> tuple[Any, dict[str, _Storage]]:
    start = stream.tell()
    # The C unpickler sizes its memo by the largest index, so one opcode can ask for gigabytes.
    for opcode, argument, _ in pickletools.genops(stream):
        if opcode.name in ("PUT", "BINPUT", "LONG_BINPUT") and argument > stream.tell():
            raise UserError("its pickle has an absurd memo index")
    stream.seek(start)
    unpickler = _Unpickler(stream)
    return unpickler.load(), unpickler.storages


def _read_storages(
    content: bytes, position: int, keys: Any, storages: dict[str, _Storage]
) -> dict[str, np.ndarray]:
    if type(keys) is not list or set(keys) != set(storages) or len(keys) != len(storages):
        raise UserError("its storage keys do not match its tensors")
    arrays = {}
    for key in keys:
        storage = storages[key]
        (length,) = struct.unpack_from("<q", content, position)
        if length != storage.length:
            raise UserError(f"storage {_shorten(key)} does not have the length it declares")
        # numpy refuses a count that reaches past the end of the file.
        arrays[key] = np.frombuffer(content, storage.dtype, length, position + 8)
        position += 8 + arrays[key].nbytes
    return arrays


def _check_tensors(state: Any, arrays: dict[str, np.ndarray], max_bytes: int) -> dict[str, _Tensor]:
    if not isinstance(state, dict):
        raise UserError("it does not hold a state dict")
    total = 0
    for name, tensor in state.items():
        if type(name) is not str or type(tensor) is not _Tensor:
            raise UserError(f"{_shorten(str(name))} is not a tensor; give a plain state dict")
        _check_numbers(name, tensor)
        storage = arrays[tensor.storage.key]
        _check_bounds(name, tensor, len(storage))
        total += math.prod(tensor.shape) * storage.itemsize
    if total > max_bytes:
        raise UserError("its tensors unfold to far more than the file holds")
    return state


def _check_numbers(name: str, tensor: _Tensor) -> None:
    shape, strides, offset = tensor.shape, tensor.strides, tensor.offset
    sound = (
        type(tensor.storage) is _Storage
        and type(shape) is tuple
        and type(strides) is tuple
        and len(shape) == len(strides) <= MAX_DIMENSIONS
        and all(_is_count(number) for number in (offset, *shape, *strides))
    )
    if not sound:
        raise UserError(f"tensor {_shorten(name)} has no sound shape, strides and offset")


def _check_bounds(name: str, tensor: _Tensor, length: int) -> None:
    shape, strides = tensor.shape, tensor.strides
    steps = sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
    end = tensor.offset + (steps + 1 if 0 not in shape else 0)
    if end > length:
        raise UserError(f"tensor {_shorten(name)} reaches outside its storage")


def _copy(tensor: _Tensor, storage: np.ndarray) -> np.ndarray:
    strides = [stride * storage.itemsize for stride in tensor.strides]
    view = np.lib.stride_tricks.as_strided(storage[tensor.offset :], tensor.shape, strides)
    return view.copy()


def _is_count(number: Any) -> bool:
    return type(number) is int and 0 <= number < 2**63


def _shorten(text: str) -> str:
    printable = "".join(letter if letter.isprintable() else "?" for letter in text[:80])
    return printable + "..." if len(text) > 80 else printable
