"""ONNX and OpenVINO files, run with NumPy arrays: a folder with one file per endpoint.

Neither format knows signatures, so that each endpoint has a file of its own, by its name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from maquette.errors import UserError

# What each format is made and run by; the extra has its name.
PACKAGES = {"onnx": ("onnx", "onnxruntime", "tf2onnx"), "openvino": ("openvino",)}
GRAPHS = tuple(PACKAGES)


def missing_packages(name: str) -> list[str]:
    """Return the packages that a format lacks here."""
    return [package for package in PACKAGES.get(name, ()) if find_spec(package) is None]


def load_runtime(package: str, extra: str) -> ModuleType:
    """Import what runs a format.

    Args:
        package: Its name.
        extra: What to install maquette with, where the package is missing.

    Raises:
        UserError: it is missing.
    """
    if find_spec(package) is None:
        raise UserError(f"{package} is not installed: pip install 'maquette[{extra}]'")
    return import_module(package)


class OnnxFiles:
    """A folder of ONNX files, run by onnxruntime.

    Args:
        folder: With `ENDPOINT.onnx` for each endpoint.
        threads: Threads to run on. Defaults to all.
    """

    def __init__(self, folder: Path, threads: int | None = None):
        onnxruntime = load_runtime("onnxruntime", "onnx")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or 0
        options.log_severity_level = 3
        self._sessions = {
            name: onnxruntime.InferenceSession(str(file), options, ["CPUExecutionProvider"])
            for name, file in _files(folder, ".onnx")
        }

    def run(self, endpoint: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return an endpoint's outputs by name."""
        session = self._sessions[endpoint]
        names = [output.name for output in session.get_outputs()]
        return dict(zip(names, session.run(names, inputs), strict=True))

    def tensors(
        self, endpoint: str, ranges: dict[str, tuple[float, float]]
    ) -> dict[str, list[dict[str, Any]]]:
        """Return name, shape, type and range of the inputs and outputs of an endpoint."""
        session = self._sessions[endpoint]
        sides = {"inputs": session.get_inputs(), "outputs": session.get_outputs()}
        return {
            side: [
                _told(each.name, _sizes(each.shape), _onnx_type(each.type), ranges)
                for each in tensors
            ]
            for side, tensors in sides.items()
        }


class OpenVinoFiles:
    """A folder of OpenVINO files, run on the CPU in floats of 32 bits.

    Args:
        folder: With `ENDPOINT.xml` and `ENDPOINT.bin` for each endpoint.
        threads: Threads to run on. Defaults to all.
    """

    def __init__(self, folder: Path, threads: int | None = None):
        openvino = load_runtime("openvino", "openvino")
        # On processors that have them, OpenVINO would compute in floats of 16 bits.
        settings: dict[str, Any] = {"INFERENCE_PRECISION_HINT": "f32"}
        if threads is not None:
            settings["INFERENCE_NUM_THREADS"] = threads
        core = openvino.Core()
        self._models = {
            name: core.compile_model(str(file), "CPU", settings)
            for name, file in _files(folder, ".xml")
        }

    def run(self, endpoint: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return an endpoint's outputs by name."""
        model = self._models[endpoint]
        return {port.any_name: array for port, array in model(inputs).items()}

    def tensors(
        self, endpoint: str, ranges: dict[str, tuple[float, float]]
    ) -> dict[str, list[dict[str, Any]]]:
        """Return name, shape, type and range of the inputs and outputs of an endpoint."""
        model = self._models[endpoint]
        sides = {"inputs": model.inputs, "outputs": model.outputs}
        return {
            side: [
                _told(
                    port.any_name,
                    [size.get_length() if size.is_static else -1 for size in port.partial_shape],
                    port.element_type.to_dtype(),
                    ranges,
                )
                for port in ports
            ]
            for side, ports in sides.items()
        }


def _files(folder: Path, suffix: str) -> Iterator[tuple[str, Path]]:
    """Yield the endpoints of a folder and their files."""
    for file in sorted(folder.glob(f"*{suffix}")):
        yield file.stem, file


def _told(
    name: str, shape: list[int], dtype: Any, ranges: dict[str, tuple[float, float]]
) -> dict[str, Any]:
    return {
        "name": name,
        "shape": shape,
        "type": np.dtype(dtype).name,
        "range": ranges.get(name),
    }


def _sizes(shape: Sequence[int | str | None]) -> list[int]:
    return [size if isinstance(size, int) else -1 for size in shape]


def _onnx_type(name: str) -> str:
    """Return NumPy's name of a type, e.g. `"float32"` of `"tensor(float)"`."""
    short = name.removeprefix("tensor(").removesuffix(")")
    return {"float": "float32", "double": "float64"}.get(short, short)
