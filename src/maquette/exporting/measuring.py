"""What an exported file costs and how well it does, without keeping it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from maquette.errors import GateError
from maquette.exporting.gate import Verdict
from maquette.exporting.job import Job, job_of
from maquette.exporting.ladder import climb
from maquette.exporting.opening import latency
from maquette.exporting.workshop import Recipe, Workshop
from maquette.files import TEMPORARY
from maquette.run import Run

ANY_DROP = 1.0
ROUNDS = 3


@dataclass(frozen=True)
class Measured:
    """An exported file in numbers.

    Attributes:
        bytes: Its size.
        latency_ms: Median time of one example on one thread, in milliseconds; the lowest of three
            rounds, since other work on the machine only adds to it.
        scores: Its score on each validation example, shape `(n,)`, at most 1,000 spread evenly;
            `None` where the gate's score is no mean over examples.
    """

    bytes: int
    latency_ms: float
    scores: np.ndarray | None


def measure(run: Run, data: Any, variant: str = "int8") -> Measured:
    """Export a run to one TFLite file, put it through the gate, and measure it.

    The gate lets any loss of score through: how much is lost is one of the figures.

    Example:
        >>> measure(run, open_run_data(run)).latency_ms

    Args:
        run: With a trained model.
        data: Its data as it sees them.
        variant: `"float32"`, `"float16"`, `"dynamic"` or `"int8"`.

    Raises:
        GateError: the file was not made, does not run, or does not agree with Keras.
    """
    job = job_of(run, data)
    with (
        TemporaryDirectory(prefix=TEMPORARY, dir=run.path) as scratch,
        Workshop(job, Path(scratch), ANY_DROP) as workshop,
    ):
        made = climb(workshop, Recipe(variant)).attempt
        if not made.passed:
            raise GateError("; ".join(made.verdict.failures))
        first = next(iter(job.endpoints))
        inputs = job.reference.probes[first].inputs
        milliseconds = min(latency(made.path, first, inputs) for _ in range(ROUNDS))
        return Measured(made.path.stat().st_size, milliseconds, _scores(job, made.verdict))


def _scores(job: Job, verdict: Verdict) -> np.ndarray | None:
    for endpoint, outputs in verdict.outputs.items():
        targets = job.reference.probes[endpoint].targets
        if targets is None or job.task.judge(endpoint, outputs, targets) is None:
            continue
        values = np.array(
            [
                job.task.judge(endpoint, {n: v[i : i + 1] for n, v in outputs.items()}, target)
                for i, target in enumerate(np.split(targets, len(targets)))
            ]
        )
        return values if np.isclose(values.mean(), verdict.score) else None
    return None
