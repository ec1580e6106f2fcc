"""Running one exported file, to score and time it: `python -m maquette.exporting.measure_file`.

It runs in a process of its own, so that a file that crashes its runtime costs that file alone, and
so that the memory is that of one file. The argument is a JSON file with `path`, `threads`, `inputs`
(a folder with one `.npz` per endpoint), `first` (the endpoint to time), `outputs` (a folder for the
answers, or null for none) and `result`, the JSON file to write.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from maquette.exporting.gate import Runnable, run_in_batches
from maquette.exporting.opening import opener
from maquette.peak_memory import peak_memory

WARM_UP_RUNS, LEAST_RUNS, MOST_RUNS = 5, 20, 500
SECONDS = 3.0


def measure(request: dict[str, Any]) -> dict[str, float | None]:
    """Return the times of one example in milliseconds, and the peak memory in bytes."""
    folder = Path(request["inputs"])
    inputs = {file.stem: dict(np.load(file, allow_pickle=False)) for file in folder.glob("*.npz")}
    one = {name: array[:1] for name, array in inputs[request["first"]].items()}
    opens = _opener(request)
    before = peak_memory(fresh=True)
    file = opens()
    times = timed(file, request["first"], one)
    after = peak_memory()
    if request["outputs"]:
        for name, arrays in inputs.items():
            outputs = run_in_batches(file, name, arrays)
            np.savez(Path(request["outputs"]) / f"{name}.npz", **outputs)
    return {
        "median_ms": 1000 * float(np.median(times)),
        "p95_ms": 1000 * float(np.percentile(times, 95)),
        "memory": None if before is None or after is None else after - before,
    }


def _opener(request: dict[str, Any]) -> Callable[[], Runnable]:
    """Return what opens the file; the runtime is loaded, so that it does not count as memory."""
    path, threads = Path(request["path"]), request["threads"]
    opens = opener(path, threads)
    # Only a SavedModel has loaded it.
    if tensorflow := sys.modules.get("tensorflow"):
        tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
        tensorflow.config.threading.set_inter_op_parallelism_threads(threads)
    return opens


def timed(file: Runnable, endpoint: str, inputs: dict[str, np.ndarray]) -> np.ndarray:
    """Return the seconds of each of many runs, after some that do not count."""
    for _ in range(WARM_UP_RUNS):
        file.run(endpoint, inputs)
    times: list[float] = []
    while len(times) < LEAST_RUNS or (sum(times) < SECONDS and len(times) < MOST_RUNS):
        began = time.perf_counter()
        file.run(endpoint, inputs)
        times.append(time.perf_counter() - began)
    return np.array(times)


def main() -> None:
    """Measure what the request file asks for."""
    request = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    result = measure(request)
    Path(request["result"]).write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main()
