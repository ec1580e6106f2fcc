"""Files of batches of any size made into files of batches of one."""

from __future__ import annotations

from collections.abc import Iterator

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

RESHAPE = int(schema.BuiltinOperator.RESHAPE)
SAME_SHAPE = {
    int(schema.BuiltinOperator.CAST),
    int(schema.BuiltinOperator.DEQUANTIZE),
    int(schema.BuiltinOperator.QUANTIZE),
}


def freeze_shapes(content: bytes) -> bytes:
    """Return a TFLite file that takes one example at a time, from one that takes any number.

    A file stores for each tensor its shape at a batch of one, and beside it which sizes may
    change; the latter is left out, since runtimes of browsers refuse sizes that may change.
    Outputs that are reshaped to a shape that is computed are reshaped to what is stored: LiteRT.js
    answers zeros to the former.
    """
    model = read(content)
    for _, graph, operator in _computed(model):
        _fix_shape(model, graph, operator)
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            tensor.shapeSignature = None
    builder = flatbuffers.Builder(len(content) + 1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def computed_reshapes(content: bytes) -> list[str]:
    """Return the outputs that come from a reshape to a shape that is computed."""
    return [name for name, _, _ in _computed(read(content))]


def read(content: bytes) -> schema.ModelT:
    """Return a TFLite file as objects."""
    return schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))


def builtin(code: schema.OperatorCodeT) -> int:
    """Return the number of an operator in `schema.BuiltinOperator`."""
    return max(code.builtinCode, code.deprecatedBuiltinCode)


def _computed(
    model: schema.ModelT,
) -> Iterator[tuple[str, schema.SubGraphT, schema.OperatorT]]:
    """Yield outputs that are reshaped last, to what is computed: name, graph and operator."""
    for signature in model.signatureDefs or []:
        graph = model.subgraphs[signature.subgraphIndex]
        made_by = {tensor: each for each in graph.operators for tensor in each.outputs}
        for output in signature.outputs:
            operator = made_by.get(output.tensorIndex)
            while operator is not None and _kind(model, operator) in SAME_SHAPE:
                operator = made_by.get(operator.inputs[0])
            if operator is None or _kind(model, operator) != RESHAPE or len(operator.inputs) < 2:
                continue
            shape = graph.tensors[operator.inputs[1]]
            if model.buffers[shape.buffer].data is None:
                yield output.name.decode(), graph, operator


def _fix_shape(model: schema.ModelT, graph: schema.SubGraphT, operator: schema.OperatorT) -> None:
    shape = np.array(graph.tensors[operator.outputs[0]].shape, "int32")
    buffer, tensor = schema.BufferT(), schema.TensorT()
    buffer.data = np.frombuffer(shape.tobytes(), "uint8")
    tensor.name, tensor.type, tensor.shape = b"fixed_shape", schema.TensorType.INT32, [len(shape)]
    tensor.buffer = len(model.buffers)
    model.buffers.append(buffer)
    operator.inputs = [operator.inputs[0], len(graph.tensors)]
    graph.tensors.append(tensor)


def _kind(model: schema.ModelT, operator: schema.OperatorT) -> int:
    return builtin(model.operatorCodes[operator.opcodeIndex])
