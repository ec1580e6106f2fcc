"""Options from a YAML file. The mistakes in one are in `test_bad_input.py`."""

from __future__ import annotations

from pathlib import Path

import pytest

from maquette import Run
from maquette.configuration import Request, read_config
from maquette.errors import UserError


@pytest.fixture
def write(tmp_path: Path):
    """Write a configuration file and return its path."""

    def write_file(text: str) -> Path:
        path = tmp_path / "options.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write_file


def test_no_file_asks_for_nothing():
    assert read_config(None, "mlp") == Request(options={}, data=None, seed=0)


def test_a_file_holds_one_option_a_line(write):
    path = write("epochs: 3\nhidden_units: [8, 4]\nimage_size: null\n")
    options = {"epochs": 3, "hidden_units": [8, 4], "image_size": None}
    assert read_config(path, "mlp") == Request(options)
    assert read_config(str(path), "mlp") == Request(options)


def test_an_option_may_be_written_as_on_the_command_line(write):
    assert read_config(write("batch-size: 8\n"), "mlp").options == {"batch_size": 8}


def test_data_and_seed_are_no_options_of_the_template(write):
    request = read_config(write("data: photos/äpfel\nseed: 4\nepochs: 3\n"), "mlp")
    assert request == Request({"epochs": 3}, data="photos/äpfel", seed=4)


def test_the_record_of_a_run_asks_for_what_the_run_was_asked(digits_run: Run):
    request = read_config(digits_run.path / "config.yaml", "mlp")
    assert request == Request(digits_run.record["config"], data="digits", seed=0)
    assert digits_run.template.Config(**request.options) == digits_run.config


def test_a_file_may_name_its_template(write):
    path = write("template: mlp\nepochs: 3\n")
    assert read_config(path, "mlp").options == {"epochs": 3}
    with pytest.raises(UserError, match="is for the template 'mlp', not 'cnn'"):
        read_config(path, "cnn")


@pytest.mark.parametrize("seed", ["-1", "1.5", "true", "'1'", "null"])
def test_a_seed_is_a_whole_number_of_at_least_0(write, seed):
    with pytest.raises(UserError, match="must be a whole number of at least 0; received"):
        read_config(write(f"seed: {seed}\n"), "mlp")


def test_a_file_is_data_and_never_code(write, tmp_path: Path):
    trace = tmp_path / "trace"
    path = write(f"epochs: !!python/object/apply:os.mkdir [{trace}]\n")
    with pytest.raises(UserError, match=r"could not determine a constructor .* in line 1"):
        read_config(path, "mlp")
    assert not trace.exists()
