"""Rows of tables are divided so that each split has some, and the model learns from train alone."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.errors import UserError
from maquette.tabular.bins import bins_of
from maquette.tabular.dividing import from_rows, require_trainable


def divided(rows: list[dict], given: list[str] | None = None, choices: tuple[str, ...] = ()):
    """Return the data of rows; the target is `y`."""
    names = [f"row {number}" for number in range(len(rows))]
    return from_rows("mine", rows, "y", names, given, choices)


def rows_of(targets, first: float = 0) -> list[dict]:
    return [{"y": target, "x": first + 1.5 * number} for number, target in enumerate(targets)]


def test_a_class_that_train_has_once_does_not_keep_validation_from_being_held_out():
    rows = rows_of(["a", "b"] * 20 + ["c"]) + rows_of(["a", "b", "c"] * 10, 1000)
    data = divided(rows, ["train"] * 41 + ["test"] * 30)
    assert {name: len(split) for name, split in data.splits.items()} == {
        "train": 35,
        "validation": 6,
        "test": 30,
    }


@pytest.mark.parametrize(("count", "fewest"), [(0, 2), (1, 2)])
def test_a_train_split_of_which_nothing_can_be_held_out_is_refused(count, fewest):
    rows = rows_of(["a", None][:count] + [None] * 3) + rows_of(["a", "b"] * 20, 1000)
    given = ["train"] * (count + 3) + ["test"] * 40
    with pytest.raises(UserError, match=f"train of mine has too few .* {count}.* takes {fewest}"):
        divided(rows, given)


def test_a_split_is_never_empty_however_often_rows_repeat():
    for seed in range(40):
        random = np.random.default_rng(seed)
        count = int(random.integers(10, 30))
        values = random.integers(0, 0.6 * count, count)
        rows = [{"y": "ab"[n % 2], "x": value + 0.5} for n, value in enumerate(values)]
        assert all(map(len, divided(rows).splits.values())), seed


def test_a_number_is_scaled_by_the_rows_of_train_alone():
    near, far = rows_of(np.arange(40) * 1.5), rows_of(1e6 + np.arange(40) * 1.5, 1000)
    target = divided([*near, *far], ["train"] * 20 + ["validation"] * 20 + ["test"] * 40).target
    assert target.mean == pytest.approx(np.mean(np.arange(20) * 1.5))
    assert target.spread == pytest.approx(np.std(np.arange(20) * 1.5))


def test_a_column_without_values_in_train_is_left_out_and_told():
    rows = rows_of(["a", "b"] * 40)
    for number, row in enumerate(rows):
        row["colour"] = ["red", "blue", "green"][number % 3] if number >= 40 else None
    data = divided(rows, ["train"] * 40 + ["test"] * 40)
    assert [column.name for column in data.columns] == ["x"]
    assert "column 'colour' is left out: train has no values of it" in data.notes


def test_values_beyond_the_largest_float_do_no_harm():
    rows = rows_of(["a", "b"] * 40)
    for number in range(0, 80, 2):
        rows[number]["x"] = 1e300 * (-1) ** (number // 2)
    data = divided(rows)
    assert data.findings["x"].kind == "number"
    assert np.isfinite(bins_of(data.training_codes[:, 0], are_dates=False)[1]).all()


def test_a_target_beyond_the_largest_float_is_refused():
    rows = rows_of(np.arange(40) * 1.5)
    rows[3]["y"] = 1e300
    with pytest.raises(
        UserError, match="'y' of row 3 in mine is 1e\\+300, beyond what a model can"
    ):
        divided(rows)


def test_rows_that_are_all_alike_are_opened_and_cannot_be_trained_on():
    data = divided([{"y": "a", "x": 1.5, "colour": "red"}])
    assert [len(split) for split in data.splits.values()] == [1]
    with pytest.raises(UserError, match=r"mine has no column to predict from \(x: it is always"):
        require_trainable(data)


def test_a_kind_for_a_column_of_a_table_that_has_only_its_target_is_refused():
    with pytest.raises(UserError, match="--columns x=number: no column 'x'"):
        divided([{"y": "ab"[number % 2]} for number in range(20)], choices=("x=number",))


def test_accents_written_apart_make_no_class_of_their_own():
    rows = rows_of(["caf\u00e9", "cafe\u0301", "bar"] * 20)
    assert divided(rows).classes == ("bar", "caf\u00e9")
