"""Converting a SavedModel to TFLite files: `python -m maquette.exporting.convert REQUEST`.

It runs in a process of its own, because the converter can crash. REQUEST is a JSON file with
`saved_model`, `signatures`, `calibration` (a folder with one `.npz` per signature) and `files`, a
mapping of variant to the path to write. Each file appears when its conversion is done, so a
reader knows how far a crashed process came.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf


def convert(request: dict, variant: str) -> bytes:
    """Return the bytes of one TFLite file with builtin operators only."""
    converter = tf.lite.TFLiteConverter.from_saved_model(
        request["saved_model"], signature_keys=request["signatures"]
    )
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    if variant != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if variant == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if variant == "int8":
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.representative_dataset = calibration(Path(request["calibration"]))
    return converter.convert()


def calibration(folder: Path) -> Callable[[], Iterator]:
    """Return the function that yields real inputs, one example at a time, for each signature."""
    arrays = {file.stem: dict(np.load(file, allow_pickle=False)) for file in folder.glob("*.npz")}

    def examples() -> Iterator:
        for signature, inputs in arrays.items():
            for index in range(len(next(iter(inputs.values())))):
                example = {name: array[index : index + 1] for name, array in inputs.items()}
                # With a single signature the converter refuses the (name, inputs) pair.
                yield example if len(arrays) == 1 else (signature, example)

    return examples


def main() -> None:
    """Convert what the request file asks for."""
    request = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    for variant, path in request["files"].items():
        content = convert(request, variant)
        temporary = Path(path).with_suffix(".part")
        temporary.write_bytes(content)
        temporary.replace(path)


if __name__ == "__main__":
    main()
