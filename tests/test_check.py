"""Checking data: planted faults are found and named, good data is not accused, nothing changes."""

import json
import subprocess
import sys

import numpy as np
import pytest
from faulty_data import (
    good_photos,
    good_texts,
    plant_image_faults,
    plant_text_faults,
    state_of,
)

import maquette
from maquette.checking.findings import Report


def found(report: Report) -> dict[str, str]:
    """All that is said of the offenders, by the kind of finding."""
    return {
        finding.kind: " ".join(name for item in finding.items for name in item.names)
        for finding in report.findings
    }


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """A faulty folder of photos, what was planted in it, its state, and what a check found."""
    root = good_photos(tmp_path_factory.mktemp("photos") / "photos")
    planted = plant_image_faults(root)
    before = state_of(root)
    page = root.parent / "check.html"
    return root, planted, before, maquette.check(root, report=page)


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    """The same of texts."""
    root = good_texts(tmp_path_factory.mktemp("texts") / "texts")
    planted = plant_text_faults(root)
    return root, planted, state_of(root), maquette.check(root)


@pytest.mark.parametrize("kind", ["photos", "texts"])
def test_each_planted_fault_is_found_and_named(kind, request):
    _, planted, _, report = request.getfixturevalue(kind)
    named = found(report)
    missed = {k: name for k, name in planted.items() if name not in named.get(k, "")}
    assert missed == {}
    assert len(planted) >= 24


@pytest.mark.parametrize("kind", ["photos", "texts"])
def test_nothing_of_the_source_is_changed(kind, request):
    root, _, before, _ = request.getfixturevalue(kind)
    assert state_of(root) == before


@pytest.mark.parametrize("kind", ["photos", "texts"])
def test_only_what_was_planted_is_found(kind, request):
    _, planted, _, report = request.getfixturevalue(kind)
    assert {finding.kind for finding in report.findings} - {*planted} <= {"few_to_judge_by"}


@pytest.mark.parametrize("make", [good_photos, good_texts])
def test_good_data_is_not_accused(make, tmp_path):
    report = maquette.check(make(tmp_path / "data"))
    assert [finding.kind for finding in report.findings] == ["few_to_judge_by"]


@pytest.mark.parametrize(("template", "kind"), [("cnn", "photos"), ("bilstm", "texts")])
def test_training_on_faulty_data_completes_and_says_what_it_leaves_out(
    template, kind, request, tmp_path, capsys
):
    root, _, before, _ = request.getfixturevalue(kind)
    run = maquette.train(template, root, out=tmp_path, name="run", epochs=1)
    told = capsys.readouterr().err
    assert run.is_finished
    assert "left out" in told
    assert "its class" not in told
    assert "left out classes (1)" in told
    assert "with different labels" in told
    assert state_of(root) == before


def test_the_page_shows_pictures_of_offenders_and_runs_nothing(photos):
    root, planted, _, _ = photos
    page = (root.parent / "check.html").read_text("utf-8")
    assert all(kind in page for kind in planted)
    assert page.count("<img") > 20
    assert "<script" not in page


def test_strict_exits_with_1_where_there_is_something_to_look_at(command, photos, tmp_path):
    root, *_ = photos
    assert command("check", root, "--json").code == 0
    assert command("check", root, "--json", "--strict").code == 1
    good = good_photos(tmp_path / "good")
    assert command("check", good, "--json", "--strict").code == 0


def test_json_has_all_that_was_found(command, photos):
    root, planted, *_ = photos
    result = json.loads(command("check", root, "--json").out)
    assert {*planted} <= {finding["kind"] for finding in result["findings"]}
    assert result["errors"] == sum(f["severity"] == "error" for f in result["findings"])
    assert result["counts"]["train"] > 30


def test_the_worst_is_named_first_and_the_page_last(command, photos, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = command("check", photos[0]).out.splitlines()
    assert lines[0].startswith("error: ")
    assert (tmp_path / lines[-1]).is_file()


def test_a_source_that_does_not_exist_is_refused(command, tmp_path):
    outcome = command("check", tmp_path / "nothing")
    assert (outcome.code, outcome.out) == (2, "")
    assert "no folder" in outcome.err


def test_checking_does_not_load_tensorflow(tmp_path):
    root = good_photos(tmp_path / "photos")
    code = (
        "import sys, maquette; maquette.check(sys.argv[1]); "
        "sys.exit(bool({'tensorflow', 'keras'} & {*sys.modules}))"
    )
    assert subprocess.run([sys.executable, "-c", code, root]).returncode == 0


def test_embedded_sets_can_be_checked():
    report = maquette.check("digits")
    assert (report.kind, sum(report.counts.values())) == ("images", 1797)
    assert report.of("error") == []


def test_a_split_that_size_and_format_tell_apart_is_a_trap(tmp_path):
    from faulty_data import photo

    rng = np.random.default_rng(0)
    for label, size, suffix in (("ants", (96, 72), "jpg"), ("bees", (90, 70), "png")):
        (tmp_path / label).mkdir()
        for seed in rng.integers(1 << 30, size=12):
            photo(int(seed), size).save(tmp_path / label / f"{seed}.{suffix}")
    assert "file_tells_class" in found(maquette.check(tmp_path))
