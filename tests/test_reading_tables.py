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
