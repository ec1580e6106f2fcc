"""Converting SavedModels to files of other formats: `python -m maquette.exporting.convert`.

It runs in a process of its own, because the converter can crash. Each line of its input is a
request in JSON with `saved_model`, `signatures`, `calibration` (a folder with one `.npz` per
signature), `precision`, `io`, `floats` (names of operators that stay in float), `properties` (what
ONNX and OpenVINO files tell of themselves) and the `path` to write. The file, or the folder of
those of the two, appears when it is done; what cannot be converted leaves its reason in a file
beside it that ends in `.refused`.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

import numpy as np
import tensorflow as tf

from maquette.exporting.convert_graphs import WRITERS

BUILTINS, INT8 = tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.TFLITE_BUILTINS_INT8
INT16X8 = tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
OPERATORS = {"int8": [INT8], "int16x8": [INT16X8, BUILTINS]}


def write(request: dict, path: Path) -> None:
    """Write what a request asks for to a path."""
    if request["precision"] in WRITERS:
        path.mkdir()
        WRITERS[request["precision"]](request, path)
    else:
        path.write_bytes(convert(request))


def convert(request: dict) -> bytes:
    """Return the bytes of one TFLite file with builtin operators only."""
    if request["precision"] == "int4":
        return _with_int4_weights(request)
    if request.get("floats"):
        return _partly_in_float(request)
    return converter(request).convert()


def converter(request: dict) -> tf.lite.TFLiteConverter:
    """Return the converter of a request, ready to convert."""
    precision, made = request["precision"], _open(request)
    made.target_spec.supported_ops = OPERATORS.get(precision, [BUILTINS])
    if precision not in ("float32", "int4"):
        made.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision == "float16":
        made.target_spec.supported_types = [tf.float16]
    if precision in OPERATORS:
        made.representative_dataset = calibration(Path(request["calibration"]))
    if request.get("io") == "uint8":
        made.inference_input_type = made.inference_output_type = tf.uint8
    return made


def _open(request: dict) -> tf.lite.TFLiteConverter:
    return tf.lite.TFLiteConverter.from_saved_model(
        request["saved_model"], signature_keys=request["signatures"]
    )


def _with_int4_weights(request: dict) -> bytes:
    from ai_edge_quantizer import quantizer, recipe

    maker = quantizer.Quantizer(bytearray(converter(request).convert()))
    maker.load_quantization_recipe(recipe.dynamic_wi4_afp32())
    return bytes(maker.quantize().quantized_model)


def _partly_in_float(request: dict) -> bytes:
    """Quantise all but some operators; the calibration is done once for each SavedModel."""
    options = tf.lite.experimental.QuantizationDebugOptions(denylisted_ops=request["floats"])
    quantiser = _calibrated(request["saved_model"], json.dumps({**request, "floats": []}))
    # It also looks for operators to compare with float, which not every choice leaves.
    with suppress(ValueError):
        quantiser.options = options
    return quantiser.get_nondebug_quantized_model()


@cache
def _calibrated(saved_model: str, request: str) -> tf.lite.experimental.QuantizationDebugger:
    return tf.lite.experimental.QuantizationDebugger(converter=converter(json.loads(request)))


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


def reason(error: Exception) -> str:
    """Return the line of an error that names its cause."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    cause = next((line for line in lines if "error:" in line), lines[0] if lines else "")
    cause = re.sub(r"^.*error: (loc\(.*\): )?", "", cause)
    return f"{type(error).__name__}: {cause}"[:300]


def main() -> None:
    """Convert what each line of the input asks for, until it ends."""
    for line in sys.stdin:
        request = json.loads(line)
        path = Path(request["path"])
        temporary = path.with_suffix(".part")
        try:
            write(request, temporary)
        except Exception as error:  # Whatever a converter raises is an answer.
            path, temporary = path.with_suffix(".refused"), path.with_suffix(".reason")
            temporary.write_text(reason(error), encoding="utf-8")
        temporary.replace(path)


if __name__ == "__main__":
    main()
