"""The gate: what an exported file must show before it leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from maquette.tasks.task import Probe

BATCH = 32

# Lowest share of outputs that must agree with Keras. Float files compute the same function;
# quantised ones may tip examples that lie on the edge between two answers.
LEAST_AGREEMENT = {
    "saved_model": 0.999,
    "float32": 0.999,
    "float16": 0.98,
    "dynamic": 0.95,
    "int8": 0.90,
    "int16x8": 0.95,
    "int4": 0.90,
    "onnx": 0.999,
    "openvino": 0.999,
}
# Largest error relative to the size of the outputs, for files that compute in floats.
FLOATS = ("saved_model", "float32", "onnx", "openvino")
LARGEST_ERROR = {**dict.fromkeys(FLOATS, 1e-4), "float16": 2e-2}


class Runnable(Protocol):
    """An exported file that can be run."""

    def run(self, endpoint: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]: ...


@dataclass(frozen=True)
class Reference:
    """What Keras answers to real inputs of the endpoints, and the score of those answers.

    Args:
        probes: Real inputs and targets of each endpoint, by its name.
        outputs: Keras' outputs of each endpoint, by name.
        agreement: The task's measure of agreement between two sets of an endpoint's outputs.
        judge: The task's score of outputs, or `None` for an endpoint that has none.
    """

    probes: dict[str, Probe]
    outputs: dict[str, dict[str, np.ndarray]]
    agreement: Callable[[str, dict, dict], float]
    judge: Callable[[str, dict, np.ndarray], float | None]

    def of(self, endpoints: Iterable[str]) -> Reference:
        """Return the part that concerns some endpoints."""
        return replace(
            self,
            probes={name: self.probes[name] for name in endpoints},
            outputs={name: self.outputs[name] for name in endpoints},
        )


@dataclass
class Verdict:
    """What the gate found.

    Args:
        score: Score of the file on real data, e.g. accuracy; `None` where the task has none.
        agreement: Lowest share of outputs, over the endpoints, that agree with Keras.
        error: Largest error over the endpoints, relative to the size of the outputs.
        failures: What the file did not pass, one line each.
        outputs: What each endpoint that ran has answered.
    """

    score: float | None = None
    agreement: float = 1.0
    error: float = 0.0
    failures: list[str] = field(default_factory=list)
    outputs: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)


def examine(
    file: Runnable, variant: str, reference: Reference, max_drop: float, batch: int = BATCH
) -> Verdict:
    """Run a file on real data and compare it with Keras.

    Args:
        file: The exported file.
        variant: What kind it is; decides how closely it must agree.
        reference: Keras' answers.
        max_drop: Score that the file may lose. One example more or less is below what the data
            can measure, and is always allowed.
        batch: Number of examples to run at a time.
    """
    verdict = Verdict()
    for endpoint, expected in reference.outputs.items():
        try:
            received = run_in_batches(file, endpoint, reference.probes[endpoint].inputs, batch)
        except Exception as error:  # Whatever a runtime raises tells of the file.
            verdict.failures.append(f"{endpoint} does not run: {first_line(error)}")
            verdict.agreement = 0.0
            continue
        if _form(expected) != _form(received):
            verdict.failures.append(f"{endpoint} returns {_form(received)}, not {_form(expected)}")
            verdict.agreement = 0.0
            continue
        verdict.outputs[endpoint] = received
        _compare(verdict, endpoint, variant, expected, received, reference)
        _score(verdict, endpoint, expected, received, reference, max_drop)
    return verdict


def first_line(error: Exception) -> str:
    """Return the first line of an error's message, or its type where it has none."""
    return str(error).strip().partition("\n")[0] or type(error).__name__


def run_in_batches(
    file: Runnable, endpoint: str, inputs: dict[str, np.ndarray], batch: int = BATCH
) -> dict[str, np.ndarray]:
    """Return an endpoint's outputs for all inputs."""
    count = len(next(iter(inputs.values())))
    parts = [
        file.run(endpoint, {name: array[i : i + batch] for name, array in inputs.items()})
        for i in range(0, count, batch)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def relative_error(expected: np.ndarray, received: np.ndarray) -> float:
    """Return the largest absolute difference over the largest absolute value."""
    if not np.all(np.isfinite(received)):
        return float("inf")
    expected, received = expected.astype(np.float64), received.astype(np.float64)
    return float(np.abs(expected - received).max() / max(np.abs(expected).max(), 1e-12))


def _form(outputs: dict[str, np.ndarray]) -> str:
    """Return names and shapes, e.g. `"probabilities (270, 10)"`."""
    return ", ".join(f"{name} {outputs[name].shape}" for name in sorted(outputs))


def _compare(
    verdict: Verdict, endpoint: str, variant: str, expected: dict, received: dict, reference: Any
) -> None:
    # A number such as an id has no near misses; the task's agreement judges those.
    numbers = [name for name in expected if np.issubdtype(expected[name].dtype, np.floating)]
    error = max((relative_error(expected[name], received[name]) for name in numbers), default=0.0)
    agreement = reference.agreement(endpoint, expected, received)
    verdict.error = max(verdict.error, error)
    verdict.agreement = min(verdict.agreement, agreement)
    if error > LARGEST_ERROR.get(variant, float("inf")) or not np.isfinite(error):
        verdict.failures.append(
            f"{endpoint} differs from Keras by {error:.2g} of its largest output, "
            f"at most {LARGEST_ERROR.get(variant, 'a finite number')} is allowed"
        )
    if agreement < LEAST_AGREEMENT[variant]:
        verdict.failures.append(
            f"{endpoint} agrees with Keras on {agreement:.1%} of the inputs, "
            f"at least {LEAST_AGREEMENT[variant]:.1%} is required"
        )


def _score(
    verdict: Verdict, endpoint: str, expected: dict, received: dict, reference: Any, drop: float
) -> None:
    targets = reference.probes[endpoint].targets
    before = None if targets is None else reference.judge(endpoint, expected, targets)
    if before is None:
        return
    after = reference.judge(endpoint, received, targets)
    verdict.score = after if verdict.score is None else min(verdict.score, after)
    allowed = max(drop, 1 / len(targets))
    if before - after > allowed + 1e-9:
        verdict.failures.append(
            f"{endpoint} scores {after:.4f}, Keras {before:.4f}: "
            f"the drop of {before - after:.4f} is more than --max-drop {drop:g}"
        )
