"""What the columns of a table are, and what is predicted, as the values tell or the user says."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from maquette.errors import UserError
from maquette.tabular.bins import BINS, bins_of
from maquette.tabular.columns import MISSING, NOTHING, OTHER, Column, ordered
from maquette.tabular.dividing import from_columns, from_rows, require_trainable
from maquette.tabular.kinds import find_kind
from maquette.tabular.names import identifiers
from maquette.tabular.values import as_minutes, as_number, is_missing

ROWS = 60
NUMBERS = [float(number % 17) + 0.5 for number in range(ROWS)]


def table(**columns: list) -> dict[str, list]:
    """Return columns with a target of two classes."""
    return {"y": ["yes", "no"] * (ROWS // 2), "x": NUMBERS, **columns}


def data(choices: tuple[str, ...] = (), task: str | None = None, **columns: list):
    """Return the data of columns; the target is `y`."""
    return from_columns("mine", table(**columns), "y", choices, task)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1.5", "2", "-3e4"] * 20, "number"),
        (["3,5", "4,25", "1"] * 20, "number"),
        (["yes", "No", ""] * 20, "boolean"),
        ([True, False, None] * 20, "boolean"),
        (["red", "green", "blue"] * 20, "category"),
        (["2026-03-01", "2025-12-24 18:30", "1.2.2024"] * 20, "date"),
        ([date(2026, 3, 1), date(2024, 1, 2)] * 30, "date"),
        ([f"a quiet home of {number} people" for number in range(ROWS)], "text"),
        ([f"{number:x}-{number * 7919:x}" for number in range(1000, 1000 + ROWS)], "ignore"),
        (list(range(1, ROWS + 1)), "ignore"),
        (["same"] * ROWS, "ignore"),
        (["", "NA", None] * 20, "ignore"),
    ],
)
def test_values_tell_the_kind_of_a_column(values, kind):
    assert find_kind("column", values).kind == kind


def test_a_few_values_of_another_kind_are_taken_as_missing_and_named():
    found = find_kind("age", [*map(str, range(0, 120, 2)), "unknown age"])
    assert found.kind == "number"
    assert found.reason == "1 is no number and taken as missing: 'unknown age'"


@pytest.mark.parametrize("value", ["", " ", "NA", "n/a", "NaN", "null", "?", None, float("nan")])
def test_what_stands_for_nothing_is_missing(value):
    assert is_missing(value)


def test_zero_and_no_are_not_missing():
    assert not any(is_missing(value) for value in (0, 0.0, False, "no", "0"))


def test_numbers_that_may_mean_either_are_no_numbers():
    assert as_number("1,234") is None
    assert as_number("1_000") is None
    assert as_number("1234,5") == 1234.5


def test_dates_are_minutes_whatever_their_time_zone():
    assert as_minutes("1970-01-02") == 1440
    assert as_minutes("1970-01-01T02:00+01:00") == 60
    assert as_minutes("31.12.1969 23:59") == -1
    assert as_minutes("2026-13-01") is None


def test_the_user_has_the_last_word_on_kinds():
    zips = ["10115", "20095", "80331"] * 20
    assert data(zip=zips).findings["zip"].kind == "number"
    found = data(("zip=category", "x=ignore"), zip=zips)
    assert {name: finding.kind for name, finding in found.findings.items()} == {
        "x": "ignore",
        "zip": "category",
    }
    assert [column.name for column in found.columns] == ["zip"]


@pytest.mark.parametrize(
    ("choices", "told"),
    [
        (("zipp=category",), "no column 'zipp'; perhaps you meant 'zip'"),
        (("zip=categories",), "no kind 'categories'; perhaps you meant 'category'"),
        (("zip=category", "zip=text"), "--columns has 'zip' twice"),
        (("zip",), "takes COLUMN=KIND, as in .*; received 'zip'; kinds are number, "),
    ],
)
def test_choices_that_cannot_be_met_are_refused(choices, told):
    with pytest.raises(UserError, match=told):
        data(choices, zip=["10115", "20095"] * 30)


@pytest.mark.parametrize(
    ("target", "told", "classes"),
    [
        (["a", "b"] * 30, "2 different values, so classification", ("a", "b")),
        ([True, False] * 30, "2 different values, so classification", ("false", "true")),
        (["2", "10", "1"] * 20, "3 different whole numbers, so classification", ("1", "2", "10")),
        ([number / 7 for number in range(ROWS)], "60 different numbers, so regression", ()),
        (list(range(ROWS)), "60 different numbers, so regression", ()),
    ],
)
def test_classes_and_numbers_are_told_apart_and_said_aloud(target, told, classes):
    found = from_columns("mine", {"y": target, "x": NUMBERS}, "y")
    assert told in found.notes[0]
    assert found.classes == classes


def test_the_user_decides_between_classes_and_a_number():
    target = [1, 2, 3] * 20
    assert from_columns("mine", {"y": target, "x": NUMBERS}, "y", task="regression").classes == ()
    many = [number // 3 for number in range(ROWS)]
    asked = from_columns("mine", {"y": many, "x": NUMBERS}, "y", task="classification")
    assert len(asked.classes) == 20


def test_ids_constants_and_empty_columns_are_left_out_and_said_aloud():
    found = data(id=list(range(ROWS)), country=["DE"] * ROWS, empty=[None] * ROWS)
    assert [column.name for column in found.columns] == ["x"]
    told = "\n".join(found.notes)
    assert "column 'id' is left out: it numbers the rows" in told
    assert "column 'country' is left out: it is always 'DE'" in told
    assert "column 'empty' is left out: it has no values" in told


def test_rows_without_a_target_are_left_out_and_named():
    rows = [{"x": x, "y": "ab"[place % 2]} for place, x in enumerate(NUMBERS)]
    rows.append({"x": 1, "y": " "})
    found = from_rows("mine", rows, "y", [f"line {number}" for number in range(ROWS + 1)])
    assert sum(map(len, found.splits.values())) == ROWS
    assert f"left out rows without a y (1): line {ROWS}" in found.notes


def test_equal_rows_stay_in_one_split_and_more_rows_move_few():
    columns = {"x": NUMBERS + NUMBERS[:8], "z": list(range(ROWS)) + list(range(8))}
    columns["y"] = (["a", "b"] * ROWS)[: ROWS + 8]
    found = from_columns("mine", columns, "y", ("z=number",))
    places = {}
    for name, split in found.splits.items():
        for row in split.rows:
            places.setdefault((row["x"], row["z"]), set()).add(name)
    assert {len(splits) for splits in places.values()} == {1}


@pytest.mark.parametrize(
    ("target", "told"),
    [
        (["a"] * ROWS, "target 'y' of mine is always 'a'"),
        ([4.5] * ROWS, "target 'y' of mine is always '4.5'"),
        (["a", "b"] * 29 + ["a", "c"], "class 'c' of 'y' has 1 rows in mine"),
        ([f"name {number}" for number in range(ROWS)], "60 different values in 60 rows"),
    ],
)
def test_targets_that_cannot_be_learned_are_refused(target, told):
    with pytest.raises(UserError, match=told):
        require_trainable(from_columns("mine", {"y": target, "x": NUMBERS}, "y"))


def test_no_row_with_a_target_is_refused():
    with pytest.raises(UserError, match="no row of mine has a value in 'y'"):
        from_columns("mine", {"y": [None] * ROWS, "x": NUMBERS}, "y")


def test_codes_of_numbers_keep_their_order():
    numbers = np.array([-np.inf, -3e38, -2.5, -0.0, 0.0, 1e-40, 1, 1.5, 3e38], np.float32)
    assert (np.diff(ordered(numbers)) >= 0).all()
    assert ordered(np.array([-0.0], np.float32)) == ordered(np.array([0.0], np.float32))
    assert ordered(np.array([np.nan], np.float32)) == MISSING


def test_unknown_and_missing_categories_have_codes_of_their_own():
    column = Column("colour", "colour", "category", ("red", "blue"))
    codes = column.codes(["blue", "green", None, "red"], None)[:, 0]
    assert codes.tolist() == [3, OTHER, NOTHING, 2]


def test_a_category_seen_once_stands_for_all_unknown_ones():
    colours = ["red", "blue"] * 29 + ["red", "mauve"]
    found = from_rows(
        "mine",
        [{"y": "ab"[n % 2], "colour": colour} for n, colour in enumerate(colours)],
        "y",
        [""] * ROWS,
        ["train"] * 40 + ["validation"] * 20,
    )
    assert set(found.columns[0].words) == {"red", "blue"}


def test_bins_hold_about_as_many_values_each_and_outliers_do_no_harm():
    values = np.random.default_rng(0).lognormal(0, 3, 5000).astype(np.float32)
    edges, features = bins_of(ordered(values), are_dates=False)
    counts = np.bincount(np.searchsorted(edges, ordered(values), "right"), minlength=BINS)
    assert counts.max() <= 2 * len(values) / BINS
    assert np.abs(features).max() <= 4
    assert (np.diff(features[1:, 1]) > 0).all()


def test_names_of_inputs_are_identifiers_and_no_words_of_a_language():
    names = ["Ticket Price (€)", "class", "2nd", "ticket-price", "ß"]
    found = identifiers(names)
    assert found == ["ticket_price", "class_value", "column_2nd", "ticket_price_2", "column"]
