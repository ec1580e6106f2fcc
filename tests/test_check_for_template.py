"""A check for a template: learning one batch by heart, and a forecast of a training."""

import json
import sys

import numpy as np
import pytest
from faulty_data import good_photos
from PIL import Image

import maquette


@pytest.fixture(scope="module")
def report():
    return maquette.check("digits", "mlp", epochs=3, hidden_units=(16,))


def test_good_data_is_learned_by_heart(report):
    assert not {finding.kind for finding in report.findings} & {"cannot_be_learned", "no_content"}


def test_a_training_is_forecast_stage_by_stage(report, digits_run):
    (stage,) = report.forecast["stages"]
    assert (stage["stage"], stage["epochs"]) == ("train", 3)
    assert stage["steps per epoch"] == -(-report.counts["train"] // 32)
    low, high = report.forecast["seconds"]
    assert 0 < low < high < 120
    assert 200 < report.forecast["memory_mb"] < 20_000


def test_images_without_content_cannot_be_learned(tmp_path, monkeypatch):
    from maquette.checking import trial

    monkeypatch.setattr(trial, "LONGEST", 1000.0)  # of a slow machine, nothing is said otherwise
    for label in ("ants", "bees"):
        (tmp_path / label).mkdir()
        for index in range(12):
            # They differ in their bytes alone.
            Image.new("L", (16, 16), 90).save(tmp_path / label / f"{index}.png", dpi=(index + 1, 9))
    kinds = {finding.kind for finding in maquette.check(tmp_path, "mlp").findings}
    assert {"no_content", "flat_image", "cannot_be_learned"} <= kinds


def test_texts_longer_than_the_template_reads_are_told():
    report = maquette.check("bbc_news", "bilstm", length=20, epochs=1, units=8)
    (finding,) = [f for f in report.findings if f.kind == "beyond_the_model"]
    assert finding.severity == "warning"
    assert len(finding.items) > 2000


def test_options_of_the_template_are_those_of_the_verb(command, tmp_path):
    root = good_photos(tmp_path / "photos")
    words = ("check", root, "--template", "mlp", "--epochs", "2", "--hidden-units", "8", "--json")
    (stage,) = json.loads(command(*words).out)["forecast"]["stages"]
    assert stage["epochs"] == 2
    outcome = command("check", root, "--template", "mpl")
    assert outcome.code == 2
    assert "perhaps you meant 'mlp'" in outcome.err


def test_data_that_a_template_cannot_open_is_refused(command):
    outcome = command("check", "digits", "--template", "bilstm")
    assert (outcome.code, np.size(outcome.out)) == (2, 1)
    assert "digits holds images" in outcome.err


def test_inputs_out_of_the_range_of_the_model_are_told():
    from maquette.checking.trial import Trial, _range_findings

    trial = Trial.of("mlp", "digits", {"hidden_units": (8,)})
    endpoints = trial.template.endpoints(trial.model)
    for values, kinds in ((np.linspace(0, 255, 128), []), (np.linspace(-9, 9, 128), ["range"])):
        found = _range_findings(trial.task, endpoints, values.reshape(2, 8, 8, 1))
        assert [finding.kind.rpartition("_")[2] for finding in found] == kinds


def test_a_system_that_does_not_tell_the_memory_has_the_time_forecast(monkeypatch):
    from maquette import peak_memory

    monkeypatch.setattr(peak_memory, "STATUS", peak_memory.Path("/no/such/file"))
    monkeypatch.setitem(sys.modules, "resource", None)  # as on Windows
    forecast = maquette.check("digits", "mlp", epochs=1, hidden_units=(8,)).forecast
    assert forecast["memory_mb"] is None
    assert forecast["summary"].endswith("if no stage ends early")
