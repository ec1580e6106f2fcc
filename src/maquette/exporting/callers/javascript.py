"""The caller in JavaScript, for browsers with `@litertjs/core`."""

from __future__ import annotations

import json

from maquette.exporting.callers.ports import Called, Endpoint, Port, camel

SUFFIX = ".js"
TAKES_STRINGS = False  # The runtime has no tensors of them.
ARRAYS = {"uint8": "Uint8Array", "int32": "Int32Array", "float32": "Float32Array"}


def file_name(model: Called, kind: str) -> str:
    """Return the name of the file with the class, or with the check."""
    return f"{camel(_snake(model.name))}.js" if kind == "model" else "goldenCheck.js"


def parts(model: Called) -> dict[str, str]:
    """Return what the sources leave open."""
    return {
        "model": model.name,
        "description": model.description,
        "labels": "".join(f"  {json.dumps(x, ensure_ascii=False)},\n" for x in model.labels),
        "threshold": repr(model.threshold),
        "length": str(model.length),
        "methods": "\n\n".join(_method(each) for each in model.endpoints),
    }


def _snake(name: str) -> str:
    return name[0].lower() + name[1:]


def _method(endpoint: Endpoint) -> str:
    arguments = ", ".join(camel(port.argument) for port in endpoint.inputs)
    told = "".join(
        f"   * @param {{{_type(port)}}} {camel(port.argument)} {port.told}\n"
        for port in endpoint.inputs
    )
    given = "".join(
        f"      {port.name}: new this.Tensor({_given(port)}, {list(port.shape)}),\n"
        for port in endpoint.inputs
    )
    returned, result, text = _result(endpoint)
    return (
        f"  /**\n   * {text}\n{told}   * @returns {{Promise<{returned}>}}\n   */\n"
        f"  async {camel(endpoint.name)}({arguments}) {{\n"
        f"    const outputs = await this.run({json.dumps(endpoint.name)}, {{\n{given}    }});\n"
        f"    return {result};\n"
        f"  }}"
    )


def _type(port: Port) -> str:
    numbers = ARRAYS[port.type]
    kinds = {"image": "CanvasImageSource | Uint8Array", "words": "string", "number": "number"}
    return kinds.get(port.meaning.kind, numbers)


def _given(port: Port) -> str:
    argument = camel(port.argument)
    if port.meaning.kind == "words":
        return f"this.ids({argument})" if port.meaning.length else f"this.idOf({argument})"
    if port.meaning.kind == "image":
        _, height, width, channels = port.shape
        return f"pixels({argument}, {width}, {height}, {channels})"
    is_number = port.meaning.kind == "number"
    return f"{ARRAYS[port.type]}.{'of' if is_number else 'from'}({argument})"


def _result(endpoint: Endpoint) -> tuple[str, str, str]:
    """Return the type, the expression and the description of what a method returns."""
    if endpoint.classes:
        result = f"ranked(outputs.{endpoint.classes.name})"
        return "{label: string, score: number}[]", result, "Returns the classes, best first."
    if len(endpoint.outputs) == 1:
        port = endpoint.outputs[0]
        return _output_type(port), _output(port), f"Returns {port.returned}"
    types = ", ".join(f"{camel(port.name)}: {_output_type(port)}" for port in endpoint.outputs)
    values = "".join(f"      {camel(port.name)}: {_output(port)},\n" for port in endpoint.outputs)
    names = " and ".join(camel(port.name) for port in endpoint.outputs)
    return f"{{{types}}}", f"{{\n{values}    }}", f"Returns {names}."


def _output_type(port: Port) -> str:
    kinds = {"words": "string[]", "number": "number"}
    return kinds.get(port.meaning.kind, ARRAYS[port.type])


def _output(port: Port) -> str:
    array = f"outputs.{port.name}"
    if port.meaning.kind == "words":
        return f"Array.from({array}, (number) => this.words[number])"
    return f"{array}[0]" if port.meaning.kind == "number" else array
