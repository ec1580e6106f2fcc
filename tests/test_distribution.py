"""One training by several devices or processes is the training by one."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from resume import different
from two_devices import TEMPLATES

from maquette.distribution import launching
from maquette.distribution.watching import explained
from maquette.run import Run

needs_jax = pytest.mark.skipif(find_spec("jax") is None, reason="JAX is not installed")
SCRIPT = Path(__file__).with_name("two_devices.py")
SAME = 1e-4
HEARTBEATS = """F1120 client.h:80] Terminating process. absl::Status: UNAVAILABLE: The following \
tasks are unhealthy (stopped sending heartbeats):
2
The tasks have crashed."""
BARRIER = "Barrier failed because: task is set to ERROR: UNAVAILABLE: Task 1 heartbeat timeout."
LEADER = "UNAVAILABLE: Failed to send RPC to coordination service. Either the leader task was"


def environment(backend: str, **more: object) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("KERAS_DISTRIBUTION")}
    more = {name: str(value) for name, value in more.items()}
    return {**kept, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3", **more}


def by_two_devices(backend: str, folder: Path) -> dict:
    file = folder / "found.json"
    subprocess.run([sys.executable, SCRIPT, file], env=environment(backend), check=True)
    return json.loads(file.read_text())


def furthest(first: list[float], second: list[float]) -> float:
    return max(abs(a - b) / abs(b) for a, b in zip(first, second, strict=True))


@pytest.fixture(scope="module")
def on_jax(tmp_path_factory):
    folder = tmp_path_factory.mktemp("jax")
    return {**by_two_devices("jax", folder), "folder": folder}


@needs_jax
@pytest.mark.parametrize("template", TEMPLATES)
def test_two_devices_on_jax_have_the_losses_of_one(on_jax, template):
    assert furthest(*on_jax["losses"][template]) < SAME


@needs_jax
def test_batches_are_divided_where_they_can_be(on_jax):
    # Keras looks at the first one before it begins.
    assert on_jax["layouts"][-3:] == [["batch"], ["batch"], [None]]


@needs_jax
def test_a_lost_process_ends_the_others_and_all_go_on_to_the_bit(on_jax, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    words = ["train", "mlp", "--data", "digits", "--hidden-units", "9", "--batch-size", "128"]
    words += ["--epochs", "3", "--out", ".", "--name", "run", "--save-minutes", "0"]
    words += ["--coordinator", port, "--processes", "2", "--rank"]
    crew = [started([*words, rank], tmp_path) for rank in range(2)]
    run = tmp_path / "mlp" / "run"
    wait_for(lambda: len([*run.glob("state/state-*")]) == 2, crew)
    crew[1].kill()
    _, printed = crew[0].communicate(timeout=60)
    crew[1].communicate()
    assert crew[0].returncode not in (0, None)
    *_, last = printed.strip().splitlines()
    assert last == (
        "maquette: process 1 was lost, so process 0 ends; start all again with: "
        "maquette train --resume mlp/run"
    )
    assert not (run / "metrics.json").exists()
    again = started(["launch", "--processes", "2", "--", "train", "--resume", run], tmp_path)
    out, printed = again.communicate()
    assert again.returncode == 0, printed
    assert out.splitlines()[-1] == f"[0] {run}"
    assert "weights of process" not in printed
    assert not [line for line in out.splitlines() if line.startswith("[1]")]
    assert different(Run(on_jax["folder"] / "mlp" / "reference"), Run(run)) == []


def started(words: list[object], folder: Path) -> subprocess.Popen:
    command = [sys.executable, "-m", "maquette", *map(str, words)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=folder, env=environment("jax"), **pipes)


def wait_for(condition, crew):
    until = time.monotonic() + 120
    while not condition():
        assert all(process.poll() is None for process in crew)
        assert time.monotonic() < until
        time.sleep(0.05)


def test_two_devices_on_tensorflow(tmp_path):
    found = by_two_devices("tensorflow", tmp_path)
    # Batch normalization is each device's own here, so only what a model has learned is told.
    *_, last = found["losses"]
    assert last < 0.8 * np.log(10)
    assert furthest(*found["own_loss"]) < SAME
    one_left, fits = found["refused"]
    assert "one of 1 is left" in one_left
    assert fits == ""
    assert found["validation_batches"] == [32, 31, 32]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--processes", "2", "--rank", "0", "--coordinator", "5000"], "set KERAS_BACKEND=jax"),
        (["--processes", "2", "--rank", "0"], "need the address of rank 0"),
        (["--processes", "2", "--rank", "2", "--coordinator", "5000"], "have the ranks 0 to 1"),
        (["--coordinator", "here"], "an address is PORT or HOST:PORT"),
    ],
)
def test_mistakes_are_one_line(words, message, tmp_path, command, monkeypatch):
    for name in (launching.ADDRESS, launching.COUNT, launching.RANK):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    outcome = command("train", "mlp", "--out", tmp_path, *words)
    assert outcome.code == 2
    assert message in outcome.err
    assert len(outcome.err.splitlines()) == 1
    assert not any(tmp_path.iterdir())


def test_launch_starts_trainings_alone(command):
    outcome = command("launch", "--", "evaluate", "run")
    assert outcome.code == 2
    assert "received 'evaluate run'" in outcome.err


def test_launch_needs_jax(command, monkeypatch):
    monkeypatch.setattr(launching, "find_spec", lambda name: None)
    outcome = command("launch", "--", "train", "mlp")
    assert outcome.code == 2
    assert 'pip install "maquette[jax]"' in outcome.err


PROGRAM = """
import os, sys, time
rank = int(os.environ["KERAS_DISTRIBUTION_PROCESS_ID"])
print("rank", rank, "of", os.environ["KERAS_DISTRIBUTION_NUM_PROCESSES"])
{}
"""


@pytest.mark.parametrize(
    ("does", "code", "told"),
    [
        ("sys.exit(0)", 0, ""),
        ("sys.exit(3) if rank else time.sleep(60)", 3, "process 1 failed with exit code 3"),
        ("os.kill(os.getpid(), 9) if rank else time.sleep(60)", 137, "ended by signal 9"),
    ],
)
def test_launch_ends_all_when_one_fails(does, code, told, tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(launching, "find_spec", lambda name: True)
    monkeypatch.setattr(launching, "PROGRAM", [sys.executable, "-c", PROGRAM.format(does)])
    assert launching.launch(["train", "mlp"], 2) == code
    printed = capfd.readouterr()
    assert sorted(printed.out.splitlines()) == ["[0] rank 0 of 2", "[1] rank 1 of 2"]
    assert told in printed.err
    assert len(printed.err.splitlines()) == bool(told)


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_ending_it_ends_all(ending):
    script = """
import signal, sys
from maquette.cli import main
from maquette.distribution import launching
signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in the background ignores it
launching.find_spec = lambda name: True
launching.PROGRAM = [sys.executable, "-c", "import time; print(1); time.sleep(60)"]
main(["launch", "--", "train"])
"""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen([sys.executable, "-c", script], **pipes)
    process.stdout.readline()
    process.stdout.readline()
    process.send_signal(ending)
    _, printed = process.communicate(timeout=20)
    assert process.returncode == 130
    assert printed.splitlines()[-1] == "maquette: interrupted"


@pytest.mark.parametrize(("printed", "lost"), [(HEARTBEATS, 2), (BARRIER, 1), (LEADER, 0)])
def test_the_lost_process_is_named(printed, lost):
    line = explained(printed, "3", "runs/a")
    assert line == (
        f"maquette: process {lost} was lost, so process 3 ends; start all again with: "
        "maquette train --resume runs/a"
    )


def test_what_killed_a_process_is_shown():
    text = explained("Segmentation fault", "0", "runs/a")
    assert text.startswith("Segmentation fault\nmaquette: process 0 ended unexpectedly")
