"""Checking tables: columns and rows that would falsify the result of a training."""

import csv

import numpy as np
import pytest

import maquette


@pytest.fixture
def faulty(tmp_path):
    """A table with a planted fault in most columns."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 80)
    rows = [
        {
            "row_id": index,
            "age": int(rng.integers(18, 90)),
            "town": str(rng.choice(["york", "bath", "ely"])),
            "country": "uk",
            "notes": "seen" if index % 9 == 0 else "",
            "outcome_code": ("none", "paid")[label],
            "label": ("no", "yes")[label],
        }
        for index, label in enumerate(labels)
    ]
    with (tmp_path / "table.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, [*rows[0]])
        writer.writeheader()
        writer.writerows(rows)
    return tmp_path / "table.csv"


def test_ids_constants_leaks_and_missing_values_are_named(faulty):
    found = {f.kind: [*f.items[0].names] for f in maquette.check(faulty).findings if f.items}
    assert found["target_leak"] == ["outcome_code"]
    assert found["id_column"] == ["row_id"]
    assert found["constant_column"] == ["country"]
    assert found["mostly_missing"] == ["notes"]


@pytest.mark.parametrize("source", ["wine", "breast_cancer", "diabetes"])
def test_good_tables_are_not_accused(source):
    report = maquette.check(source)
    assert (report.kind, report.of("error")) == ("table", [])
