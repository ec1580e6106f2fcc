"""The converter's process: whatever becomes of it, the other files are made."""

import sys

import pytest

from maquette.exporting import litert
from maquette.exporting.litert import convert_apart

CONVERTER = """#!{python}
import json, os, pathlib, sys, time
request = json.loads(pathlib.Path(sys.argv[-1]).read_text())
for variant, path in request["files"].items():
    if variant == "float16":
        {fate}
    pathlib.Path(path).write_text(variant)
"""


@pytest.fixture
def convert(tmp_path, monkeypatch):
    """Convert with a converter that meets its fate at float16."""

    def convert(fate: str) -> tuple[dict[str, str], list[str]]:
        program = tmp_path / "converter"
        program.write_text(CONVERTER.format(python=sys.executable, fate=fate))
        program.chmod(0o755)
        monkeypatch.setattr(litert.sys, "executable", str(program))
        files = {name: tmp_path / f"{name}.tflite" for name in ("float32", "float16", "int8")}
        failures = convert_apart(tmp_path / "saved_model", ["classify"], tmp_path, files)
        return failures, [name for name, path in files.items() if path.exists()]

    return convert


def test_all_files_are_made_by_one_process(convert, tmp_path):
    lone = f"pathlib.Path({str(tmp_path / 'pids')!r}).open('a').write(f'{{os.getpid()}}\\n')"
    assert convert(lone) == ({}, ["float32", "float16", "int8"])
    assert len((tmp_path / "pids").read_text().splitlines()) == 1


@pytest.mark.parametrize(
    ("fate", "reason"),
    [
        ("os.kill(os.getpid(), 11)", "the converter crashed (signal 11)"),
        ("raise ValueError('no such operator')", "ValueError: no such operator"),
        ("sys.exit(3)", "the converter exited with 3"),
        ("continue", "the converter wrote no file"),
    ],
)
def test_a_file_that_the_converter_fails_on_costs_that_file_alone(convert, fate, reason):
    assert convert(fate) == ({"float16": reason}, ["float32", "int8"])


def test_a_converter_that_hangs_is_ended(convert, monkeypatch):
    monkeypatch.setattr(litert, "LONGEST_CONVERSION", 1)
    failures, made = convert("time.sleep(60)")
    assert failures == {"float16": "the converter took longer than 1 s"}
    assert made == ["float32", "int8"]
