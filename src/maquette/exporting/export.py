"""Exporting a run: SavedModel and TFLite files, each through the gate, and a table of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import keras
import numpy as np

from maquette.errors import GateError, UserError, nearest
from maquette.evaluation import open_run_data
from maquette.exporting.gate import (
    Reference,
    Runnable,
    Verdict,
    examine,
    first_line,
    run_in_batches,
)
from maquette.exporting.litert import LiteRtFile, convert_apart, custom_operators, latency
from maquette.exporting.recurrent import phone_recurrence
from maquette.exporting.saved_model import SavedModel, write_saved_model
from maquette.exporting.web import demo_writer
from maquette.files import TEMPORARY, folder_sha256, folder_written_whole, sha256
from maquette.progress import track, waiting
from maquette.reporting import report
from maquette.run import Run
from maquette.tasks.task import Probe, Task

VARIANTS = ("float32", "float16", "dynamic", "int8")
FORMATS = ("saved_model", *VARIANTS)
CALIBRATION_EXAMPLES = 200
GATE_EXAMPLES = 1000
MAX_DROP = 0.01


def export(
    run: str | Path | Run,
    formats: Sequence[str] = FORMATS,
    max_drop: float = MAX_DROP,
    demo: str | None = None,
    litert: str | Path | None = None,
    download: bool = False,
) -> list[dict[str, Any]]:
    """Export a run to `export/` in its folder.

    Every file passes the gate: builtin operators only, it runs in LiteRT, agrees with Keras on
    validation data, and scores no more than `max_drop` below the original there. What does not
    pass is not written.

    Example:
        >>> rows = maquette.export("saved_models/cnn/digits", formats=["int8"])
        >>> rows[0]["bytes"], rows[0]["accuracy"]

    Args:
        run: A run, or the path of its folder.
        formats: Which of `saved_model`, `float32`, `float16`, `dynamic` and `int8` to write;
            int8 is calibrated on the run's own training data.
        max_drop: Score that a file may lose against the original, 0.01 being one point.
        demo: `"web"` to write `export/web/` too, a page that runs the model in a browser.
        litert: Folder where npm installed LiteRT.js, for the page.
        download: Fetch LiteRT.js from the npm registry, once.

    Returns:
        One row per format: file, bytes, score, agreement, median latency, sha256, inputs and
        outputs; `failures` lists what did not pass. The same is in `export/export.json`.

    Raises:
        UserError: the run, its data or a format cannot be used.
        GateError: a file failed the gate. The others are written.
    """
    run = run if isinstance(run, Run) else Run(run)
    _check_formats(formats, max_drop)
    require_tensorflow()
    write_demo = demo_writer(run, demo, litert, download)
    job = job_of(run, open_run_data(run))
    task = run.template.TASK
    with folder_written_whole(run.path / "export") as folder:
        assets = task.assets(run.description)
        for name, text in assets.items():
            (folder / name).write_text(text, encoding="utf-8")
        rows = _write_files(job, folder, formats, max_drop)
        failed = write_demo(job, folder, max_drop)
        for name, content in task.other_formats(run).items():
            (folder / name).write_bytes(content)
        labels = assets.get("labels.txt", "").splitlines()
        summary = {"template": run.record["template"], "run": run.path.name, "labels": labels}
        text = json.dumps({**summary, "files": rows}, indent=2, ensure_ascii=False)
        (folder / "export.json").write_text(text + "\n", encoding="utf-8")
    report.write(run)
    failed += [f"{row['format']}: {reason}" for row in rows for reason in row["failures"]]
    if failed:
        raise GateError("not exported, " + "; ".join(failed), rows)
    return rows


def require_tensorflow() -> None:
    """Raise a `UserError` where Keras runs on a backend that cannot write exports."""
    if keras.backend.backend() != "tensorflow":
        raise UserError(
            f"exports are written with TensorFlow, Keras runs on {keras.backend.backend()}; "
            f"export with KERAS_BACKEND=tensorflow"
        )


def _check_formats(formats: Sequence[str], max_drop: float) -> None:
    for name in formats:
        if name not in FORMATS:
            raise UserError(
                f"no format {name!r}{nearest(name, FORMATS)}; there are {', '.join(FORMATS)}"
            )
    if not formats:
        raise UserError(f"no format asked for; there are {', '.join(FORMATS)}")
    if not 0 <= max_drop <= 1:
        raise UserError(f"--max-drop must be between 0 and 1; received {max_drop}")


@dataclass(frozen=True)
class Job:
    """What is exported, and what it must agree with.

    Args:
        task: The run's task.
        endpoints: What goes into every file, by name.
        server_endpoints: What goes into the SavedModel as well.
        reference: Keras' answers on validation data.
        calibration: Training examples of each endpoint, for int8.
    """

    task: Task
    endpoints: dict[str, keras.Model]
    server_endpoints: dict[str, keras.Model]
    reference: Reference
    calibration: dict[str, Probe]


def job_of(run: Run, data: Any) -> Job:
    """Return what a run exports; the data is as the run sees it."""
    task = run.template.TASK
    endpoints, served = run.template.endpoints(run.model), task.server_endpoints(run)
    every, split = {**endpoints, **served}, "validation" if "validation" in data.splits else "train"
    probes = task.probes(run, data, split, GATE_EXAMPLES)
    outputs = {
        name: run_in_batches(_Keras(every), name, probes[name].inputs)
        for name in track(list(every), "answers of Keras", len(every))
    }
    return Job(
        task,
        endpoints,
        served,
        Reference(probes, outputs, task.agreement, task.judge),
        task.probes(run, data, "train", CALIBRATION_EXAMPLES),
    )


class _Keras:
    """The original endpoints, run like an exported file."""

    def __init__(self, endpoints: dict):
        self._endpoints = endpoints

    def run(self, endpoint: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        tensors = {name: keras.ops.convert_to_tensor(value) for name, value in inputs.items()}
        outputs = self._endpoints[endpoint].predict_on_batch(tensors)
        return {name: np.asarray(value) for name, value in outputs.items()}


def _write_files(
    job: Job, folder: Path, formats: Sequence[str], max_drop: float
) -> list[dict[str, Any]]:
    """Write what passes the gate into `folder` and return the table's rows."""
    with TemporaryDirectory(prefix=TEMPORARY, dir=folder.parent) as scratch:
        work = Path(scratch)
        made = {v: work / f"model_{v}.tflite" for v in VARIANTS if v in formats}
        crashes = convert_all(job, work, made)
        if "saved_model" in formats:
            every = {**job.endpoints, **job.server_endpoints}
            with waiting("writing the SavedModel"):
                write_saved_model(every, work / "saved_model", list(folder.iterdir()))
            made = {"saved_model": work / "saved_model", **made}
        rows = []
        for variant, path in track(made.items(), "checking", len(made)):
            verdict = verdict_of(job, path, variant, max_drop, crashes.get(variant))
            rows.append(_row(job, path, variant, verdict))
            if not verdict.failures:
                path.rename(folder / path.name)
    return rows


def convert_all(job: Job, work: Path, files: dict[str, Path]) -> dict[str, str]:
    """Write TFLite files, and return the reason for each that failed."""
    if not files:
        return {}
    calibration = work / "calibration"
    calibration.mkdir()
    for name in job.endpoints:
        np.savez(calibration / f"{name}.npz", **job.calibration[name].inputs)
    with waiting(f"converting to {', '.join(files)}"):
        with phone_recurrence():
            write_saved_model(job.endpoints, work / "convertible")
        return convert_apart(work / "convertible", list(job.endpoints), calibration, files)


def verdict_of(job: Job, path: Path, variant: str, max_drop: float, crash: str | None) -> Verdict:
    """Return what the gate finds of a file that was to be written."""
    if crash:
        return Verdict(agreement=0.0, failures=[crash])
    try:
        file = _open(path, variant)
    except Exception as error:  # Whatever a reader raises tells of the file.
        return Verdict(agreement=0.0, failures=[f"does not load: {first_line(error)}"])
    reference = job.reference if variant == "saved_model" else job.reference.of(job.endpoints)
    return examine(file, variant, reference, max_drop)


def _open(path: Path, variant: str) -> Runnable:
    if variant == "saved_model":
        return SavedModel(path)
    custom = custom_operators(path)
    if custom:
        raise ValueError(f"it uses operators no phone has: {', '.join(custom)}")
    return LiteRtFile(path)


def _row(job: Job, path: Path, variant: str, verdict: Verdict) -> dict[str, Any]:
    """Return a table row; what a failed file lacks is `None`."""
    score = None if verdict.score is None else round(verdict.score, 6)
    row = {
        "format": variant,
        "file": path.name,
        "bytes": None,
        **({job.task.score: score} if job.task.score else {}),
        "agreement": round(verdict.agreement, 6),
        "largest_error": float(f"{verdict.error:.3g}"),
        "latency_ms": None,
        "sha256": None,
        "endpoints": {},
        "failures": verdict.failures,
    }
    if verdict.failures:
        return row
    if path.is_dir():
        files = [p for p in path.rglob("*") if p.is_file()]
        row |= {"bytes": sum(p.stat().st_size for p in files), "sha256": folder_sha256(path)}
    else:
        first = next(iter(job.endpoints))
        row |= {"bytes": path.stat().st_size, "sha256": sha256(path)}
        file = LiteRtFile(path)
        row["latency_ms"] = round(latency(path, first, job.reference.probes[first].inputs), 3)
        row["endpoints"] = {name: file.tensors(name, job.task.ranges) for name in job.endpoints}
    return row
