"""Reading the rows of a table, whatever its format: the values, their types, and refusals."""

import datetime
import gzip
import json
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from maquette.errors import UserError
from maquette.text.tables import is_table, read_table, stem

NANOSECOND = 1_700_000_000_123_456_789


def write_parquet(path: Path, **columns) -> Path:
    parquet.write_table(pyarrow.table(columns), path)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        read_table(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("suffix", [".parquet", ".pq"])
@pytest.mark.parametrize("packed", [False, True])
def test_parquet_keeps_the_types_of_its_values(tmp_path, suffix, packed):
    path = write_parquet(
        tmp_path / f"rooms{suffix}",
        size=[3, None],
        price=[1.5, 2.5],
        name=["a", "b"],
        sold=[True, False],
        seen=pyarrow.array([0, NANOSECOND], pyarrow.timestamp("ns")),
    )
    if packed:
        path = path.rename(f"{path}.gz")
        path.write_bytes(gzip.compress(path.read_bytes()))
    table = read_table(path)
    assert table.columns == ["size", "price", "name", "sold", "seen"]
    seen = datetime.datetime(2023, 11, 14, 22, 13, 20, 123456)
    assert table.rows[1] == (
        2,
        {"size": None, "price": 2.5, "name": "b", "sold": False, "seen": seen},
    )
    assert is_table(path.name)
    assert stem(path.name) == "rooms"


def test_json_keeps_types_and_csv_gives_strings(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"n": 1, "s": "x", "b": true, "none": null}\n')
    (tmp_path / "a.csv").write_text("n,s\n1,x\n")
    assert read_table(tmp_path / "a.jsonl").rows == [
        (1, {"n": 1, "s": "x", "b": True, "none": None})
    ]
    assert read_table(tmp_path / "a.csv").rows == [(2, {"n": "1", "s": "x"})]


def test_an_array_of_json_objects_is_a_table(tmp_path):
    rows = [{"a": 1, "b": "x\ny"}, {"a": 2, "b": "z"}]
    (tmp_path / "a.json").write_text(json.dumps(rows, indent=2))
    assert [values for _, values in read_table(tmp_path / "a.json").rows] == rows


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"no table", "as a Parquet table"),
        (b"", "as a Parquet table"),
        (b"PAR1" + b"x" * 50 + b"PAR1", "as a Parquet table"),
        (b"\x1f\x8b\x08", "damaged gzip or Parquet file"),
    ],
)
def test_a_file_that_is_no_parquet_is_refused(tmp_path, content, told):
    (tmp_path / "a.parquet").write_bytes(content)
    message = refusal(tmp_path / "a.parquet")
    assert str(tmp_path / "a.parquet") in message
    assert told in message


def test_an_empty_or_a_missing_parquet_is_refused(tmp_path):
    assert refusal(write_parquet(tmp_path / "a.parquet", x=[])).endswith("has no rows")
    assert "No such file" in refusal(tmp_path / "b.parquet")


def written(path: Path, *lines: str) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def test_a_quote_that_is_not_closed_spoils_its_own_line_alone(tmp_path):
    lines = [f"{number},good" for number in range(50)]
    lines[10] = '"10,bad'
    table = read_table(written(tmp_path / "a.csv", "n,s", *lines))
    assert table.broken == ["12 (unexpected end of data)"]
    assert [line for line, _ in table.rows] == [n for n in range(2, 52) if n != 12]
    lines[30] = '"30,bad'
    table = read_table(written(tmp_path / "a.csv", "n,s", *lines))
    assert [note.partition(" ")[0] for note in table.broken] == ["12", "32"]
    assert len(table.rows) == 48


def test_lines_within_quotes_are_one_row_that_begins_on_the_first(tmp_path):
    lines = ['"one\ntwo",a', '"three\n\nfour",b', "five,c"]
    table = read_table(written(tmp_path / "a.csv", "text,label", *lines))
    assert [line for line, _ in table.rows] == [2, 4, 7]
    assert table.rows[1][1]["text"] == "three\n\nfour"


def test_delimiters_within_quotes_do_not_count(tmp_path):
    table = read_table(written(tmp_path / "a.csv", '"name, first";age', "Ann;3"))
    assert table.rows == [(2, {"name, first": "Ann", "age": "3"})]


def test_blank_lines_are_passed_over_wherever_they_are(tmp_path):
    table = read_table(written(tmp_path / "a.csv", "   ", "a,b", "1,2", "  ", "", "3,4", " "))
    assert [values for _, values in table.rows] == [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]
    assert table.broken == []


def test_half_a_surrogate_pair_is_replaced_and_a_whole_one_kept(tmp_path):
    line = '{"a": "\\ud83d\\ude00", "b": "x\\ud800", "\\udfff": 1}'
    ((_, values),) = read_table(written(tmp_path / "a.jsonl", line)).rows
    assert values == {"a": "\N{GRINNING FACE}", "b": "x?", "?": 1}


def test_dates_that_python_cannot_hold_are_refused(tmp_path):
    far = pyarrow.array([0, 9 * 10**18], pyarrow.timestamp("us"))
    assert "date value out of range" in refusal(write_parquet(tmp_path / "a.parquet", seen=far))
