"""The Siamese network end to end: training by class, the verdict on pairs, new classes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from image_trees import add_images
from PIL import Image

import maquette
from maquette.errors import UserError
from maquette.evaluation import open_run_data
from maquette.gallery import load_template
from maquette.metric_learning import ContrastiveLoss, TripletLoss
from maquette.random_affine import RandomAffine

TEMPLATE = load_template("siamese")
TINY, TASK = TEMPLATE.TINY, TEMPLATE.TASK
SMALL = {**TINY.model_dump(), "epochs": 1, "trials": 5, "image_size": 8}


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> maquette.Run:
    out = tmp_path_factory.mktemp("runs")
    return maquette.train("siamese", "digits", out=out, name="digits", **TINY.model_dump())


@pytest.fixture(scope="module")
def unseen_images(run) -> tuple[np.ndarray, np.ndarray]:
    examples = TASK.examples(run.model, open_run_data(run), "test")
    return examples.x[np.arange(len(examples))], examples.y


def saved(images: np.ndarray, folder: Path) -> list[Path]:
    paths = [folder / f"{index}.png" for index in range(len(images))]
    for image, path in zip(images, paths, strict=True):
        Image.fromarray(image[..., 0]).save(path)
    return paths


def letters(folder: Path, first: int, count: int, size=(8, 8)) -> Path:
    for number in range(first, first + count):
        add_images(folder / f"letter {number}", 4, size=size)
    return folder


def test_classes_never_seen_are_told_apart(run):
    metrics = run.metrics["test"]["metrics"]
    assert metrics["one_shot_accuracy"] > 0.6  # chance is a third
    assert metrics["recall_at_1"] > 0.9
    assert metrics["roc_auc"] > 0.75
    assert metrics["verification_accuracy"] > 0.65
    assert abs(1 - metrics["equal_error_rate"] - metrics["verification_accuracy"]) < 0.1


def test_tests_are_among_as_many_classes_as_there_are(run):
    tables = run.metrics["test"]["tables"]
    assert [row["ways"] for row in tables["One-shot tests"]] == [2, 3]
    assert tables["One-shot tests"][-1]["accuracy"] == pytest.approx(
        run.metrics["test"]["metrics"]["one_shot_accuracy"]
    )
    assert [row["count"] for row in tables["Pairs"]] == [5000, 5000]
    right = np.mean([row["judged right"] for row in tables["Pairs"]])
    assert right == pytest.approx(run.metrics["test"]["metrics"]["verification_accuracy"], abs=1e-4)


def test_ways_and_trials_may_be_others_when_a_run_is_judged(run):
    table = maquette.evaluate(run, ways=2, trials=7)["tables"]["One-shot tests"]
    assert [row["ways"] for row in table] == [2]
    # 7 tests with 2 answers each.
    assert table[0]["accuracy"] in {round(right / 14, 4) for right in range(15)}


def test_embeddings_are_those_of_the_model_and_of_length_one(run, unseen_images):
    images = unseen_images[0][:9]
    embedding = TEMPLATE.endpoints(run.model)["embed"]({"image": images})["embedding"]
    np.testing.assert_allclose(embedding, run.model(images, training=False), atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(embedding, axis=1), 1, rtol=1e-5)


def test_verdicts_follow_from_the_embeddings_and_the_threshold(run, unseen_images):
    first, second = unseen_images[0][:9], unseen_images[0][::-1][:9]
    compare = TEMPLATE.endpoints(run.model)["compare"]
    outputs = compare({"image_a": first, "image_b": second})
    embeddings = [np.asarray(run.model(images, training=False)) for images in (first, second)]
    distance = np.linalg.norm(embeddings[0] - embeddings[1], axis=1)
    np.testing.assert_allclose(outputs["distance"][:, 0], distance, atol=1e-5)
    threshold = float(run.model.get_layer("calibration").threshold)
    np.testing.assert_array_equal(outputs["probability"][:, 0] > 0.5, distance < threshold)


def test_the_threshold_is_fitted_on_validation_and_kept_in_the_file(run):
    data, layer = open_run_data(run), run.model.get_layer("calibration")
    found = float(layer.threshold), float(layer.slope)
    assert found != (1, 1)
    model = keras.models.load_model(run.path / "model.keras")
    calibration = model.get_layer("calibration")
    assert (float(calibration.threshold), float(calibration.slope)) == found
    TASK.calibrate(model, replace(data, splits={"validation": data.splits["test"]}))
    assert float(calibration.threshold) != found[0]
    TASK.calibrate(model, replace(data, splits={"validation": data.splits["validation"]}))
    assert float(calibration.threshold) == pytest.approx(found[0], rel=1e-4)


def test_files_are_compared_with_the_first(run, unseen_images, tmp_path):
    images, labels = unseen_images
    two = [np.flatnonzero(labels == label)[0] for label in np.unique(labels)[:2]]
    files = saved(images[[two[0], two[0], two[1]]], tmp_path)
    rows = maquette.predict(run, files)
    assert [row["file"] for row in rows] == [str(file) for file in files[1:]]
    assert {row["compared_with"] for row in rows} == {str(files[0])}
    assert (rows[0]["distance"], rows[0]["same"]) == (0, True)
    assert rows[1]["distance"] > 0.1
    assert rows[0]["probability"] > max(0.5, rows[1]["probability"])
    assert maquette.predict(run, [tmp_path]) == rows


def test_one_file_cannot_be_compared(run, unseen_images, tmp_path):
    with pytest.raises(UserError, match=r"0\.png'; give two or more, to compare them"):
        maquette.predict(run, saved(unseen_images[0][:1], tmp_path))


def test_a_run_judges_data_whose_classes_it_does_not_know(run, tmp_path):
    for count, ways in ((8, [2, 5, 8]), (4, [2, 4])):
        data = letters(tmp_path / f"{count} letters", 0, count)
        found = maquette.evaluate(run, str(data))
        assert found["split"] == "test"
        assert [row["ways"] for row in found["tables"]["One-shot tests"]] == ways


def test_training_takes_classes_enough_for_three_parts(tmp_path):
    data = letters(tmp_path / "data", 0, 6)
    with pytest.raises(UserError, match="data has 6 classes; training takes 7 or more"):
        maquette.train("siamese", data, out=tmp_path / "runs", **SMALL)
    assert not list((tmp_path / "runs").rglob("config.yaml"))


def test_a_folder_with_other_classes_in_each_split_is_trained_on(tmp_path):
    letters(tmp_path / "data" / "train", 0, 8)
    letters(tmp_path / "data" / "test", 8, 3)
    options = {**SMALL, "loss": "contrastive", "rotations_as_classes": True}
    run = maquette.train("siamese", tmp_path / "data", out=tmp_path / "runs", **options)
    assert run.record["data"]["sizes"] == {"train": 24, "validation": 8, "test": 12}
    # 6 classes of 4 images, four times over: 24 classes; 16 classes of 4 in a batch.
    assert run.history[0]["loss"] > 0
    assert set(run.metrics) == {"validation", "test"}


def test_a_split_without_pairs_is_refused(tmp_path):
    letters(tmp_path / "train", 0, 8)
    for number in (20, 21, 22):
        add_images(tmp_path / "test" / f"letter {number}", 1)
    with pytest.raises(
        UserError, match="0 classes with two or more images in test; two are needed"
    ):
        TASK.open(str(tmp_path), TINY)


def test_turned_classes_take_square_images(tmp_path):
    letters(tmp_path, 0, 10, size=(12, 8))
    options = {**SMALL, "rotations_as_classes": True, "image_size": None}
    with pytest.raises(UserError, match="square images, these are 8x12; give --image-size 8"):
        maquette.train("siamese", tmp_path, out=tmp_path / "runs", **options)


def test_training_sees_batches_of_some_classes_with_several_images_each():
    config = TINY.model_copy(update={"classes_per_batch": 3, "examples_per_class": 5})
    data = TASK.open("digits", config)
    model = TEMPLATE.build(config, data)
    (stage,) = TEMPLATE.stages(model, config, data)
    assert (stage.batch_size, stage.patience) == (15, None)
    examples = stage.examples(TASK.examples(model, data, "train"))
    for _, labels in examples.shuffled(15, seed=1).take(4):
        classes, counts = np.unique(labels, return_counts=True)
        assert (len(classes), set(counts.tolist())) == (3, {5})


def test_turned_images_are_trained_on_as_further_classes():
    config = TINY.model_copy(update={"rotations_as_classes": True, "classes_per_batch": 16})
    data = TASK.open("digits", config)
    model = TEMPLATE.build(config, data)
    (stage,) = TEMPLATE.stages(model, config, data)
    examples = stage.examples(TASK.examples(model, data, "train"))
    assert len(np.unique(examples.y)) == 4 * 5
    assert examples.steps(64) == 4 * len(data.splits["train"]) // 64


def test_normalized_drawings_may_lie_anywhere_and_be_of_any_size():
    options = {"image_size": 60, "drawing_size": 12}
    model = TEMPLATE.build(TINY.model_copy(update=options), TASK.open("digits", TINY))
    assert model.get_layer("network").input_shape == (None, 12, 12, 1)
    images = np.full((4, 60, 60, 1), 255, "uint8")
    images[0, 10:34, 20:23] = images[0, 31:34, 20:35] = 0  # an L
    images[1, 25:49, 30:33] = images[1, 46:49, 30:45] = 0  # lower on the right
    images[2, 4:52, 10:16] = images[2, 46:52, 10:40] = 0  # twice as large
    images[3, 10:34, 20:23] = images[3, 10:13, 20:35] = 0  # another letter
    embed, compare = TEMPLATE.endpoints(model).values()
    embedding = np.asarray(embed({"image": images})["embedding"])
    distance = np.linalg.norm(embedding - embedding[0], axis=1)
    assert max(distance[1:3]) < 0.2 * distance[3]
    negative = embed({"image": 255 - images})["embedding"]
    np.testing.assert_allclose(negative, embedding, atol=1e-3)
    pairs = {"image_a": images[:1].repeat(4, 0), "image_b": images}
    np.testing.assert_allclose(compare(pairs)["distance"][:, 0], distance, atol=1e-4)


@pytest.mark.parametrize(
    ("options", "kind", "expected"),
    [
        ({}, TripletLoss, {"margin": 0.2, "mining": "batch_all"}),
        (
            {"mining": "semi_hard", "margin": 0.5},
            TripletLoss,
            {"margin": 0.5, "mining": "semi_hard"},
        ),
        ({"loss": "contrastive"}, ContrastiveLoss, {"margin": 1.0, "positive_margin": 0.5}),
        (
            {"loss": "contrastive", "margin": 0.3},
            ContrastiveLoss,
            {"margin": 0.3, "positive_margin": 0.15},
        ),
        (
            {"loss": "contrastive", "positive_margin": 0.0},
            ContrastiveLoss,
            {"margin": 1.0, "positive_margin": 0.0},
        ),
    ],
)
def test_options_decide_the_loss(options, kind, expected):
    loss = TEMPLATE.build(TINY.model_copy(update=options), TASK.open("digits", TINY)).loss
    assert type(loss) is kind
    assert expected.items() <= loss.get_config().items()


def test_the_positive_margin_lies_below_the_margin():
    options = {"loss": "contrastive", "margin": 0.4, "positive_margin": 0.4}
    with pytest.raises(UserError, match=r"--positive-margin 0.4 is not below --margin 0.4"):
        TEMPLATE.build(TINY.model_copy(update=options), TASK.open("digits", TINY))


def test_exported_answers_are_compared_by_direction_and_by_verdict():
    first = np.array([[1.0, 0], [0, 1], [1, 1]])
    second = np.array([[2.0, 0.1], [1, 0], [1, 0.9]])
    agreement = TASK.agreement("embed", {"embedding": first}, {"embedding": second})
    assert agreement == pytest.approx(2 / 3)
    outputs = [{"probability": np.array(values)[:, None]} for values in ([0.6, 0.2], [0.9, 0.7])]
    assert TASK.agreement("compare", *outputs) == 0.5
    assert TASK.judge("compare", outputs[0], np.array([True, False])) == 1
    assert TASK.judge("compare", outputs[1], np.array([True, False])) == 0.5
    assert TASK.judge("embed", {"embedding": first}, None) is None


def test_affine_changes_are_drawn_for_training_only_and_for_each_image():
    keras.utils.set_random_seed(0)
    images = np.zeros((6, 15, 15, 1), "float32")
    images[:, 7, 7] = 1
    layer = RandomAffine(shift=0.3)
    np.testing.assert_array_equal(layer(images, training=False), images)
    changed = np.asarray(layer(images, training=True))
    places = [np.unravel_index(image.argmax(), (15, 15)) for image in changed]
    assert len(set(places)) > 3
    assert all(abs(place[axis] - 7) <= 5 for place in places for axis in (0, 1))
    assert layer.from_config(layer.get_config()).get_config() == layer.get_config()


@pytest.mark.parametrize("change", ["rotation", "shear", "zoom"])
def test_affine_changes_leave_the_centre_where_it_is(change):
    keras.utils.set_random_seed(0)
    images = np.zeros((8, 15, 15, 1), "float32")
    images[:, 6:9, 6:9] = 1
    changed = np.asarray(RandomAffine(**{change: 0.4})(images, training=True))
    rows, columns = np.indices((15, 15))
    for image in changed[..., 0]:
        centre = [np.sum(image * axis) / image.sum() for axis in (rows, columns)]
        np.testing.assert_allclose(centre, 7, atol=0.15)
    assert not np.allclose(changed, images, atol=0.05)
