"""A user's own tables of texts: columns, labels, damaged lines, and how they are divided."""

import csv
import gzip
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from text_files import add_texts, open_text, refusal, sentence, sizes

from maquette.datasets import text_folder, text_table

LABELS = ("bad", "good")


def examples(count: int = 20, labels: Sequence = LABELS, start: int = 0) -> list[tuple]:
    return [(sentence(label, i), label) for label in labels for i in range(start, start + count)]


def write_csv(path: Path, rows, columns=("text", "label"), **options) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, **options).writerows([columns, *rows])
    return path


def write_json(path: Path, rows, columns=("text", "label")) -> Path:
    lines = [json.dumps(dict(zip(columns, row, strict=True))) for row in rows]
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return path


def contents(data) -> set[tuple[str, str]]:
    return {
        (text, data.classes[label])
        for split in data.splits.values()
        for text, label in zip(split.texts, split.labels, strict=True)
    }


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".ndjson", ".json"])
@pytest.mark.parametrize("packed", [False, True])
def test_one_file_is_divided_70_15_15(tmp_path, suffix, packed):
    path = tmp_path / f"reviews{suffix}"
    if suffix in (".csv", ".tsv"):
        write_csv(path, examples(), delimiter="," if suffix == ".csv" else "\t")
    else:
        write_json(path, examples())
    if packed:
        path = path.rename(f"{path}.gz")
        path.write_bytes(gzip.compress(path.read_bytes()))
    data = open_text(path)
    assert contents(data) == set(examples())
    assert sizes(data) == {"train": 28, "validation": 6, "test": 6}
    assert (data.source, data.classes, data.divided_by_us) == (str(path), LABELS, True)
    assert data.notes == ("split by us: 28 train, 6 validation, 6 test",)


def test_the_division_follows_the_contents_not_the_format_or_the_order(tmp_path):
    first = open_text(write_csv(tmp_path / "a.csv", examples()))
    second = open_text(write_json(tmp_path / "b.jsonl", examples()[::-1]))
    for name, split in first.splits.items():
        assert set(split.texts) == set(second.splits[name].texts)


def test_files_named_after_splits_are_kept_apart(tmp_path):
    for name, start in (("train", 0), ("validation", 20), ("test", 30)):
        write_json(tmp_path / f"my_{name}.jsonl", examples(10, start=start))
    data = open_text(tmp_path)
    assert sizes(data) == {"train": 20, "validation": 20, "test": 20}
    assert list(data.splits["test"].texts) == [text for text, _ in examples(10, start=30)]
    assert (data.notes, data.divided_by_us) == ((), False)


def test_without_validation_it_is_held_out_from_train(tmp_path):
    write_csv(tmp_path / "data.train.csv", examples(20))
    write_csv(tmp_path / "TEST.csv", examples(5, start=20))
    (tmp_path / "readme.md").write_text("x")
    write_csv(tmp_path / "extra.csv", examples(5))
    data = open_text(tmp_path)
    assert sizes(data) == {"train": 34, "validation": 6, "test": 10}
    assert data.notes == (
        "left out files of no split (1): extra.csv",
        "no validation split: 6 texts of train held out for validation",
    )


def test_a_folder_with_one_table_is_that_table(tmp_path):
    write_csv(tmp_path / "reviews.csv", examples())
    assert sizes(open_text(tmp_path)) == {"train": 28, "validation": 6, "test": 6}


def test_names_tell_file_and_line(tmp_path):
    rows = [("two\nlines", "good"), *examples()]
    data = open_text(write_csv(tmp_path / "a.csv", rows))
    names = {t: n for s in data.splits.values() for t, n in zip(s.texts, s.names, strict=True)}
    assert names["two\nlines"] == "a.csv:2"
    assert names[examples()[0][0]] == "a.csv:4"


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        ((10, 9, -1), ("-1", "9", "10")),
        ((True, False), ("false", "true")),
        ((1.0, 2.0), ("1", "2")),
        (("b", "10", "9"), ("9", "10", "b")),
        ((" two \n lines", "one"), ("one", "two lines")),
    ],
)
def test_labels_become_names_of_classes_in_order(tmp_path, labels, classes):
    assert open_text(write_json(tmp_path / "a.jsonl", examples(10, labels))).classes == classes


def test_columns_have_the_names_that_were_given(tmp_path):
    path = write_csv(tmp_path / "a.csv", examples(), ("review", " stars "))
    data = open_text(path, text_column="review", target="stars")
    assert contents(data) == set(examples())


def test_a_wrong_column_is_refused_with_those_there_are(tmp_path):
    path = write_csv(tmp_path / "a.csv", examples(), ("review", "labels"))
    assert refusal(path) == (
        f"{path} has no column 'text' but 'review', 'labels'; name it with --text-column"
    )
    assert refusal(path, text_column="review") == (
        f"{path} has no column 'label' but 'review', 'labels'; perhaps you meant 'labels'; "
        "name it with --target"
    )
    path = write_json(tmp_path / "b.jsonl", examples(), ("text", "x" * 99))
    assert "'text', 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…'" in refusal(path)


def test_swapped_columns_are_noticed(tmp_path):
    path = write_csv(tmp_path / "a.csv", examples(), ("label", "text"))
    assert "column 'label' of" in refusal(path)
    assert "has 40 different labels in 40 lines" in refusal(path)


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_the_delimiter_is_told_from_the_names(tmp_path, delimiter):
    path = write_csv(tmp_path / "a.csv", examples(), delimiter=delimiter)
    assert contents(open_text(path)) == set(examples())


def test_quotes_of_a_tab_separated_file_may_be_just_quotes(tmp_path):
    rows = [('"Open quote', "good"), ('"so" it goes', "bad"), *examples()]
    path = tmp_path / "a.tsv"
    path.write_text("".join(f"{a}\t{b}\n" for a, b in [("text", "label"), *rows]))
    assert contents(open_text(path)) == set(rows)


def test_long_fields_and_lines_in_quotes_are_read(tmp_path):
    rows = [("long " * 100_000 + "end", "good"), ('said "yes", then\n\nleft', "bad"), *examples()]
    assert contents(open_text(write_csv(tmp_path / "a.csv", rows))) == set(rows)
    assert csv.field_size_limit() == 131_072


def test_windows_files_are_read(tmp_path):
    text = "text;label\r\n" + "".join(f"{t} café;{c}\r\n" for t, c in examples())
    (tmp_path / "a.csv").write_bytes(text.encode("cp1252"))
    data = open_text(tmp_path / "a.csv")
    assert contents(data) == {(f"{text} café", label) for text, label in examples()}
    assert data.notes[0] == "not UTF-8, so read as Windows-1252 (1): a.csv"
    (tmp_path / "a.csv").write_bytes(text.encode("utf-8-sig"))
    assert open_text(tmp_path / "a.csv").notes[0].startswith("split by us")


def test_broken_lines_are_counted_and_left_out(tmp_path):
    path = write_csv(tmp_path / "a.csv", examples())
    with path.open("a") as file:
        file.write('one field\na,b,c\n"x"y,good\n\n')
    data = open_text(path)
    assert contents(data) == set(examples())
    assert data.notes[0] == (
        "left out broken lines (3): a.csv:42 (1 fields in place of 2), "
        "a.csv:43 (3 fields in place of 2), a.csv:44 (',' expected after '\"')"
    )
    assert "has broken lines (3): a.csv:42" in refusal(path, strict=True)


def test_broken_json_is_counted_and_left_out(tmp_path):
    path = write_json(tmp_path / "a.jsonl", examples())
    with path.open("a") as file:
        file.write('{"text": "cut off\n[1, 2]\n\n' + "[" * 100_000 + "\n")
    data = open_text(path)
    assert contents(data) == set(examples())
    assert data.notes[0].startswith("left out broken lines (3): a.jsonl:41 (not a JSON object), ")


def test_lines_without_text_or_label_are_counted_and_left_out(tmp_path):
    rows = [(" ", "good"), (None, "bad"), ("a", ""), ("b", None), ("c", [1]), ("d", 0.5), (7, "x")]
    data = open_text(write_json(tmp_path / "a.jsonl", [*examples(), *rows]))
    assert contents(data) == set(examples())
    assert data.notes[:2] == (
        "left out lines without a text (3): a.jsonl:41, a.jsonl:42, a.jsonl:47",
        "left out lines without a label (4): a.jsonl:43, a.jsonl:44, a.jsonl:45, a.jsonl:46",
    )


def test_odd_characters_do_no_harm(tmp_path):
    rows = [("nul \0 and half \ud83d", "good"), ("line\u2028separator\x85", "bad"), *examples()]
    texts = {text for text, _ in contents(open_text(write_json(tmp_path / "a.jsonl", rows)))}
    assert {"nul   and half ?", "line\u2028separator"} <= texts
    line = json.dumps({"text": "one\u2028line", "label": "good"}, ensure_ascii=False)
    with (tmp_path / "a.jsonl").open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    assert ("one\u2028line", "good") in contents(open_text(tmp_path / "a.jsonl"))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "empty file"),
        (b"PK\x03\x04\0\0", "not text"),
        (b"\x1f\x8b\x08", "damaged gzip file"),
        (b"text,label\n", "has no good row; expected a line of names, then rows"),
        (b'"te"xt,label\n"x",good\n', "has no good row: line 1 (',' expected after '\"')"),
        (b"text,label\nx\n", "has no good row: line 2 (1 fields in place of 2)"),
        (b"text,label\n,good\n", "no line of"),
        (b"text,label\nx,good\ny,good\n", "one class only, 'good'"),
    ],
)
def test_files_of_no_use_are_refused(tmp_path, content, told):
    (tmp_path / "a.csv").write_bytes(content)
    assert told in refusal(tmp_path / "a.csv")


def test_a_file_without_json_is_refused(tmp_path):
    write_csv(tmp_path / "a.jsonl", examples())
    assert "line 1 (not a JSON object); expected one JSON object" in refusal(tmp_path / "a.jsonl")


def test_a_rare_label_is_left_out_and_the_one_it_resembles_is_named(tmp_path):
    path = write_csv(tmp_path / "a.csv", [*examples(), ("a typo", "goood")])
    told = "(1 of the 5 texts that are needed; perhaps you meant 'good')"
    data = open_text(path)
    assert f"left out classes (1): 'goood' {told}" in data.notes
    assert data.left_out[-1].reason == f"its class has {told[1:-1]}"
    assert "class 'goood' has 1 of the 5 texts" in refusal(path, strict=True)


def test_a_label_that_test_lacks_is_not_judged_there(tmp_path):
    write_csv(tmp_path / "train.csv", examples())
    write_csv(tmp_path / "test.csv", examples(5, ("bad",), start=20))
    assert "no texts in test, so not judged there (1): 'good'" in open_text(tmp_path).notes
    assert "class 'good' has no texts in test" in refusal(tmp_path, strict=True)


def test_files_that_cannot_be_told_apart_are_refused(tmp_path):
    for name in ("a.csv", "b.csv"):
        write_csv(tmp_path / name, examples())
    assert "cannot tell which file of" in refusal(tmp_path)
    for name in ("train.csv", "train.jsonl"):
        write_csv(tmp_path / name, examples())
    assert "has train.csv and train.jsonl; keep one file for train" in refusal(tmp_path)


def test_a_missing_file_is_refused_with_the_nearest_name(tmp_path, monkeypatch):
    write_csv(tmp_path / "reviews.csv", examples())
    assert refusal(tmp_path / "review.csv").endswith("review.csv; perhaps you meant 'reviews.csv'")
    monkeypatch.chdir(tmp_path)
    assert refusal("revews.csv").endswith("revews.csv; perhaps you meant 'reviews.csv'")


def test_tables_and_folders_of_texts_are_told_apart(tmp_path):
    add_texts(tmp_path / "texts" / "good", 1)
    (tmp_path / "texts" / "info.json").write_text("{}")
    (tmp_path / "tables").mkdir()
    write_csv(tmp_path / "tables" / "a.csv", [])
    add_texts(tmp_path / "both" / "raw", 1)
    write_csv(tmp_path / "both" / "train.csv", [])
    for source in (tmp_path / "tables", tmp_path / "both", "x.csv", "~/x.JSONL.GZ"):
        assert text_table.matches(str(source)), source
        assert not text_folder.matches(str(source)), source
    for source in (tmp_path / "texts", tmp_path, "./missing", "x.zip"):
        assert text_folder.matches(str(source)), source
        assert not text_table.matches(str(source)), source
    for source in ("bbc_news", "https://example.org/x.csv"):
        assert not text_folder.matches(source), source
        assert not text_table.matches(source), source


@pytest.mark.parametrize(
    ("names", "twice"), [("text,text,label", "text"), ("text,label,label", "label")]
)
def test_a_named_column_that_is_there_twice_is_refused(tmp_path, names, twice):
    (tmp_path / "reviews.csv").write_text(f"{names}\ngood,fine,1\n")
    assert f"has the column '{twice}' twice; rename one" in refusal(tmp_path / "reviews.csv")
