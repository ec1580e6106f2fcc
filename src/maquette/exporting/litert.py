"""TFLite files: looking inside, and running them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from maquette.exporting.freezing import builtin, read
from maquette.quiet import quiet_stream

CUSTOM = int(schema.BuiltinOperator.CUSTOM)


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
        """Return an endpoint's outputs by name; integers that stand for floats are translated."""
        runner = self._interpreter.get_signature_runner(endpoint)
        takes, gives = runner.get_input_details(), runner.get_output_details()
        given = {name: _quantised(array, takes[name]) for name, array in inputs.items()}
        return {name: _real(array, gives[name]) for name, array in runner(**given).items()}

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
                    "type": type_name(np.dtype(detail["dtype"])),
                    "range": ranges.get(name),
                }
                for name, detail in details.items()
            ]
            for side, details in sides.items()
        }


def type_name(kind: np.dtype) -> str:
    """Return the name of a tensor's type, e.g. `"float32"` or `"string"`."""
    return "string" if kind.kind in "OSU" else kind.name


def custom_operators(path: Path) -> list[str]:
    """Return the names of the operators that a phone's runtime does not bring along."""
    return [
        (code.customCode or b"unnamed").decode()
        for code in read(path.read_bytes()).operatorCodes
        if builtin(code) == CUSTOM
    ]


def operators(path: Path) -> list[str]:
    """Return the names of the kinds of builtin operators in a file, e.g. `"CONV_2D"`."""
    names = {number: name for name, number in vars(schema.BuiltinOperator).items()}
    codes = {builtin(code) for code in read(path.read_bytes()).operatorCodes}
    return sorted(names[code] for code in codes if code != CUSTOM)


def _quantised(array: np.ndarray, detail: dict[str, Any]) -> np.ndarray:
    scale, zero = detail["quantization"]
    if not scale or not np.issubdtype(array.dtype, np.floating):
        return array
    limits = np.iinfo(detail["dtype"])
    steps = np.round(array / scale + zero).clip(limits.min, limits.max)
    return steps.astype(detail["dtype"])


def _real(array: np.ndarray, detail: dict[str, Any]) -> np.ndarray:
    scale, zero = detail["quantization"]
    if not scale or np.issubdtype(array.dtype, np.floating):
        return array
    return ((array.astype(np.float32) - zero) * scale).astype(np.float32)
