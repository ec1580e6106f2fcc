"""The table of an export: one row per file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from maquette.exporting.formats import Target
from maquette.exporting.gate import Verdict
from maquette.exporting.job import Job
from maquette.exporting.ladder import Climbed
from maquette.exporting.opening import latency, opened
from maquette.files import sha256_of, size_of

DIRECTLY = "as it is"


def file_row(job: Job, target: Target, climbed: Climbed) -> dict[str, Any]:
    """Return the row of what a target asked for, or of what none of its rungs could make.

    Args:
        job: What is exported.
        target: What was asked for, a TFLite file or a folder of ONNX or OpenVINO files.
        climbed: How it was made.
    """
    attempt = climbed.attempt
    row = _row(job, target.name, target.file, attempt.verdict)
    row |= {"rung": climbed.rung, "tried": list(climbed.tried)}
    if not attempt.passed:
        return row
    first = next(iter(job.endpoints))
    made = opened(attempt.path)
    return row | {
        "bytes": size_of(attempt.path),
        "latency_ms": round(latency(attempt.path, first, job.reference.probes[first].inputs), 3),
        "sha256": sha256_of(attempt.path),
        "endpoints": {name: made.tensors(name, job.task.ranges) for name in job.endpoints},
    }


def saved_model_row(job: Job, path: Path, verdict: Verdict) -> dict[str, Any]:
    """Return the row of a SavedModel."""
    row = _row(job, "saved_model", path.name, verdict)
    if verdict.failures:
        return row | {"tried": [{"rung": DIRECTLY, "failures": verdict.failures}]}
    return row | {"bytes": size_of(path), "sha256": sha256_of(path), "rung": DIRECTLY}


def repair(row: dict[str, Any]) -> str | None:
    """Return a line on a file that was not made directly, or `None` of one that was."""
    if not row["tried"] or row["failures"]:
        return None
    first = row["tried"][0]
    return f"{row['format']}: {first['failures'][0]}; so it was made with {row['rung']}"


def refusal(row: dict[str, Any]) -> str:
    """Return why a row has no file, and what else was tried."""
    reasons = "; ".join(row["failures"])
    others = [tried["rung"] for tried in row["tried"][1:]]
    return f"{row['format']}: {reasons}" + (f" (nor with {', '.join(others)})" if others else "")


def _row(job: Job, name: str, file: str, verdict: Verdict) -> dict[str, Any]:
    """Return what all rows tell; what a failed file lacks is `None`."""
    score = None if verdict.score is None else round(verdict.score, 6)
    return {
        "format": name,
        "file": file,
        "bytes": None,
        **({job.task.score: score} if job.task.score else {}),
        "agreement": round(verdict.agreement, 6),
        "largest_error": float(f"{verdict.error:.3g}"),
        "latency_ms": None,
        "sha256": None,
        "endpoints": {},
        "failures": verdict.failures,
        "rung": None,
        "tried": [],
    }
