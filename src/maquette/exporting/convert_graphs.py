"""Converting SavedModels to ONNX and OpenVINO, in the converter's process."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

OPSET = 18


def write_onnx(request: dict, folder: Path) -> None:
    """Write one ONNX file for each signature.

    Args:
        request: `saved_model`, `signatures`, and `properties` to put into the files.
        folder: Where to write.
    """
    import onnx
    import tf2onnx

    for name, signature in _signatures(request):
        graph, inputs, outputs = _frozen(signature)
        model, _ = tf2onnx.convert.from_graph_def(
            graph,
            name=name,
            input_names=list(inputs),
            output_names=list(outputs),
            opset=OPSET,
            tensors_to_rename={**inputs, **outputs},
        )
        _order_and_name(model.graph, list(inputs.values()))
        onnx.helper.set_model_props(model, request["properties"])
        onnx.checker.check_model(model)
        (folder / f"{name}.onnx").write_bytes(model.SerializeToString(deterministic=True))


def write_openvino(request: dict, folder: Path) -> None:
    """Write two OpenVINO files for each signature, the graph and its weights.

    Args:
        request: `saved_model`, `signatures`, and `properties` to put into the files.
        folder: Where to write.
    """
    # Its converter tells its maker of each use; without this package it does not.
    sys.modules["openvino_telemetry"] = None
    import openvino

    for name, signature in _signatures(request):
        model = openvino.convert_model(signature)
        model.set_friendly_name(name)
        for key, value in request["properties"].items():
            model.set_rt_info(value, ["model_info", key])
        openvino.save_model(model, folder / f"{name}.xml", compress_to_fp16=False)


WRITERS = {"onnx": write_onnx, "openvino": write_openvino}


def _signatures(request: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    loaded = tf.saved_model.load(request["saved_model"])
    for name in request["signatures"]:
        yield name, loaded.signatures[name]


def _frozen(signature: Any) -> tuple[Any, dict[str, str], dict[str, str]]:
    """Return a graph that holds its weights, and the names of inputs and outputs by its tensors."""
    frozen = convert_variables_to_constants_v2(
        signature, lower_control_flow=False, aggressive_inlining=True
    )
    inputs = [tensor.name for tensor in frozen.inputs]
    outputs = [tensor.name for tensor in frozen.outputs]
    return (
        frozen.graph.as_graph_def(add_shapes=True),
        {tensor: tensor.partition(":")[0] for tensor in inputs},
        dict(zip(outputs, sorted(signature.structured_outputs), strict=True)),
    )


def _order_and_name(graph: Any, names: list[str]) -> None:
    """Put the inputs into the order of the signature, and name sizes that may change."""
    inputs = sorted(graph.input, key=lambda value: names.index(value.name))
    del graph.input[:]
    graph.input.extend(inputs)
    for value in (*graph.input, *graph.output):
        for axis, size in enumerate(value.type.tensor_type.shape.dim):
            if not size.HasField("dim_value"):
                size.dim_param = "batch" if axis == 0 else f"{value.name}_{axis}"
