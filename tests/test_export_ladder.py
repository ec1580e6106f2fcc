"""The repair ladder: a file that fails the gate is made in another way, until one passes."""

from dataclasses import replace

import numpy as np
import pytest
from small_jobs import TRAINED_ON, convert_here, digits, job_of_model, trained_reader

from maquette.exporting import workshop as making
from maquette.exporting.converter import Converter
from maquette.exporting.gate import Verdict
from maquette.exporting.ladder import LADDERS, climb
from maquette.exporting.litert import LiteRtFile, operators
from maquette.exporting.selective import broken
from maquette.exporting.workshop import Attempt, Recipe, Workshop

ONE_POINT = 0.01


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    """The workshop of a trained causal decoder."""
    images, labels = digits()
    unseen = {"rows": images[TRAINED_ON:]}
    job = job_of_model({"read": trained_reader()}, unseen, labels[TRAINED_ON:])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Converter, "make", convert_here)
        yield Workshop(job, tmp_path_factory.mktemp("work"), ONE_POINT)


def accuracy(workshop: Workshop) -> float:
    """Return what Keras scores."""
    outputs, probe = workshop.job.reference.outputs["read"], workshop.job.reference.probes["read"]
    return workshop.job.task.judge("read", outputs, probe.targets)


NAIVE = Recipe("int8", masks_of_keras=True)


def test_attention_keeps_its_score_in_int8_where_the_masks_of_keras_ruin_it(workshop):
    naive, ours = workshop.attempt(NAIVE), climb(workshop, Recipe("int8"))
    assert accuracy(workshop) > 0.9
    assert naive.verdict.score < accuracy(workshop) - 0.3
    assert "scores" in naive.verdict.failures[-1]
    assert (ours.rung, ours.tried) == ("as it is", ())
    assert ours.attempt.verdict.score >= accuracy(workshop) - ONE_POINT
    assert ours.attempt.path.stat().st_size <= 1.02 * naive.path.stat().st_size


def test_the_operators_that_int8_breaks_are_found_and_stay_in_float(workshop):
    climbed = climb(workshop, NAIVE)
    assert climbed.rung.startswith("some operators in float: ")
    assert [each["rung"] for each in climbed.tried] == ["as it is"]
    assert climbed.attempt.verdict.score >= accuracy(workshop) - ONE_POINT
    floats = set(climbed.attempt.recipe.floats)
    assert floats & {"SELECT_V2", "SOFTMAX"}
    assert len(floats) <= 4
    assert "FULLY_CONNECTED" not in floats
    float32 = workshop.attempt(replace(NAIVE, precision="float32"))
    assert floats < set(operators(float32.path))
    assert climbed.attempt.path.stat().st_size < float32.path.stat().st_size


def test_a_file_of_uint8_inputs_and_outputs_is_judged_by_what_they_stand_for(workshop):
    attempt = workshop.attempt(Recipe("int8", io="uint8"))
    tensors = LiteRtFile(attempt.path).tensors("read", {})
    assert [t["type"] for side in tensors.values() for t in side] == ["uint8", "uint8"]
    assert attempt.verdict.failures == []
    floats = workshop.attempt(Recipe("int8"))
    received, expected = (a.verdict.outputs["read"]["probabilities"] for a in (attempt, floats))
    np.testing.assert_allclose(received, expected, atol=2 / 255)


def test_int4_weights_are_smaller_than_int8(workshop):
    pytest.importorskip("ai_edge_quantizer")
    attempt = workshop.attempt(Recipe("int4"))
    assert attempt.verdict.agreement > 0.9
    assert attempt.path.stat().st_size < workshop.attempt(Recipe("int8")).path.stat().st_size


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_a_static_file_takes_one_example_at_a_time(workshop, precision):
    attempt = workshop.attempt(Recipe(precision, static=True))
    assert attempt.verdict.failures == []
    (rows,) = LiteRtFile(attempt.path).tensors("read", {})["inputs"]
    assert rows["shape"] == [1, 8, 8]


def test_what_cannot_be_traced_is_a_failure_with_its_reason(workshop, tmp_path, monkeypatch):
    def refuse(*_):
        raise ValueError("no such operator")

    monkeypatch.setattr(making, "write_convertible", refuse)
    climbed = climb(Workshop(workshop.job, tmp_path, ONE_POINT), Recipe("float32"))
    assert climbed.rung is None
    assert climbed.attempt.verdict.failures == ["no such operator"]


class Fake:
    """A workshop in which only some recipes pass."""

    def __init__(self, passing, met=(), path=None):
        self.passing, self.met, self.path = passing, set(met), path
        self.asked = []

    def attempt(self, recipe: Recipe) -> Attempt:
        self.asked.append(recipe)
        failures = [] if self.passing(recipe) else [f"{recipe.precision} is wrong"]
        return Attempt(recipe, self.path, Verdict(failures=failures))


def test_the_first_rung_that_passes_is_taken_and_the_others_are_not_tried(tmp_path):
    fake = Fake(lambda recipe: recipe.precision == "dynamic", path=tmp_path / "none")
    climbed = climb(fake, Recipe("int8"))
    assert climbed.rung == "dynamic range"
    assert [(each["rung"], each["failures"]) for each in climbed.tried] == [
        ("as it is", ["int8 is wrong"]),
        ("16-bit activations", ["int16x8 is wrong"]),
    ]
    assert "float16" not in [recipe.precision for recipe in fake.asked]


def test_the_file_that_was_asked_for_tells_why_no_rung_passed(tmp_path):
    climbed = climb(Fake(lambda recipe: False, path=tmp_path / "none"), Recipe("int8"))
    assert (climbed.rung, climbed.attempt.recipe) == (None, Recipe("int8"))
    assert climbed.tried[-1] == {"rung": "float16", "failures": ["float16 is wrong"]}


def test_rungs_that_make_no_difference_to_the_model_are_left_out(tmp_path):
    def names(met) -> set:
        fake = Fake(lambda recipe: False, met, tmp_path / "none")
        return {each["rung"] for each in climb(fake, Recipe("float32")).tried}

    assert names([]) == {"as it is", "batch of one"}
    assert names(["loops"]) - names([]) == {"steps written out"}
    assert names(["masks"]) - names([]) == {"attention masks of Keras"}


@pytest.mark.parametrize("precision", LADDERS)
def test_every_ladder_begins_with_what_was_asked_for(precision, tmp_path):
    fake = Fake(lambda recipe: recipe == Recipe(precision), path=tmp_path / "none")
    climbed = climb(fake, Recipe(precision))
    assert (climbed.rung, climbed.attempt.recipe) == ("as it is", Recipe(precision))


def test_int4_that_saves_nothing_is_made_in_dynamic_range(tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(bytes(80))
    climbed = climb(Fake(lambda recipe: True, path=path), Recipe("int4"))
    assert climbed.rung == "dynamic range"
    assert climbed.tried[0]["failures"] == [
        "80 bytes, not less than the 80 of dynamic range: weights of loops and tables stay in float"
    ]


@pytest.mark.parametrize(
    ("passes", "expected"),
    [
        (lambda names: "C" not in names, "C"),
        (lambda names: not {"A", "E"} & set(names), "AE"),
        (lambda names: not {"A", "E"} <= set(names), "CDE"),  # They are wrong only together.
        (lambda names: not names, "ABCDE"),
    ],
)
def test_what_breaks_a_check_is_found_by_halving(passes, expected):
    assert "".join(broken(list("ABCDE"), passes)) == expected
