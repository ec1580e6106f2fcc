"""The gate of an export: each check can fail, and says what it found."""

import re

import numpy as np
import pytest
import tensorflow as tf

from maquette.exporting.gate import Reference, Verdict, examine
from maquette.tasks.image_classification import ImageClassification
from maquette.tasks.task import Probe

EXAMPLES, CLASSES = 200, 10
TASK = ImageClassification(data="digits")
TARGETS = np.arange(EXAMPLES) % CLASSES
RIGHT = np.full((EXAMPLES, CLASSES), 0.01, np.float32) + 0.9 * np.eye(CLASSES)[TARGETS]


class Answers:
    """A file that gives fixed answers."""

    def __init__(self, probabilities: np.ndarray, name: str = "probabilities"):
        self.answers, self.name = probabilities, name

    def run(self, endpoint, inputs):
        return {self.name: self.answers[inputs["index"]]}


class Broken:
    """A file whose runtime raises an error."""

    def __init__(self, error: Exception):
        self.error = error

    def run(self, endpoint, inputs):
        raise self.error


def verdict(file, variant="float32", max_drop=0.01) -> Verdict:
    """Judge a file of an endpoint whose original answers everything right."""
    probes = {"classify": Probe({"index": np.arange(EXAMPLES)}, TARGETS)}
    outputs = {"classify": {"probabilities": RIGHT}}
    reference = Reference(probes, outputs, TASK.agreement, TASK.judge)
    return examine(file, variant, reference, max_drop)


def with_wrong(count: int) -> np.ndarray:
    """Return the right answers, but for some in which another class comes first by a hair."""
    answers = RIGHT.copy()
    rows = np.arange(count)
    answers[rows, (TARGETS[:count] + 1) % CLASSES] = 0.92
    return answers


def test_a_file_that_answers_like_keras_passes():
    found = verdict(Answers(RIGHT))
    assert (found.failures, found.score, found.agreement, found.error) == ([], 1.0, 1.0, 0.0)


@pytest.mark.parametrize(
    ("variant", "allowed"),
    [("saved_model", 1e-4), ("float32", 1e-4), ("float16", 2e-2), ("int8", np.inf)],
)
def test_outputs_may_differ_as_much_as_the_precision_of_the_file_allows(variant, allowed):
    within = RIGHT + 0.9 * min(allowed, 0.3) * RIGHT.max()
    assert verdict(Answers(within), variant).failures == []
    if np.isfinite(allowed):
        (failure,) = verdict(Answers(RIGHT + 1.1 * allowed * RIGHT.max()), variant).failures
        assert re.search(rf"differs from Keras by .*, at most {allowed} is allowed", failure)


@pytest.mark.parametrize("variant", ["saved_model", "float16", "int8"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_output_that_is_no_number_fails(variant, value):
    answers = RIGHT.copy()
    answers[17, 3] = value
    failures = verdict(Answers(answers), variant).failures
    assert failures[0].startswith("classify differs from Keras by inf of its largest output")


@pytest.mark.parametrize(("variant", "least"), [("float16", 98), ("dynamic", 95), ("int8", 90)])
def test_enough_answers_must_be_those_of_keras(variant, least):
    enough = EXAMPLES * (100 - least) // 100
    agreeing = verdict(Answers(with_wrong(enough)), variant, max_drop=1)
    assert not any("agrees" in failure for failure in agreeing.failures)
    found = verdict(Answers(with_wrong(enough + 1)), variant, max_drop=1)
    assert found.agreement == 1 - (enough + 1) / EXAMPLES
    assert f"at least {least}.0% is required" in found.failures[-1]


def test_a_score_may_drop_as_far_as_max_drop():
    assert verdict(Answers(with_wrong(8)), "int8", max_drop=0.04).failures == []
    found = verdict(Answers(with_wrong(9)), "int8", max_drop=0.04)
    assert found.score == pytest.approx(1 - 9 / EXAMPLES)
    assert found.failures == [
        "classify scores 0.9550, Keras 1.0000: the drop of 0.0450 is more than --max-drop 0.04"
    ]


def test_a_drop_of_one_example_is_always_allowed():
    assert verdict(Answers(with_wrong(1)), "int8", max_drop=0).failures == []
    assert verdict(Answers(with_wrong(2)), "int8", max_drop=0).failures != []


def test_outputs_of_another_name_fail():
    found = verdict(Answers(RIGHT, name="Identity"))
    assert found.failures == ["classify returns Identity (200, 10), not probabilities (200, 10)"]
    assert (found.agreement, found.score) == (0, None)


def test_outputs_of_another_shape_fail():
    found = verdict(Answers(RIGHT[:, :9]))
    assert found.failures == [
        "classify returns probabilities (200, 9), not probabilities (200, 10)"
    ]


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (RuntimeError("node 3 failed\nto prepare"), "node 3 failed"),
        (tf.errors.InvalidArgumentError(None, None, "shapes differ"), "shapes differ"),
        (KeyError("classify"), "'classify'"),
        (ValueError(), "ValueError"),
    ],
)
def test_a_file_that_does_not_run_fails_with_the_first_line_of_the_reason(error, message):
    found = verdict(Broken(error))
    assert found.failures == [f"classify does not run: {message}"]
    assert found.agreement == 0
