"""States of an unfinished training: whole, checked, and never fewer than before."""

import errno
import json

import numpy as np
import pytest

from maquette.files import TEMPORARY
from maquette.states import NotPlainError, StateFolder, decoded, encoded

STATE = {
    "epoch": 3,
    "best": (0.5, [np.arange(6, dtype=np.float32).reshape(2, 3), np.array(7), np.float32(0.1)]),
    "callbacks": [{"told": {"loss"}, "wait": None, "rate": float("inf"), 5: True, "name": "a"}],
    "empty": np.zeros((0, 2), np.int64),
}


@pytest.fixture
def states(tmp_path):
    return StateFolder(tmp_path / "state")


def same(first, second):
    """Whether two nests are equal, arrays to the bit and in type."""
    a, b = [], []
    nests = json.dumps(encoded(first, a)), json.dumps(encoded(second, b))
    arrays = all(
        x.dtype == y.dtype and x.tobytes() == y.tobytes() for x, y in zip(a, b, strict=True)
    )
    return nests[0] == nests[1] and arrays


def test_a_state_comes_back_as_it_was(states):
    states.save(STATE)
    assert same(states.newest(), STATE)


def test_the_newest_counts_and_one_more_is_kept(states):
    for epoch in range(5):
        states.save({"epoch": epoch})
    assert states.newest() == {"epoch": 4}
    assert len(list(states.path.iterdir())) == 2


def test_a_damaged_state_is_told_and_the_one_before_it_counts(states, capsys):
    states.save({"epoch": 1})
    states.save({"epoch": 2})
    newest = max(states.path.iterdir())
    newest.write_bytes(newest.read_bytes()[:-30])
    assert states.newest() == {"epoch": 1}
    assert f"{newest} is damaged" in capsys.readouterr().err
    states.save({"epoch": 3})
    assert states.newest() == {"epoch": 3}


def test_any_flipped_byte_is_noticed_or_harmless(states):
    states.save(STATE)
    (path,) = states.path.iterdir()
    whole = path.read_bytes()
    random = np.random.default_rng(0)
    noticed = 0
    for place in random.choice(len(whole), 150, replace=False):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(random.integers(8))
        path.write_bytes(damaged)
        state = states.newest()
        noticed += state is None
        assert state is None or same(state, STATE)
    assert noticed > 50


def test_without_a_whole_state_there_is_none(states):
    assert states.newest() is None
    assert not states
    states.save({"epoch": 1})
    (path,) = states.path.iterdir()
    path.write_bytes(b"no archive")
    assert states.newest() is None
    assert not states


def test_a_full_disk_costs_the_newest_state_alone(states, monkeypatch):
    states.save({"epoch": 1})

    def full(*args, **arrays):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="No space left"):
        states.save({"epoch": 2})
    assert states.newest() == {"epoch": 1}
    assert len(list(states.path.iterdir())) == 1


def test_what_a_killed_saving_left_is_cleared_away(states):
    states.save({"epoch": 1})
    (states.path / f"{TEMPORARY}abc.npz").write_bytes(b"half a state")
    assert states.newest() == {"epoch": 1}
    assert len(list(states.path.iterdir())) == 1


@pytest.mark.parametrize("value", [print, np.array([print], dtype=object), {"model": object()}])
def test_only_plain_values_and_arrays_are_states(value):
    with pytest.raises(NotPlainError, match="plain values and arrays"):
        encoded(value, [])


def test_nothing_in_a_file_is_unpickled(states):
    states.path.mkdir()
    pickled = np.array([{"a": 1}], dtype=object)
    structure = np.frombuffer(json.dumps({"array": 0}).encode(), np.uint8)
    np.savez(states.path / "state-00000001.npz", **{"structure": structure, "0": pickled})
    assert states.newest() is None


def test_kinds_of_collections_are_kept_apart():
    for value in ([1, (2, {3})], {"a": (), "b": [], "c": set()}, {(1, 2): {"x": None}}):
        assert decoded(json.loads(json.dumps(encoded(value, []))), []) == value
