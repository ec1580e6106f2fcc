"""Files of batches of any size made into files of batches of one."""

from __future__ import annotations

import flatbuffers
from ai_edge_litert import schema_py_generated as schema

RESHAPE = int(schema.BuiltinOperator.RESHAPE)


def freeze_shapes(content: bytes) -> bytes:
    """Return a TFLite file that takes one example at a time, from one that takes any number.

    A file stores for each tensor its shape at a batch of one, and beside it which sizes may
    change; the latter is left out. Runtimes of browsers refuse sizes that may change.
    """
    model = read(content)
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            tensor.shapeSignature = None
    builder = flatbuffers.Builder(len(content) + 1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def computed_reshapes(content: bytes) -> list[str]:
    """Return the outputs whose last operator reshapes to a shape that it computes.

    In a file of fixed shapes LiteRT.js answers such an output with zeros.
    """
    model = read(content)
    names = []
    for signature in model.signatureDefs or []:
        graph = model.subgraphs[signature.subgraphIndex]
        made_by = {tensor: each for each in graph.operators for tensor in each.outputs}
        for output in signature.outputs:
            operator = made_by.get(output.tensorIndex)
            if operator is not None and _computes_shape(model, graph, operator):
                names.append(output.name.decode())
    return names


def read(content: bytes) -> schema.ModelT:
    """Return a TFLite file as objects."""
    return schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))


def builtin(code: schema.OperatorCodeT) -> int:
    """Return the number of an operator in `schema.BuiltinOperator`."""
    return max(code.builtinCode, code.deprecatedBuiltinCode)


def _computes_shape(model: schema.ModelT, graph: schema.SubGraphT, operator: object) -> bool:
    if builtin(model.operatorCodes[operator.opcodeIndex]) != RESHAPE or len(operator.inputs) < 2:
        return False
    shape = graph.tensors[operator.inputs[1]]
    return model.buffers[shape.buffer].data is None
