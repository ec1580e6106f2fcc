"""Opening exported files of any format, and timing them."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from maquette.exporting.gate import Runnable
from maquette.exporting.graphs import OnnxFiles, OpenVinoFiles, load_runtime

LATENCY_RUNS, WARM_UP_RUNS = 30, 3


def opened(path: Path, threads: int | None = None) -> Runnable:
    """Return an exported file that can be run.

    Args:
        path: A TFLite file, or a folder: a SavedModel, for which TensorFlow is loaded, or one of
            ONNX or OpenVINO files.
        threads: Threads to run on, but for SavedModels. Defaults to all.
    """
    return opener(path, threads)()


def opener(path: Path, threads: int | None = None) -> Callable[[], Runnable]:
    """Load the runtime of an exported file, and return what opens it.

    Args:
        path: A file or folder, as for `opened`.
        threads: Threads to run on. Those of a SavedModel can be set only before the first is run.
    """
    if not path.is_dir():
        from maquette.exporting.litert import LiteRtFile

        return lambda: LiteRtFile(path, threads)
    if any(path.glob("*.onnx")):
        load_runtime("onnxruntime", "onnx")
        return lambda: OnnxFiles(path, threads)
    if any(path.glob("*.xml")):
        load_runtime("openvino", "openvino")
        return lambda: OpenVinoFiles(path, threads)
    from maquette.quiet import load_tensorflow

    load_tensorflow()
    from maquette.exporting.saved_model import SavedModel

    return lambda: SavedModel(path)


def latency(path: Path, endpoint: str, inputs: dict[str, np.ndarray]) -> float:
    """Return the median time of one example on one thread, in milliseconds."""
    model = opened(path, threads=1)
    one = {name: array[:1] for name, array in inputs.items()}
    times = []
    for _ in range(WARM_UP_RUNS + LATENCY_RUNS):
        began = time.perf_counter()
        model.run(endpoint, one)
        times.append(time.perf_counter() - began)
    return 1000 * float(np.median(times[WARM_UP_RUNS:]))
