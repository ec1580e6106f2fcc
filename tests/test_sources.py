"""How data is named: one string with columns in it, by options and by arguments."""

import csv
import json
from pathlib import Path

import pytest
import yaml

import maquette.datasets
from maquette.configuration import read_config
from maquette.errors import UserError
from maquette.migration import migrated
from maquette.sources import (
    KINDS,
    Source,
    compose,
    kind_of,
    open_source,
    source_names,
    with_columns_of,
)


def refusal(call, *arguments, **options) -> str:
    with pytest.raises(UserError) as caught:
        call(*arguments, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def reviews(path: Path, columns=("review", "stars"), count: int = 20) -> Path:
    rows = [(f"text {i} of {label}", label) for label in ("bad", "good") for i in range(count)]
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns, *rows])
    return path


@pytest.mark.parametrize(
    ("written", "source"),
    [
        ("digits", Source("digits")),
        ("a.csv?target=stars", Source("a.csv", "stars")),
        ("a b.csv?target=y z&text=é&image=i", Source("a b.csv", "y z", "é", "i")),
        ("a.csv?target=100%25 %26 more%3F", Source("a.csv", "100% & more?")),
        ("what?.csv", Source("what?.csv")),
        ("what?.csv?text=t", Source("what?.csv", text="t")),
        ("a.csv?", Source("a.csv?")),
        ("https://x.org/a.csv?target=y", Source("https://x.org/a.csv?target=y")),
    ],
)
def test_a_source_is_one_string_that_comes_back_as_it_was(written, source):
    assert Source.of(written) == source
    assert str(source) == written


def test_a_path_that_exists_is_never_taken_apart(tmp_path):
    path = tmp_path / "a?target=b"
    path.mkdir()
    assert Source.of(str(path)) == Source(str(path))


def test_a_word_that_is_no_column_is_refused_with_the_nearest():
    assert "names 'traget'; perhaps you meant 'target'" in refusal(Source.of, "a.csv?traget=y")


def test_columns_that_are_given_win_over_those_in_the_source():
    source = "a.csv?target=old&text=words"
    assert compose(source, target="new") == "a.csv?target=new&text=words"
    assert compose(Path("a.csv"), image_column="file") == "a.csv?image=file"


def test_other_data_has_the_columns_of_the_first_where_it_can(tmp_path):
    own = "reviews.csv?target=stars&text=review"
    other = str(reviews(tmp_path / "other.csv"))
    assert with_columns_of(other, own) == f"{other}?target=stars&text=review"
    assert with_columns_of(f"{other}?target=x", own) == f"{other}?target=x&text=review"
    (tmp_path / "texts" / "good").mkdir(parents=True)
    assert with_columns_of(str(tmp_path / "texts"), own) == str(tmp_path / "texts")
    assert with_columns_of("bbc_news", own) == "bbc_news"


def test_the_opened_data_knows_its_source_with_the_columns(tmp_path, monkeypatch):
    path = reviews(tmp_path / "reviews.csv")
    monkeypatch.chdir(tmp_path)
    data = open_source("reviews.csv?target=stars&text=review", {"text"})
    assert data.source == f"{path}?target=stars&text=review"
    assert data.classes == ("bad", "good")
    again = open_source(data.source, {"text"})
    assert again.fingerprint == data.fingerprint


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("digits?target=y", "digits takes no --target; received 'y'"),
        ("https://example.org/a.csv", "is an address; download it, and give the path"),
        ("s3://bucket/a", "is an address; download it, and give the path"),
        (" ", "--data is empty"),
        ("digit", "perhaps you meant 'digits'"),
        ("bbc_news", "bbc_news holds text, and this takes images"),
    ],
)
def test_a_source_that_cannot_be_is_refused_in_one_line(source, told):
    assert told in refusal(open_source, source, {"images"})


def test_a_file_that_is_no_data_is_told_from_one_that_is_not_there(tmp_path, monkeypatch):
    (tmp_path / "notes.docx").write_bytes(b"PK")
    monkeypatch.chdir(tmp_path)
    message = refusal(open_source, "notes.docx", {"images"})
    assert message.startswith("notes.docx is no images that can be read; maquette list --data")
    message = refusal(open_source, str(tmp_path / "notes.docx"), {"images"})
    assert message.endswith("maquette list --data tells what else would do")


def test_a_column_that_a_source_has_no_use_for_is_refused(tmp_path):
    (tmp_path / "a").mkdir()
    message = refusal(open_source, f"{tmp_path}?text=t", {"images"})
    assert message == f"{tmp_path} takes no --text-column; received 't'"


def test_the_kind_of_a_source_is_told_without_opening_it(tmp_path):
    assert kind_of("bbc_news", {"text", "images"}) == "text"
    assert kind_of(str(tmp_path), {"images"}) == "images"
    assert kind_of(f"{tmp_path / 'a.csv'}?text=t", {"text", "images"}) == "text"


def test_a_file_of_options_may_name_columns(tmp_path):
    path = tmp_path / "options.yaml"
    path.write_text("data: a.csv\ntarget: stars\ntext-column: review\nepochs: 2\n")
    request = read_config(path, "bilstm")
    assert request.data == "a.csv?target=stars&text=review"
    assert request.options == {"epochs": 2}
    path.write_text("target: stars\n")
    assert "has 'target' but no data" in refusal(read_config, path, "bilstm")


def test_the_list_of_data_tells_every_source_and_is_quick(command):
    lines = command("list", "--data").out.splitlines()
    assert any(line.startswith("  digits ") and "1,797" in line for line in lines)
    assert any(line.startswith("  tfds:NAME[/CONFIG][:SPLIT]  ") for line in lines)
    files = {path.stem for path in Path(maquette.datasets.__path__[0]).glob("[a-z]*.py")}
    cards = json.loads(command("list", "--data", "--json").out)
    assert {card["name"] for card in cards} == files
    assert all(card["summary"] and set(card["kinds"]) <= set(KINDS) for card in cards)
    assert {c["name"] for c in cards if c["is_embedded"]} == set(source_names())
    assert command("list", "--data", "--callbacks").code == 2


OLD = {
    "template": "bilstm",
    "data": {"source": "/home/me/reviews.csv", "fingerprint": "f"},
    "config": {"units": 8, "text_column": "review", "label_column": "stars"},
}


def test_records_of_older_versions_get_their_columns_into_the_source():
    record = migrated(OLD)
    assert record["data"]["source"] == "/home/me/reviews.csv?target=stars&text=review"
    assert record["config"] == {"units": 8}
    usual = {**OLD, "config": {"text_column": "text", "label_column": "label"}}
    assert migrated(usual)["data"]["source"] == "/home/me/reviews.csv"
    embedded = {**OLD, "data": {"source": "bbc_news"}}
    assert migrated(embedded)["data"]["source"] == "bbc_news"
    assert migrated(record) == record


def test_the_record_of_an_older_run_is_a_file_of_options(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(OLD))
    request = read_config(path, "bilstm")
    assert request.data == "/home/me/reviews.csv?target=stars&text=review"
    assert request.options == {"units": 8}


def test_who_writes_the_old_option_is_told_the_new_one(command):
    outcome = command("train", "bilstm", "--label-column", "stars")
    assert outcome.code == 2
    assert "--label-column is called --target now" in outcome.err
    assert "--label-column is called --target now" in refusal(_config, label_column="stars")


def _config(**options):
    from maquette.gallery import config_class

    return config_class("bilstm")(**options)
