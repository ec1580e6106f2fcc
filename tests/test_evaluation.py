"""Judging a run: on which images, by which classes, and with which figures."""

import warnings
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from PIL import Image
from sklearn import metrics as sklearn_metrics

import maquette
from maquette.datasets import digits
from maquette.images.data import ArraySplit, ImageData
from maquette.tasks.image_classification import Evaluation, ImageClassification

TASK = ImageClassification(data="digits")


def write_digits(folder: Path, labels, count: int, start: int = 0) -> list[Path]:
    """Write images of some digits, `count` of each from the `start`th on, in folders by class."""
    split = digits.load().splits["train"]
    files = []
    for label in labels:
        (folder / str(label)).mkdir(parents=True)
        for index in np.flatnonzero(split.labels == label)[start : start + count]:
            files.append(folder / str(label) / f"{index}.png")
            Image.fromarray(split.images[index, ..., 0]).save(files[-1])
    return files


def train_on(folder: Path, out: Path) -> maquette.Run:
    return maquette.train("mlp", data=folder, out=out, hidden_units=(4,), epochs=1)


def top_class(run: maquette.Run, files: list[Path]) -> list[str]:
    """Return what the network sees in grey images of 8x8, asked directly."""
    pixels = np.stack([np.asarray(Image.open(file))[..., None] for file in files])
    return [run.description.classes[i] for i in run.model.predict_on_batch(pixels).argmax(1)]


def test_a_run_is_judged_on_the_test_split(digits_run):
    result = maquette.evaluate(digits_run)
    assert (result["split"], result["data"], result["template"]) == ("test", "digits", "mlp")
    assert {key: result[key] for key in ("metrics", "tables")} == digits_run.metrics["test"]


def test_another_split_is_judged_where_it_is_asked_for(digits_run):
    result = maquette.evaluate(digits_run.path, split="validation")
    assert result["split"] == "validation"
    assert result["metrics"] == digits_run.metrics["validation"]["metrics"]


@pytest.fixture
def run_without_test(tmp_path) -> maquette.Run:
    """A run on a folder that has train and validation only."""
    write_digits(tmp_path / "ones" / "train", (0, 1), 8)
    write_digits(tmp_path / "ones" / "validation", (0, 1), 4, start=8)
    return train_on(tmp_path / "ones", tmp_path / "runs")


def test_without_a_test_split_it_is_validation_and_says_so(run_without_test, capsys):
    capsys.readouterr()
    assert maquette.evaluate(run_without_test)["split"] == "validation"
    printed = capsys.readouterr().err
    assert printed == "note: this data has no test split; evaluating on validation\n"
    with pytest.raises(maquette.UserError, match="no test split; it has train, validation"):
        maquette.evaluate(run_without_test, split="test")


def test_data_that_changed_since_the_training_is_noticed(run_without_test, capsys):
    folder = Path(run_without_test.record["data"]["source"])
    capsys.readouterr()
    maquette.evaluate(run_without_test, split="validation")
    assert capsys.readouterr().err == ""
    file = next((folder / "validation" / "0").iterdir())
    Image.fromarray(np.full((8, 8), 99, np.uint8)).save(file)
    maquette.evaluate(run_without_test, split="validation")
    expected = f"note: {folder} has changed since this run was trained\n"
    assert capsys.readouterr().err == expected


def test_other_data_is_used_as_a_whole_with_its_classes_in_the_order_of_the_run(
    digits_run, tmp_path
):
    files = write_digits(tmp_path / "other", (7, 3), 9)
    result = maquette.evaluate(digits_run, str(tmp_path / "other"))
    assert result["split"] == "test"
    (rows,) = result["tables"].values()
    images = {row["class"]: row["images"] for row in rows}
    assert images == {**dict.fromkeys("0123456789", 0), "7": 9, "3": 9}
    right = [seen == file.parent.name for seen, file in zip(
        top_class(digits_run, files), files, strict=True
    )]  # fmt: skip
    assert result["metrics"]["accuracy"] == pytest.approx(np.mean(right), abs=1e-6)


def test_other_data_that_is_divided_is_judged_on_its_test_split(digits_run, tmp_path):
    for split, count in (("train", 3), ("val", 3), ("test", 5)):
        write_digits(tmp_path / "other" / split, (7, 3), count)
    result = maquette.evaluate(digits_run, str(tmp_path / "other"))
    assert sum(row["images"] for row in result["tables"]["Classes"]) == 10


def test_a_class_that_the_run_does_not_know_is_named(digits_run, tmp_path):
    write_digits(tmp_path, (7, 3), 5)
    (tmp_path / "3").rename(tmp_path / "three")
    with pytest.raises(maquette.UserError, match="the class 'three', which the run does not know"):
        maquette.evaluate(digits_run, str(tmp_path))


def judged(labels, probabilities) -> Evaluation:
    """Judge a network that answers the given probabilities to images that hold their number."""
    logits = np.log(np.asarray(probabilities, np.float32))
    count, classes = logits.shape
    image = keras.Input((1, 1, 1), dtype="uint8", name="image")
    answers = keras.layers.Embedding(count, classes)
    model = keras.Model(image, keras.layers.Reshape((classes,))(answers(image)))
    answers.set_weights([logits])
    pixels = np.arange(count, dtype=np.uint8).reshape(-1, 1, 1, 1)
    split = ArraySplit(np.asarray(labels, np.int32), [f"{n}" for n in range(count)], pixels)
    names = tuple("abcdefghijklmnop"[:classes])
    data = ImageData(
        source="fixed",
        classes=names,
        native_shape=(1, 1, 1),
        splits={"test": split},
        fingerprint="",
    )
    return TASK.evaluate(SimpleNamespace(model=model), data, "test")


def test_metrics_are_those_of_scikit_learn():
    chance = np.random.default_rng(0)
    labels = chance.integers(0, 12, 100)
    probabilities = chance.dirichlet(np.full(12, 0.3), 100)
    probabilities[np.arange(100), labels] += 0.3
    probabilities /= probabilities.sum(1, keepdims=True)
    predicted = probabilities.argmax(1)
    assert judged(labels, probabilities).metrics == pytest.approx(
        {
            "accuracy": sklearn_metrics.accuracy_score(labels, predicted),
            "balanced_accuracy": sklearn_metrics.balanced_accuracy_score(labels, predicted),
            "macro_f1": sklearn_metrics.f1_score(labels, predicted, average="macro"),
            "cross_entropy": sklearn_metrics.log_loss(labels, probabilities, labels=range(12)),
            "top_5_accuracy": sklearn_metrics.top_k_accuracy_score(labels, probabilities, k=5),
        },
        abs=2e-6,
    )


def sure_of(predicted, confidence, classes: int) -> np.ndarray:
    """Return probabilities with the given classes first."""
    count = len(predicted)
    confidence = np.broadcast_to(confidence, count)
    probabilities = np.repeat((1 - confidence[:, None]) / (classes - 1), classes, axis=1)
    probabilities[np.arange(count), predicted] = confidence
    return probabilities


def test_the_table_has_a_row_for_each_class_also_for_one_that_is_absent():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = judged([0, 0, 1, 1], sure_of([0, 1, 1, 2], 0.8, classes=4))
    columns = ("class", "precision", "recall", "f1", "images")
    assert [tuple(row[name] for name in columns) for row in result.tables["Classes"]] == [
        ("a", 1.0, 0.5, 0.6667, 2),
        ("b", 0.5, 0.5, 0.5, 2),
        ("c", 0.0, 0.0, 0.0, 0),
        ("d", 0.0, 0.0, 0.0, 0),
    ]


def titles(figure) -> list[str]:
    return [axes.get_title() for axes in figure.axes]


def test_the_most_wrong_images_come_first_the_surest_mistake_at_the_head():
    confidence = [0.99, 0.6, 0.9, 0.7]
    result = judged([0, 0, 1, 2], sure_of([0, 1, 2, 0], confidence, classes=3))
    assert titles(result.figures["most_wrong"]) == [
        "b\nread as c 90%",
        "c\nread as a 70%",
        "a\nread as b 60%",
    ]


def test_without_a_mistake_there_is_no_picture_of_mistakes():
    result = judged([0, 1], sure_of([0, 1], 0.9, classes=2))
    assert set(result.figures) == {"confusion_matrix"}


def test_predictions_keep_the_order_of_many_files(digits_run, tmp_path):
    files = write_digits(tmp_path, range(10), 7)
    files = [files[i] for i in np.random.default_rng(0).permutation(70)]
    rows = maquette.predict(digits_run, files)
    assert [row["file"] for row in rows] == [str(file) for file in files]
    assert [row["class"] for row in rows] == top_class(digits_run, files)


def test_a_prediction_has_the_three_most_probable_classes(digits_run, tmp_path):
    (file,) = write_digits(tmp_path, [5], 1)
    (row,) = maquette.predict(digits_run, [file])
    logits = digits_run.model.predict_on_batch(np.asarray(Image.open(file))[None, ..., None])
    probabilities = np.asarray(keras.ops.softmax(logits))[0]
    best = np.argsort(-probabilities)[:3]
    assert list(row["top"]) == [str(digit) for digit in best]
    assert list(row["top"].values()) == pytest.approx(probabilities[best], abs=1e-4)
    assert (row["class"], row["probability"]) == next(iter(row["top"].items()))
