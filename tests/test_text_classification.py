"""Text classification: a run on a table of the user's own, from training to a server's model."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import yaml
from sklearn import metrics as sklearn_metrics

import maquette
from maquette.errors import UserError
from maquette.evaluation import open_run_data
from maquette.sources import compose
from maquette.tasks.text_classification import TextClassification
from maquette.templates import bilstm

TASK = TextClassification(data="bbc_news")
CLASSES = ("baker", "sailor", "weaver")
OWN_WORDS = {
    "baker": "bread flour oven",
    "sailor": "rope wind harbour",
    "weaver": "wool loom cloth",
}
COMMON = ["the", "old", "one", "of", "that", "town", "had", "and", "was", "with", "for", "in"]
OPTIONS = {
    "units": 8, "embedding_dim": 8, "vocabulary_size": 30, "length": 12, "dropout": 0,
    "word_dropout": 0, "learning_rate": 3e-2, "epochs": 4, "batch_size": 16,
}  # fmt: skip


def stories(count: int, seed: int = 0) -> list[tuple[str, str]]:
    """Return texts of 3 to 20 words, of which one or two tell the trade."""
    draw = np.random.default_rng(seed)
    rows = []
    for number in range(count):
        trade = CLASSES[number % 3]
        words = list(draw.choice(COMMON, draw.integers(2, 19)))
        words.insert(draw.integers(0, min(len(words), 8)), draw.choice(OWN_WORDS[trade].split()))
        rows.append((" ".join(words).capitalize() + ".", trade))
    return rows


def write_table(path: Path, rows, columns=("story", "trade")) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns, *rows])
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> maquette.Run:
    folder = tmp_path_factory.mktemp("stories")
    table = write_table(folder / "stories.csv", stories(240))
    columns = {"target": "trade", "text_column": "story"}
    return maquette.train("bilstm", table, out=folder, name="stories", **columns, **OPTIONS)


@pytest.fixture(scope="module")
def probabilities(run) -> tuple[np.ndarray, np.ndarray]:
    """Return labels and the model's answers on the test split, computed directly."""
    split = open_run_data(run).splits["test"]
    ids = run.description.vocabulary.encode(split.texts, OPTIONS["length"])
    logits = run.model.predict_on_batch(ids)
    return split.labels, np.asarray(tf.nn.softmax(logits))


def test_vocabulary_is_made_of_the_training_texts_alone(run):
    data = TASK.open(run.record["data"]["source"], run.config)
    train = " ".join(data.splits["train"].texts).lower()
    assert len(data.vocabulary) <= 30
    assert all(word in train for word in data.vocabulary.words)
    rare = write_table(run.path.parent / "rare.csv", [*stories(240), ("Zeppelin", "sailor")])
    opened = TASK.open(
        compose(rare, target="trade", text_column="story"),
        bilstm.Config(**{**OPTIONS, "vocabulary_size": 1000}),
    )
    is_trained_on = "Zeppelin" in opened.splits["train"].texts
    assert ("zeppelin" in opened.vocabulary.words) == is_trained_on


def test_metrics_are_those_of_the_models_answers(run, probabilities):
    labels, expected = probabilities
    metrics = run.metrics["test"]["metrics"]
    predicted = expected.argmax(1)
    assert metrics["accuracy"] == pytest.approx(np.mean(predicted == labels), abs=1e-6)
    assert metrics["macro_f1"] == pytest.approx(
        sklearn_metrics.f1_score(labels, predicted, average="macro"), abs=1e-6
    )
    assert metrics["cross_entropy"] == pytest.approx(
        sklearn_metrics.log_loss(labels, expected, labels=range(3)), abs=1e-4
    )
    assert metrics["accuracy"] > 0.8


def test_tables_hold_each_class_and_the_most_wrong_texts(run, probabilities):
    labels, _ = probabilities
    tables = run.metrics["test"]["tables"]
    assert [row["class"] for row in tables["Classes"]] == list(CLASSES)
    assert [row["texts"] for row in tables["Classes"]] == np.bincount(labels).tolist()
    # A wrong label makes the right answers of a model wrong.
    moved = [(text, "weaver") for text, trade in stories(30, seed=5) if trade != "weaver"]
    rows = moved + [
        (f"The old {trade} {number}", trade) for trade in CLASSES for number in range(5)
    ]
    odd = write_table(run.path.parent / "odd.csv", rows)
    wrong = maquette.evaluate(run, str(odd))["tables"]["Most wrong"]
    assert 15 <= len(wrong) <= 24
    sure = [row["probability"] for row in wrong]
    assert sure == sorted(sure, reverse=True)
    assert wrong[0]["text"] in {text for text, _ in moved}
    assert wrong[0]["class"] == "weaver"
    assert wrong[0]["predicted"] in ("baker", "sailor")


def test_other_data_is_judged_with_the_runs_vocabulary_and_order_of_classes(run):
    rows = [(text, trade) for text, trade in stories(90, seed=9) if trade != "baker"]
    table = write_table(run.path.parent / "others.csv", [row[::-1] for row in rows], ("b", "a"))
    source = compose(table, target="b", text_column="a")
    opened = TASK.adapt(TASK.open(source, run.config), run.description)
    assert opened.classes == CLASSES
    assert opened.vocabulary is run.description.vocabulary
    whole = opened.as_test_if_undivided().splits["test"]
    labels = dict(zip(whole.texts, whole.labels.tolist(), strict=True))
    assert labels == {text: CLASSES.index(trade) for text, trade in rows}


def test_a_run_of_an_older_version_opens_with_its_columns(run, tmp_path):
    old = tmp_path / "bilstm" / "old"
    shutil.copytree(run.path, old)
    record = yaml.safe_load((old / "config.yaml").read_text())
    record["data"]["source"] = record["data"]["source"].partition("?")[0]
    record["config"] |= {"text_column": "story", "label_column": "trade"}
    (old / "config.yaml").write_text(yaml.safe_dump(record))
    expected = maquette.evaluate(run)
    assert maquette.evaluate(old)["metrics"] == expected["metrics"]
    assert maquette.evaluate(old)["data"] == expected["data"]


def test_unknown_classes_are_refused(run):
    table = write_table(run.path.parent / "miller.csv", [(f"Corn {i}", "miller") for i in range(9)]
                        + [(f"Flour {i}", "baker") for i in range(9)])  # fmt: skip
    with pytest.raises(UserError, match="the class 'miller', which the run does not know"):
        maquette.evaluate(run, str(table))


def test_a_text_predicts_the_same_as_a_file_as_in_the_data_and_on_a_server(run, tmp_path):
    texts = [text for text, _ in stories(8, seed=3)]
    for number, text in enumerate(texts):
        (tmp_path / f"{number}.txt").write_text(text + "\n", encoding="utf-8")
    rows = maquette.predict(run, [tmp_path])
    assert [Path(row["file"]).name for row in rows] == [f"{number}.txt" for number in range(8)]
    ids = run.description.vocabulary.encode(texts, OPTIONS["length"])
    expected = np.asarray(tf.nn.softmax(run.model.predict_on_batch(ids)))
    served = run.template.TASK.server_endpoints(run)["classify_text"]
    received = served.predict_on_batch({"text": tf.constant(texts)})["probabilities"]
    np.testing.assert_allclose(received, expected, atol=1e-6)
    for row, values in zip(rows, expected, strict=True):
        best = values.argmax()
        assert row["class"] == CLASSES[best]
        assert row["probability"] == pytest.approx(values[best], abs=1e-4)
        assert row["top"] == pytest.approx(
            {CLASSES[i]: values[i] for i in np.argsort(-values)}, abs=1e-4
        )


def test_a_missing_file_is_refused(run, tmp_path):
    with pytest.raises(UserError, match=r"cannot read .*gone\.txt as text: not a file"):
        maquette.predict(run, [tmp_path / "gone.txt"])


def test_reopened_run_knows_its_words_and_length(run):
    description = maquette.Run(run.path).description
    assert description == run.description
    assert description.length == 12
    lines = (run.path / "vocabulary.txt").read_text(encoding="utf-8").splitlines()
    assert lines[2:] == list(description.vocabulary.words)
    assets = TASK.assets(description)
    assert assets["labels.txt"].split() == list(CLASSES)
    assert assets["vocabulary.txt"].splitlines() == lines


def test_user_is_told_when_much_of_the_texts_is_not_read():
    config = bilstm.Config(length=50)
    assert any("more than 50 words" in note for note in TASK.open("bbc_news", config).notes)
    config = bilstm.Config(length=5000)
    assert not any("words" in note for note in TASK.open("bbc_news", config).notes)
