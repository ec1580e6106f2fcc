"""Python where maquette cannot be imported."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from pathlib import Path

import numpy as np

PREDICT = """
import json, sys, traceback
sys.modules["maquette"] = None
import numpy as np, tensorflow as tf
for line in sys.stdin:
    saved_model, endpoint, inputs, outputs = json.loads(line)
    try:
        signature = tf.saved_model.load(saved_model).signatures[endpoint]
        tensors = {name: tf.constant(array) for name, array in np.load(inputs).items()}
        np.savez(outputs, **{name: array.numpy() for name, array in signature(**tensors).items()})
        failure = ""
    except Exception:
        failure = traceback.format_exc()
    print(json.dumps(failure), flush=True)
"""


def run_without_maquette(file: Path, *words: object) -> subprocess.CompletedProcess:
    """Run a Python file where neither maquette, Keras nor TensorFlow can be imported."""
    block = "sys.modules.update(dict.fromkeys(['maquette', 'keras', 'tensorflow']))"
    start = f"import sys, runpy; {block}; sys.argv = sys.argv[1:]; "
    start += f"sys.path.insert(0, {str(file.parent)!r}); "
    script = start + f"runpy.run_path({str(file)!r}, run_name='__main__')"
    command = [sys.executable, "-c", script, str(file), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True)


def predict_without_maquette(
    saved_model: Path, endpoint: str, inputs: dict[str, np.ndarray], folder: Path
) -> dict[str, np.ndarray]:
    """Return what an endpoint of a SavedModel answers; its inputs and outputs go through files."""
    files = [str(folder / name) for name in ("inputs.npz", "outputs.npz")]
    np.savez(files[0], **inputs)
    child = _predictor()
    child.stdin.write(json.dumps([str(saved_model), endpoint, *files]) + "\n")
    child.stdin.flush()
    failure = json.loads(child.stdout.readline() or '"its process ended"')
    assert not failure, failure
    return dict(np.load(files[1]))


@functools.cache
def _predictor() -> subprocess.Popen:
    """Start the process that answers for all templates, since TensorFlow takes long to import.

    It ends with its input: when this process does.
    """
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    return subprocess.Popen([sys.executable, "-c", PREDICT], text=True, **pipes)
