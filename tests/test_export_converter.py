"""The converter's process: whatever becomes of it, the other files are made."""

import sys

import pytest

from maquette.exporting import converter
from maquette.exporting.converter import Converter

CONVERTER = """#!{python}
import json, os, pathlib, sys, time
for line in sys.stdin:
    request = json.loads(line)
    path = pathlib.Path(request["path"])
    if request["precision"] == "float16":
        {fate}
    path.write_text(f"{{os.getpid()}}")
"""


@pytest.fixture
def convert(tmp_path, monkeypatch):
    """Convert with a converter that meets its fate at float16."""

    def convert(fate: str) -> tuple[dict[str, str], dict[str, str]]:
        program = tmp_path / "converter"
        program.write_text(CONVERTER.format(python=sys.executable, fate=fate))
        program.chmod(0o755)
        monkeypatch.setattr(converter.sys, "executable", str(program))
        files = {name: tmp_path / f"{name}.tflite" for name in ("float32", "float16", "int8")}
        with Converter(tmp_path) as made:
            told = {name: made.make({"precision": name}, path) for name, path in files.items()}
        processes = {name: path.read_text() for name, path in files.items() if path.exists()}
        return {name: failure for name, failure in told.items() if failure}, processes

    return convert


def test_all_files_are_made_by_one_process(convert):
    failures, processes = convert("pass")
    assert failures == {}
    assert list(processes) == ["float32", "float16", "int8"]
    assert len(set(processes.values())) == 1


@pytest.mark.parametrize(
    ("fate", "reason"),
    [
        ("os.kill(os.getpid(), 11)", "the converter crashed (signal 11)"),
        ("raise ValueError('no such operator')", "ValueError: no such operator"),
        ("sys.exit(3)", "the converter ended with 3, without a file"),
        ("sys.exit(0)", "the converter ended with 0, without a file"),
    ],
)
def test_a_process_that_ends_early_costs_that_file_alone(convert, fate, reason):
    failures, processes = convert(fate)
    assert failures == {"float16": reason}
    assert list(processes) == ["float32", "int8"]
    assert len(set(processes.values())) == 2


def test_a_file_that_cannot_be_converted_costs_no_process(convert):
    refuse = "path.with_suffix('.refused').write_text('no such operator'); continue"
    failures, processes = convert(refuse)
    assert failures == {"float16": "no such operator"}
    assert len(set(processes.values())) == 1


def test_a_converter_that_hangs_is_ended(convert, monkeypatch):
    monkeypatch.setattr(converter, "LONGEST_CONVERSION", 1)
    failures, processes = convert("time.sleep(60)")
    assert failures == {"float16": "the converter took longer than 1 s"}
    assert list(processes) == ["float32", "int8"]
