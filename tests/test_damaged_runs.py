"""A folder that is no whole run is refused with one line, not read as far as it goes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from maquette import Run


@pytest.fixture
def refusal(command, copied_run: Run) -> Callable[[], str]:
    """Evaluate `copied_run`, which must be refused, and return the message."""

    def evaluate() -> str:
        told = command("evaluate", copied_run.path)
        assert (told.code, told.out) == (2, "")
        assert told.err.count("\n") == 1
        return told.err

    return evaluate


def change_record(run: Run, **values: object) -> None:
    """Write other values into a run's `config.yaml`."""
    text = yaml.safe_dump(run.record | values)
    (run.path / "config.yaml").write_text(text, encoding="utf-8")


@pytest.mark.parametrize("verb", ["evaluate", "predict", "export"])
def test_a_run_must_exist(command, tmp_path: Path, verb):
    files = ["photo.jpg"] if verb == "predict" else []
    told = command(verb, tmp_path / "nowhere", *files)
    assert told.code == 2
    assert told.err == (
        f"maquette: no run folder '{tmp_path}/nowhere'; `maquette train` prints it at its end\n"
    )


def test_any_folder_is_no_run(command, tmp_path: Path):
    told = command("evaluate", tmp_path)
    assert told.code == 2
    assert f"{tmp_path} is not a run: it has no config.yaml" in told.err


def test_a_run_without_its_model_did_not_finish(refusal, copied_run: Run):
    (copied_run.path / "model.keras").unlink()
    assert "has no model.keras: its training did not finish" in refusal()


def test_a_model_that_was_changed_is_not_loaded(refusal, copied_run: Run):
    with (copied_run.path / "model.keras").open("ab") as file:
        file.write(b"!")
    assert "model.keras is not the file that the training wrote: its sha256 differs" in refusal()


def test_a_model_of_another_shape_than_recorded_is_not_loaded(refusal, copied_run: Run):
    change_record(copied_run, config={**copied_run.record["config"], "hidden_units": [16, 16]})
    assert "model.keras does not fit the model that config.yaml describes" in refusal()


@pytest.mark.parametrize(
    "text", ["", "a: [", "- a", "maquette: 0.1.0", "\0", "maquette: not a version"]
)
def test_a_damaged_record_is_refused(refusal, copied_run: Run, text):
    (copied_run.path / "config.yaml").write_text(text)
    assert "config.yaml is damaged: it is not the record of a run" in refusal()


@pytest.mark.parametrize("lost", ["source", "fingerprint", "sizes", "description"])
def test_a_record_that_lost_what_it_knew_of_the_data_is_damaged(refusal, copied_run: Run, lost):
    data = {key: value for key, value in copied_run.record["data"].items() if key != lost}
    change_record(copied_run, data=data)
    assert "config.yaml is damaged" in refusal()


def test_a_record_that_lost_the_classes_is_damaged(refusal, copied_run: Run):
    change_record(copied_run, data=copied_run.record["data"] | {"description": {}})
    assert "config.yaml is damaged" in refusal()


def test_a_run_of_a_newer_version_asks_for_that_version(refusal, copied_run: Run):
    change_record(copied_run, maquette="9.1.0", data="recorded in another way")
    message = refusal()
    assert "was made by maquette 9.1.0, this is " in message
    assert 'pip install "maquette>=9.1.0"' in message


def test_a_run_of_an_unknown_template_is_refused(refusal, copied_run: Run):
    change_record(copied_run, template="mpl")
    assert "no template 'mpl'; perhaps you meant 'mlp'" in refusal()


def test_a_run_with_an_option_out_of_range_is_refused(refusal, copied_run: Run):
    change_record(copied_run, config=copied_run.record["config"] | {"epochs": 0})
    assert "--epochs should be greater than 0; received 0" in refusal()
