"""The caller in Swift, with the pod `TensorFlowLiteSwift`."""

from __future__ import annotations

import json

from maquette.exporting.callers.ports import Called, Endpoint, Port, camel

SUFFIX = ".swift"
TAKES_STRINGS = False  # The runtime has no tensors of them.


def file_name(model: Called, kind: str) -> str:
    """Return the name of the file with the class, or with the check."""
    return f"{model.name}.swift" if kind == "model" else "GoldenCheck.swift"


def parts(model: Called) -> dict[str, str]:
    """Return what the sources leave open."""
    return {
        "model": model.name,
        "description": model.description,
        "labels": "".join(f"    {_quoted(label)},\n" for label in model.labels),
        "threshold": repr(model.threshold),
        "length": str(model.length),
        "methods": "\n\n".join(_method(each) for each in model.endpoints),
    }


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _method(endpoint: Endpoint) -> str:
    arguments = ", ".join(f"{camel(port.argument)}: {_type(port)}" for port in endpoint.inputs)
    told = "".join(f"  ///   - {camel(p.argument)}: {p.told}\n" for p in endpoint.inputs)
    given = "".join(
        f"        {_quoted(port.name)}: ({_given(port)}, {list(port.shape)}),\n"
        for port in endpoint.inputs
    )
    names = ", ".join(_quoted(port.name) for port in endpoint.outputs)
    returned, result, text = _result(endpoint)
    return (
        f"  /// {text}\n  ///\n  /// - Parameters:\n{told}"
        f"  public func {camel(endpoint.name)}(\n    {arguments}\n  ) throws -> {returned} {{\n"
        f"    let outputs = try run(\n      {_quoted(endpoint.name)},\n      inputs: [\n{given}"
        f"      ],\n      outputs: [{names}])\n"
        f"    return {result}\n"
        f"  }}"
    )


def _type(port: Port) -> str:
    numbers = "[Int32]" if port.type == "int32" else "[Float]"
    number = numbers.strip("[]")
    types = {"image": "CGImage", "words": "String", "number": number}
    return types.get(port.meaning.kind, numbers)


def _given(port: Port) -> str:
    argument = camel(port.argument)
    if port.meaning.kind == "words":
        return f"bytes({'ids(' + argument + ')' if port.meaning.length else f'[id({argument})]'})"
    if port.meaning.kind == "image":
        _, height, width, channels = port.shape
        return f"try pixels({argument}, width: {width}, height: {height}, channels: {channels})"
    return f"bytes([{argument}])" if port.meaning.kind == "number" else f"bytes({argument})"


def _result(endpoint: Endpoint) -> tuple[str, str, str]:
    """Return the type, the expression and the description of what a method returns."""
    if endpoint.classes:
        result = f"ranked({_numbers(endpoint.classes)})"
        return "[Category]", result, "Returns the classes, best first."
    if len(endpoint.outputs) == 1:
        port = endpoint.outputs[0]
        return _output_type(port), _output(port), f"Returns {port.returned}"
    types = ", ".join(f"{camel(port.name)}: {_output_type(port)}" for port in endpoint.outputs)
    values = ",\n      ".join(_output(port) for port in endpoint.outputs)
    names = " and ".join(camel(port.name) for port in endpoint.outputs)
    return f"({types})", f"({values})", f"Returns {names}."


def _output_type(port: Port) -> str:
    if port.meaning.kind == "words":
        return "[String]"
    if port.meaning.kind == "number":
        return "Float"
    return "[Int32]" if port.type == "int32" else "[Float]"


def _numbers(port: Port) -> str:
    kind = "Int32" if port.type == "int32" else "Float"
    return f"numbers(outputs[{_quoted(port.name)}]!, as: {kind}.self)"


def _output(port: Port) -> str:
    if port.meaning.kind == "words":
        return f"{_numbers(port)}.map {{ words[Int($0)] }}"
    if port.meaning.kind == "number":
        return f"{_numbers(port)}[0]"
    return _numbers(port)
