"""Scoring and timing every exported file of a run on its test data."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from shlex import quote
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from maquette.errors import GateError, UserError
from maquette.evaluation import choose_split, open_run_data
from maquette.files import TEMPORARY, sha256_of, write_text, written_whole
from maquette.progress import track
from maquette.reporting import report
from maquette.reporting.benchmark_plots import drawn
from maquette.run import Run
from maquette.tasks.task import Probe, Task

MOST_EXAMPLES = 2000
BATCH = 32
LONGEST = 3600  # seconds
FILE, PICTURE = "benchmark.json", "benchmark.png"


def benchmark(run: str | Path | Run) -> dict[str, Any]:
    """Score and time every file in a run's `export/`, and write `benchmark.json` and `.png` there.

    Each file runs in processes of its own, once on one thread and once on all. Peak memory is what
    the process had resident at most, on one thread and one example at a time, above what it had
    before the file was opened: weights, buffers and the interpreter, without Python and the
    runtime's code. It is rounded to pages and to what the allocator takes at once, so that a very
    small file may show none.

    Example:
        >>> result = maquette.benchmark("saved_models/cnn/digits")
        >>> [(row["file"], row["score"], row["latency_ms"]) for row in result["files"]]

    Args:
        run: A run, or the path of its folder.

    Returns:
        A dictionary with `split`, `examples`, `metric`, `original` (the score of Keras), `machine`,
        `threads` and `files`. A file's row has `score`, `agreement` with Keras, `bytes`, median
        and 95th percentile of the time of one example in milliseconds on one thread (`latency_ms`,
        `latency_p95_ms`) and on all (`latency_all_ms`, `latency_all_p95_ms`), `memory_bytes` and
        `failure`.

    Raises:
        UserError: the run is not exported, or a file has changed since.
        GateError: a file does not run. The others are measured.
    """
    run = run if isinstance(run, Run) else Run(run)
    exported = exported_files(run)
    data = open_run_data(run)
    split = choose_split(data, None)
    endpoints = run.template.endpoints(run.model)
    every = run.task.probes(run, data, split, MOST_EXAMPLES)
    probes = {name: every[name] for name in endpoints}
    answers = {
        name: endpoints[name].predict(probe.inputs, batch_size=BATCH, verbose=0)
        for name, probe in track(probes.items(), "answers of Keras", len(probes))
    }
    threads = os.cpu_count() or 1
    rows = [
        _row(run, file, probes, answers, threads)
        for file in track(exported, "measuring", len(exported))
    ]
    result = {
        "split": split,
        "examples": max(len(next(iter(p.inputs.values()))) for p in probes.values()),
        "metric": run.task.score,
        "original": _score(run.task, probes, answers),
        "machine": platform.processor() or platform.machine(),
        "threads": threads,
        "files": rows,
    }
    _write(run, result)
    failed = [f"{row['file']}: {row['failure']}" for row in rows if row["failure"]]
    if failed:
        raise GateError("does not run, " + "; ".join(failed), result)
    return result


def exported_files(run: Run) -> list[dict[str, Any]]:
    """Return the rows of `export.json` of the files that were written.

    Raises:
        UserError: there are none, or one is not the file that the export wrote.
    """
    record, command = run.path / "export" / "export.json", f"maquette export {quote(str(run.path))}"
    if not record.is_file():
        raise UserError(f"{run.path} is not exported yet: {command}")
    try:
        rows = json.loads(record.read_text(encoding="utf-8"))["files"]
        written = [row for row in rows if row["sha256"]]
        for row in written:
            _check(run.path / "export" / row["file"], row["sha256"], command)
    except (KeyError, TypeError, ValueError):
        raise UserError(f"{record} is damaged; export again: {command}") from None
    if not written:
        raise UserError(f"no file of {run.path} passed the gate; export again: {command}")
    return written


def _check(path: Path, expected: str, command: str) -> None:
    if not path.exists():
        raise UserError(f"{path} is gone; export again: {command}")
    if sha256_of(path) != expected:
        raise UserError(f"{path} has changed since its export; export again: {command}")


def _row(
    run: Run,
    exported: dict[str, Any],
    probes: dict[str, Probe],
    answers: dict[str, dict[str, np.ndarray]],
    threads: int,
) -> dict[str, Any]:
    row = {
        **{name: exported[name] for name in ("format", "file", "bytes")},
        **dict.fromkeys(("score", "agreement", "latency_ms", "latency_p95_ms")),
        **dict.fromkeys(("latency_all_ms", "latency_all_p95_ms", "memory_bytes", "failure")),
    }
    with TemporaryDirectory(prefix=TEMPORARY, dir=run.path) as scratch:
        work = Path(scratch)
        try:
            one = measured_apart(run.path / "export" / row["file"], probes, 1, work, answer=True)
            full = measured_apart(run.path / "export" / row["file"], probes, threads, work)
        except ChildProcessError as error:
            return {**row, "failure": str(error)}
        outputs = {name: dict(np.load(work / "outputs" / f"{name}.npz")) for name in probes}
    task = run.task
    return {
        **row,
        "score": _score(task, probes, outputs),
        "agreement": min(task.agreement(n, answers[n], outputs[n]) for n in probes),
        "latency_ms": round(one["median_ms"], 4),
        "latency_p95_ms": round(one["p95_ms"], 4),
        "latency_all_ms": round(full["median_ms"], 4),
        "latency_all_p95_ms": round(full["p95_ms"], 4),
        "memory_bytes": one["memory"],
    }


def _score(task: Task, probes: dict[str, Probe], outputs: dict[str, dict]) -> float | None:
    """Return the lowest score over the endpoints that have one."""
    scored = [
        task.judge(name, outputs[name], probe.targets)
        for name, probe in probes.items()
        if probe.targets is not None
    ]
    return min((round(score, 6) for score in scored if score is not None), default=None)


def measured_apart(
    path: Path, probes: dict[str, Probe], threads: int, work: Path, answer: bool = False
) -> dict[str, float | None]:
    """Measure a file in a child process.

    Args:
        path: An exported file.
        probes: Inputs of each endpoint; the first endpoint is timed.
        threads: On which it runs.
        work: An empty folder, or that of an earlier call; the answers come into its `outputs/`.
        answer: Whether to answer all inputs, too.

    Raises:
        ChildProcessError: it did not come to an end; the message is the reason.
    """
    inputs, outputs = work / "inputs", work / "outputs"
    if not inputs.is_dir():
        inputs.mkdir()
        outputs.mkdir()
        for name, probe in probes.items():
            np.savez(inputs / f"{name}.npz", **probe.inputs)
    request, result = work / "request.json", work / f"threads_{threads}.json"
    asked = {"path": str(path.resolve()), "threads": threads, "first": next(iter(probes))}
    asked |= {"inputs": str(inputs), "outputs": str(outputs) if answer else None}
    request.write_text(json.dumps({**asked, "result": str(result)}), encoding="utf-8")
    _run_child(request)
    return json.loads(result.read_text(encoding="utf-8"))


def _run_child(request: Path) -> None:
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-m", "maquette.exporting.measure_file", str(request)]
    try:
        child = subprocess.run(
            command, capture_output=True, text=True, env=environment, timeout=LONGEST
        )
    except subprocess.TimeoutExpired:
        raise ChildProcessError(f"it took longer than {LONGEST} s") from None
    if child.returncode < 0:
        raise ChildProcessError(f"it crashed its runtime (signal {-child.returncode})")
    if child.returncode > 0:
        lines = [line.strip() for line in child.stderr.splitlines() if line.strip()]
        raise ChildProcessError(lines[-1][:300] if lines else f"exit code {child.returncode}")


def _write(run: Run, result: dict[str, Any]) -> None:
    folder = run.path / "export"
    write_text(folder / FILE, json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    with written_whole(folder / PICTURE) as temporary:
        drawn(result).savefig(temporary, dpi=110)
    report.write(run)
