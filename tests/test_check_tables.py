"""Checking tables: columns and rows that would falsify the result of a training."""

import csv

import numpy as np
import pytest

import maquette

ROWS = 300


@pytest.fixture
def faulty(tmp_path):
    """Return a table with a fault in most columns; its target is a word or a number."""

    def write(target: str):
        rng = np.random.default_rng(0)
        rows = []
        for number in range(ROWS):
            label = int(rng.integers(0, 2))
            price = float(rng.normal(100, 20))
            rows.append(
                {
                    "row_id": number,
                    "age": int(rng.integers(18, 90)) if number else "young",
                    "town": str(rng.choice(["york", "bath", "ely"])),
                    "country": "uk",
                    "comment": "seen" if number % 9 == 0 else "",
                    "outcome_code": ("none", "paid")[label],
                    "price_with_tax": round(price * 1.2, 2),
                    "label": ("no", "yes")[label] if target == "word" else round(price, 2),
                }
            )
        rows[-1] = rows[0]
        with (tmp_path / "table.csv").open("w", newline="") as stream:
            writer = csv.DictWriter(stream, [*rows[0]])
            writer.writeheader()
            writer.writerows(rows)
        return tmp_path / "table.csv"

    return write


@pytest.mark.parametrize(
    ("target", "leak"), [("word", "outcome_code"), ("number", "price_with_tax")]
)
def test_ids_constants_leaks_and_missing_values_are_named(faulty, target, leak):
    report = maquette.check(faulty(target))
    found = {f.kind: {i.names[0]: i.detail for i in f.items} for f in report.findings}
    assert [*found["target_leak"]] == [leak]
    assert found["column_left_out"]["country"] == "it is always 'uk'"
    assert [*found["mostly_missing"]] == ["comment"]
    assert "'young'" in found["odd_values"]["age"]
    assert sum(report.counts.values()) == ROWS


def test_rows_that_are_learned_and_judged_are_named(faulty, tmp_path):
    table = faulty("word").read_text()
    for split in ("train", "test"):
        (tmp_path / f"{split}.csv").write_text(table)
    (tmp_path / "table.csv").unlink()
    found = {finding.kind: finding for finding in maquette.check(tmp_path).findings}
    assert found["rows_across_splits"].items


@pytest.mark.parametrize("source", ["wine", "breast_cancer", "diabetes"])
def test_good_tables_are_not_accused(source):
    report = maquette.check(source)
    assert (report.kind, report.of("error")) == ("table", [])
