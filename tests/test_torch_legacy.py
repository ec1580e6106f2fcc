"""A torch checkpoint is read exactly, and nothing in a hostile one gets to run or to grow."""

import builtins
import os
import struct
from collections import OrderedDict

import numpy as np
import pytest
from torch_checkpoints import Call, Name, Storage, Tensor, checkpoint, pickled

from maquette.backbones.torch_legacy import read_state_dict
from maquette.errors import UserError

VALUES = np.arange(12, dtype="float32")


@pytest.fixture
def read(tmp_path):
    def read_bytes(content):
        path = tmp_path / "checkpoint.pth"
        path.write_bytes(content)
        return read_state_dict(path)

    return read_bytes


@pytest.fixture
def refusal(read):
    """Reads a checkpoint that must be refused, and returns the one line that says why."""

    def refuse(content):
        with pytest.raises(UserError) as caught:
            read(content)
        assert "\n" not in str(caught.value)
        assert "checkpoint.pth" in str(caught.value)
        return str(caught.value)

    return refuse


def test_strided_views_of_one_storage_are_read_and_copied(read):
    storage = Storage("7", VALUES)
    state = OrderedDict(
        whole=Tensor(storage, (3, 4), (4, 1)),
        transposed=Tensor(storage, (4, 3), (1, 4)),
        column=Tensor(storage, (3,), (4,), offset=2),
        scalar=Tensor(storage, (), (), offset=11),
        empty=Tensor(storage, (0, 4), (4, 1), offset=12),
    )
    arrays = read(checkpoint(state, storage))
    assert list(arrays) == list(state)
    matrix = VALUES.reshape(3, 4)
    np.testing.assert_array_equal(arrays["whole"], matrix)
    np.testing.assert_array_equal(arrays["transposed"], matrix.T)
    np.testing.assert_array_equal(arrays["column"], matrix[:, 2])
    assert arrays["scalar"].shape == ()
    assert arrays["scalar"] == 11
    assert arrays["empty"].shape == (0, 4)
    arrays["whole"][:] = 0
    np.testing.assert_array_equal(arrays["column"], matrix[:, 2])


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [
        ("FloatStorage", "float32"),
        ("DoubleStorage", "float64"),
        ("HalfStorage", "float16"),
        ("LongStorage", "int64"),
        ("IntStorage", "int32"),
        ("ShortStorage", "int16"),
        ("CharStorage", "int8"),
        ("ByteStorage", "uint8"),
        ("BoolStorage", "bool"),
    ],
)
def test_every_storage_type_keeps_its_numbers(read, kind, dtype):
    values = np.array([1, 0, 1], dtype)
    storage = Storage("0", values, kind)
    array = read(checkpoint(OrderedDict(x=Tensor(storage, (3,), (1,))), storage))["x"]
    assert array.dtype == dtype
    np.testing.assert_array_equal(array, values)


def test_several_storages_follow_in_the_order_of_their_keys(read):
    first, second = Storage("1", VALUES), Storage("0", np.array([5, 6]), "LongStorage")
    state = OrderedDict(a=Tensor(first, (12,), (1,)), b=Tensor(second, (2,), (1,)))
    np.testing.assert_array_equal(read(checkpoint(state, second, first))["b"], [5, 6])
    np.testing.assert_array_equal(read(checkpoint(state, second, first))["a"], VALUES)


def test_attributes_of_the_state_dict_are_dropped(read):
    storage = Storage("0", VALUES)
    state = OrderedDict(x=Tensor(storage, (12,), (1,)))
    state._metadata = OrderedDict(version=1)
    assert list(read(checkpoint(state, storage))) == ["x"]


@pytest.mark.parametrize(
    "function",
    [
        Name(os.system.__module__, "system"),
        Name("os", "system"),
        Name("builtins", "eval"),
        Name("__builtin__", "eval"),
        Name("builtins", "getattr"),
        Name("numpy", "load"),
        Name("torch", "load"),
        Name("torch._utils", "_rebuild_parameter"),
        Name("collections", "OrderedDict.__init__"),
        Name("maquette.backbones.torch_legacy", "read_state_dict"),
    ],
    ids=lambda name: f"{name.module}.{name.name}",
)
def test_every_other_name_is_refused_by_name(refusal, function):
    message = refusal(checkpoint(Call(function, "print('run')")))
    assert f"it names {function.module}.{function.name}" in message


def test_refused_name_is_never_called(refusal, monkeypatch):
    monkeypatch.setattr(builtins, "eval", lambda _: pytest.fail("eval was called"))
    for part in ("magic", "version", "little"):
        refusal(checkpoint(OrderedDict(), **{part: Call(Name("builtins", "eval"), "1")}))


def test_checkpoint_cut_short_anywhere_is_refused(refusal):
    storage = Storage("0", VALUES)
    content = checkpoint(OrderedDict(x=Tensor(storage, (12,), (1,))), storage)
    for length in range(len(content)):
        refusal(content[:length])


@pytest.mark.parametrize(
    ("shape", "strides", "offset"),
    [
        ((13,), (1,), 0),
        ((12,), (1,), 1),
        ((3, 4), (5, 1), 0),
        ((0,), (1,), 13),
        ((2**62,), (1,), 0),
        ((2**62, 2**62), (2**62, 1), 0),
        ((2,), (2**70,), 0),
        ((1,), (1,), 2**70),
    ],
)
def test_tensor_that_reaches_outside_its_storage_is_refused(refusal, shape, strides, offset):
    storage = Storage("0", VALUES)
    state = OrderedDict(x=Tensor(storage, shape, strides, offset))
    assert "tensor x" in refusal(checkpoint(state, storage))


@pytest.mark.parametrize(
    ("shape", "strides", "offset"),
    [
        ((-1,), (1,), 0),
        ((2,), (-1,), 5),
        ((2,), (1,), -1),
        ((2,), (1, 1), 0),
        ((2.0,), (1,), 0),
        ((True,), (1,), 0),
        ([2], [1], 0),
        ("ab", "cd", 0),
        ((1,) * 40, (1,) * 40, 0),
    ],
)
def test_tensor_with_unsound_numbers_is_refused(refusal, shape, strides, offset):
    storage = Storage("0", VALUES)
    state = OrderedDict(x=Tensor(storage, shape, strides, offset))
    assert "no sound shape" in refusal(checkpoint(state, storage))


def test_tensors_that_unfold_without_end_are_refused(refusal):
    storage = Storage("0", VALUES)
    state = OrderedDict(x=Tensor(storage, (2**40,), (0,)))
    assert "far more than the file holds" in refusal(checkpoint(state, storage))
    wide = Storage("0", np.zeros(100_000, "float32"))
    state = OrderedDict((str(n), Tensor(wide, (100_000,), (1,))) for n in range(9))
    assert "far more than the file holds" in refusal(checkpoint(state, wide))


@pytest.mark.parametrize("length", [-1, 0, 11, 13, 2**40, 2**70])
def test_storage_of_another_length_than_declared_is_refused(refusal, length):
    storage = Storage("0", VALUES, length=length)
    refusal(checkpoint(OrderedDict(x=Tensor(storage, (1,), (1,))), storage))


def test_absurd_memo_index_is_refused(refusal):
    greedy = b"\x80\x02}r" + struct.pack("<I", 2**32 - 1) + b"."
    assert "absurd memo index" in refusal(checkpoint(greedy))


def test_absurd_string_length_is_refused(refusal):
    refusal(checkpoint(b"\x80\x04\x8d" + struct.pack("<Q", 2**50) + b"."))


@pytest.mark.parametrize("target", ["collections OrderedDict", "torch._utils _rebuild_tensor_v2"])
def test_stand_ins_cannot_be_altered(refusal, read, target):
    name = pickled(Name(*target.split()))[2:-1]
    refusal(checkpoint(b"\x80\x02" + name + pickled((None, {"altered": 1}))[2:-1] + b"b."))
    storage = Storage("0", VALUES)
    assert "x" in read(checkpoint(OrderedDict(x=Tensor(storage, (12,), (1,))), storage))


def test_storage_cannot_be_altered_once_checked(refusal):
    small, wide = Storage("0", VALUES), Storage("1", np.zeros(100, "float32"))
    alter = pickled(wide)[:-1] + pickled({"key": "0"})[2:-1] + b"b."
    assert "alters what it has built" in refusal(checkpoint(alter, small, wide))


@pytest.mark.parametrize(
    "state",
    [
        [1, 2],
        OrderedDict(x=1),
        OrderedDict(x=OrderedDict()),
        OrderedDict({1: 2}),
        OrderedDict(x=Tensor(3, (1,), (1,))),
        OrderedDict(x=Storage("0", VALUES, view=("1", 0, 1))),
        OrderedDict(x=Storage("0", VALUES, kind="BFloat16Storage")),
    ],
    ids=repr,
)
def test_what_is_not_a_flat_state_dict_is_refused(refusal, state):
    refusal(checkpoint(state, Storage("0", VALUES)))
    refusal(checkpoint(state))


def test_storage_described_in_two_ways_is_refused(refusal):
    one, other = Storage("0", VALUES), Storage("0", VALUES, kind="IntStorage")
    state = OrderedDict(a=Tensor(one, (1,), (1,)), b=Tensor(other, (1,), (1,)))
    assert "two ways" in refusal(checkpoint(state, one))


def test_storage_keys_must_match_the_tensors(refusal):
    one, stray = Storage("0", VALUES), Storage("1", VALUES)
    state = OrderedDict(a=Tensor(one, (1,), (1,)))
    for storages in [(), (stray,), (one, stray), (one, one)]:
        refusal(checkpoint(state, *storages))


@pytest.mark.parametrize("header", [{"magic": 1}, {"version": 2}, {"little": False}])
def test_other_headers_are_refused(refusal, header):
    refusal(checkpoint(OrderedDict(), **header))


def test_other_formats_are_refused(refusal):
    refusal(b"")
    refusal(b"\x89HDF\r\n\x1a\n" + bytes(100))
    assert "zip checkpoint" in refusal(b"PK\x03\x04" + bytes(100))


def test_missing_file_is_refused(tmp_path):
    with pytest.raises(UserError, match="cannot read"):
        read_state_dict(tmp_path / "absent.pth")
    with pytest.raises(UserError, match="cannot read"):
        read_state_dict(tmp_path)
