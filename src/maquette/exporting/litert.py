"""TFLite files: making them in a child process, looking inside, and running them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from maquette.quiet import quiet_stream

LATENCY_RUNS, WARM_UP_RUNS = 30, 3
LONGEST_CONVERSION = 1800  # seconds
LITE_CUSTOM = int(schema.BuiltinOperator.CUSTOM)


def convert_apart(
    saved_model: Path, signatures: list[str], calibration: Path, files: dict[str, Path]
) -> dict[str, str]:
    """Convert a SavedModel to the given files in a child process.

    A variant that crashes the converter does not keep the others from being made.

    Args:
        saved_model: Folder of the SavedModel.
        signatures: Names of its signatures.
        calibration: Folder of real inputs, one `.npz` per signature.
        files: Path to write for each variant.

    Returns:
        For each variant that failed, the reason.
    """
    failures: dict[str, str] = {}
    waiting = dict(files)
    while waiting:
        request = {
            "saved_model": str(saved_model),
            "signatures": signatures,
            "calibration": str(calibration),
            "files": {variant: str(path) for variant, path in waiting.items()},
        }
        request_file = saved_model.parent / "request.json"
        request_file.write_text(json.dumps(request), encoding="utf-8")
        reason = _run_child(request_file)
        waiting = {v: path for v, path in waiting.items() if not path.exists()}
        if waiting:
            failed = next(iter(waiting))
            failures[failed] = reason or "the converter wrote no file"
            del waiting[failed]
    return failures


def _run_child(request_file: Path) -> str:
    """Return an empty string, or why the child process failed."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-m", "maquette.exporting.convert", str(request_file)]
    try:
        child = subprocess.run(
            command, capture_output=True, text=True, env=environment, timeout=LONGEST_CONVERSION
        )
    except subprocess.TimeoutExpired:
        return f"the converter took longer than {LONGEST_CONVERSION} s"
    if child.returncode < 0:
        return f"the converter crashed (signal {-child.returncode})"
    if child.returncode > 0:
        lines = [line.strip() for line in child.stderr.splitlines() if "Error" in line]
        return lines[-1][:300] if lines else f"the converter exited with {child.returncode}"
    return ""


class LiteRtFile:
    """A TFLite file, run with NumPy arrays.

    Args:
        path: The file.
        threads: Threads to run on. Defaults to all.
    """

    def __init__(self, path: Path, threads: int | None = None):
        with quiet_stream():
            self._interpreter = Interpreter(str(path), num_threads=threads or os.cpu_count())
            self._interpreter.allocate_tensors()

    def run(self, endpoint: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return an endpoint's outputs by name."""
        return dict(self._interpreter.get_signature_runner(endpoint)(**inputs))

    def tensors(
        self, endpoint: str, ranges: dict[str, tuple[float, float]]
    ) -> dict[str, list[dict[str, Any]]]:
        """Return name, shape, type and range of the inputs and outputs of an endpoint.

        Args:
            endpoint: Name of the endpoint.
            ranges: Lowest and highest value by name, where they are known.
        """
        runner = self._interpreter.get_signature_runner(endpoint)
        sides = {"inputs": runner.get_input_details(), "outputs": runner.get_output_details()}
        return {
            side: [
                {
                    "name": name,
                    "shape": [int(n) for n in detail["shape_signature"]],
                    "type": np.dtype(detail["dtype"]).name,
                    "range": ranges.get(name),
                }
                for name, detail in details.items()
            ]
            for side, details in sides.items()
        }


def latency(path: Path, endpoint: str, inputs: dict[str, np.ndarray]) -> float:
    """Return the median time of one example on one thread, in milliseconds."""
    model = LiteRtFile(path, threads=1)
    one = {name: array[:1] for name, array in inputs.items()}
    times = []
    for _ in range(WARM_UP_RUNS + LATENCY_RUNS):
        began = time.perf_counter()
        model.run(endpoint, one)
        times.append(time.perf_counter() - began)
    return 1000 * float(np.median(times[WARM_UP_RUNS:]))


def custom_operators(path: Path) -> list[str]:
    """Return the names of the operators that a phone's runtime does not bring along."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(path.read_bytes(), 0))
    return [
        (code.customCode or b"unnamed").decode()
        for code in model.operatorCodes
        if max(code.builtinCode, code.deprecatedBuiltinCode) == LITE_CUSTOM
    ]
