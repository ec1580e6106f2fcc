"""Exporting a run: SavedModel and TFLite files, each through the gate, and a table of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

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
from maquette.exporting.saved_model import SavedModel, write_saved_model
from maquette.files import folder_written_whole, sha256
from maquette.progress import track, waiting
from maquette.reporting import report
from maquette.run import Run

VARIANTS = ("float32", "float16", "dynamic", "int8")
FORMATS = ("saved_model", *VARIANTS)
CALIBRATION_EXAMPLES = 200
GATE_EXAMPLES = 1000


def export(
    run: str | Path | Run, formats: Sequence[str] = FORMATS, max_drop: float = 0.01
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

    Returns:
        One row per format: file, bytes, score, agreement, median latency, sha256, inputs and
        outputs; `failures` lists what did not pass. The same is in `export/export.json`.

    Raises:
        UserError: the run, its data or a format cannot be used.
        GateError: a file failed the gate. The others are written.
    """
    run = run if isinstance(run, Run) else Run(run)
    _check_formats(formats, max_drop)
    data = open_run_data(run)
    endpoints = run.template.endpoints(run.model)
    reference = _reference(run, endpoints, data)
    with folder_written_whole(run.path / "export") as folder:
        assets = run.template.TASK.assets(run.description)
        for name, text in assets.items():
            (folder / name).write_text(text, encoding="utf-8")
        rows = _write_files(run, endpoints, data, reference, folder, formats, max_drop)
        summary = {"template": run.record["template"], "run": run.path.name, **_lists(assets)}
        text = json.dumps({**summary, "files": rows}, indent=2, ensure_ascii=False)
        (folder / "export.json").write_text(text + "\n", encoding="utf-8")
    report.write(run)
    failed = [f"{row['format']}: {reason}" for row in rows for reason in row["failures"]]
    if failed:
        raise GateError("not exported, " + "; ".join(failed), rows)
    return rows


def _lists(assets: dict[str, str]) -> dict[str, list[str]]:
    """Return assets of one entry a line as lists, e.g. `labels` from `labels.txt`."""
    return {Path(name).stem: text.splitlines() for name, text in assets.items()}


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


def _reference(run: Run, endpoints: dict, data: Any) -> Reference:
    task = run.template.TASK
    examples = task.examples(run.model, data, "validation").sample(GATE_EXAMPLES)
    inputs = {name: task.inputs(endpoint, examples) for name, endpoint in endpoints.items()}
    outputs = {
        name: run_in_batches(_Keras(endpoints), name, inputs[name])
        for name in track(list(endpoints), "answers of Keras", len(endpoints))
    }
    return Reference(inputs, outputs, examples.y, task.agreement, task.judge)


class _Keras:
    """The original endpoints, run like an exported file."""

    def __init__(self, endpoints: dict):
        self._endpoints = endpoints

    def run(self, endpoint: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        outputs = self._endpoints[endpoint].predict_on_batch(inputs)
        return {name: np.asarray(value) for name, value in outputs.items()}


def _write_files(
    run: Run,
    endpoints: dict,
    data: Any,
    reference: Reference,
    folder: Path,
    formats: Sequence[str],
    max_drop: float,
) -> list[dict[str, Any]]:
    """Write what passes the gate into `folder` and return the table's rows."""
    with TemporaryDirectory(prefix=".convert-", dir=folder.parent) as scratch:
        work = Path(scratch)
        saved_model = work / "saved_model"
        with waiting("writing the SavedModel"):
            write_saved_model(endpoints, saved_model, list(folder.iterdir()))
        made = {v: work / f"model_{v}.tflite" for v in VARIANTS if v in formats}
        _write_calibration(run, endpoints, data, work / "calibration")
        with waiting(f"converting to {', '.join(made)}"):
            crashes = convert_apart(saved_model, list(endpoints), work / "calibration", made)
        if "saved_model" in formats:
            made = {"saved_model": saved_model, **made}
        rows = []
        for variant, path in track(made.items(), "checking", len(made)):
            verdict = _verdict(path, variant, reference, max_drop, crashes.get(variant))
            rows.append(_row(path, variant, endpoints, reference, run.template.TASK, verdict))
            if not verdict.failures:
                path.rename(folder / path.name)
    return rows


def _write_calibration(run: Run, endpoints: dict, data: Any, folder: Path) -> None:
    task = run.template.TASK
    folder.mkdir()
    examples = task.examples(run.model, data, "train").sample(CALIBRATION_EXAMPLES)
    for name, endpoint in endpoints.items():
        np.savez(folder / f"{name}.npz", **task.inputs(endpoint, examples))


def _verdict(
    path: Path, variant: str, reference: Reference, max_drop: float, crash: str | None
) -> Verdict:
    if crash:
        return Verdict(agreement=0.0, failures=[crash])
    try:
        file = _open(path, variant)
    except Exception as error:  # Whatever a reader raises tells of the file.
        return Verdict(agreement=0.0, failures=[f"does not load: {first_line(error)}"])
    return examine(file, variant, reference, max_drop)


def _open(path: Path, variant: str) -> Runnable:
    if variant == "saved_model":
        return SavedModel(path)
    custom = custom_operators(path)
    if custom:
        raise ValueError(f"it uses operators no phone has: {', '.join(custom)}")
    return LiteRtFile(path)


def _row(
    path: Path, variant: str, endpoints: dict, reference: Reference, task: Any, verdict: Verdict
) -> dict[str, Any]:
    """Return a table row; what a failed file lacks is `None`."""
    row = {
        "format": variant,
        "file": path.name,
        "bytes": None,
        task.score: None if verdict.score is None else round(verdict.score, 6),
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
        files = sorted(p for p in path.rglob("*") if p.is_file())
        digest = hashlib.sha256("".join(f"{p.name} {sha256(p)}\n" for p in files).encode())
        row |= {"bytes": sum(p.stat().st_size for p in files), "sha256": digest.hexdigest()}
    else:
        first = next(iter(endpoints))
        row |= {"bytes": path.stat().st_size, "sha256": sha256(path)}
        file = LiteRtFile(path)
        row["latency_ms"] = round(latency(path, first, reference.inputs[first]), 3)
        row["endpoints"] = {name: file.tensors(name, task.ranges) for name in endpoints}
    return row
