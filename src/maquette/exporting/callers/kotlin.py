"""The caller in Kotlin, for Android with `com.google.ai.edge.litert:litert`."""

from __future__ import annotations

import json

from maquette.exporting.callers.ports import Called, Endpoint, Port, camel

SUFFIX = ".kt"
TAKES_STRINGS = True


def file_name(model: Called, kind: str) -> str:
    """Return the name of the file with the class, or with the check."""
    return f"{model.name}.kt" if kind == "model" else "GoldenCheck.kt"


def parts(model: Called) -> dict[str, str]:
    """Return what the sources leave open."""
    several = [_answer(each) for each in model.endpoints if len(each.outputs) > 1]
    return {
        "model": model.name,
        "description": model.description,
        "labels": "".join(f"            {quoted(label)},\n" for label in model.labels),
        "threshold": f"{model.threshold}f",
        "length": str(model.length),
        "answers": "".join(f"{answer}\n\n" for answer in several),
        "methods": "\n\n".join(_method(each) for each in model.endpoints),
    }


def quoted(text: str) -> str:
    """Return a string as Kotlin writes it."""
    return json.dumps(text, ensure_ascii=False).replace("$", "\\$")


def _method(endpoint: Endpoint) -> str:
    arguments = ", ".join(f"{camel(port.argument)}: {_type(port)}" for port in endpoint.inputs)
    given = ", ".join(f"{quoted(port.name)} to {_given(port)}" for port in endpoint.inputs)
    taken = ", ".join(f"{quoted(port.name)} to {camel(port.name)}Out" for port in endpoint.outputs)
    passed = f"            mapOf({given}),\n            mapOf({taken}),\n"
    told = "".join(f"     * @param {camel(p.argument)} {p.told}\n" for p in endpoint.inputs)
    returned, result, text = _result(endpoint)
    buffers = "".join(
        f"        val {camel(port.name)}Out = {_buffer(port)}.allocate({port.size})\n"
        for port in endpoint.outputs
    )
    return (
        f"    /**\n     * {text}\n     *\n{told}     */\n"
        f"    fun {camel(endpoint.name)}({arguments}): {returned} {{\n"
        f"{buffers}"
        f"        run(\n            {quoted(endpoint.name)},\n{passed}        )\n"
        f"        return {result}\n"
        f"    }}"
    )


def _type(port: Port) -> str:
    types = {"image": "Bitmap", "words": "String", "string": "String"}
    types["number"] = "Int" if port.type == "int32" else "Float"
    numbers = "IntArray" if port.type == "int32" else "FloatArray"
    return types.get(port.meaning.kind, numbers)


def _given(port: Port) -> str:
    argument = camel(port.argument)
    if port.meaning.kind == "words":
        return f"arrayOf(ids({argument}))" if port.meaning.length else f"intArrayOf(id({argument}))"
    if port.meaning.kind == "image":
        _, height, width, channels = port.shape
        return f"pixels({argument}, {width}, {height}, {channels})"
    if port.meaning.kind == "string":
        return f"arrayOf(arrayOf({argument}))"
    if port.meaning.kind == "number":
        kind = "int" if port.type == "int32" else "float"
        return f"{_buffer(port)}.wrap({kind}ArrayOf({argument}))"
    return f"{_buffer(port)}.wrap({argument})"


def _buffer(port: Port) -> str:
    return {"int32": "IntBuffer", "uint8": "ByteBuffer"}.get(port.type, "FloatBuffer")


def _result(endpoint: Endpoint) -> tuple[str, str, str]:
    """Return the type, the expression and the description of what a method returns."""
    if endpoint.classes:
        name = camel(endpoint.classes.name)
        return "List<Category>", f"ranked({name}Out.array())", "Returns the classes, best first."
    if len(endpoint.outputs) == 1:
        port = endpoint.outputs[0]
        return _output_type(port), _output(port), f"Returns {port.returned}"
    name = _answer_name(endpoint)
    values = ", ".join(_output(port) for port in endpoint.outputs)
    return name, f"{name}({values})", f"Returns {_listed(endpoint)}."


def _listed(endpoint: Endpoint) -> str:
    return " and ".join(camel(port.name) for port in endpoint.outputs)


def _output_type(port: Port) -> str:
    if port.meaning.kind == "words":
        return "List<String>"
    if port.meaning.kind == "number":
        return "Float"
    return "IntArray" if port.type == "int32" else "FloatArray"


def _output(port: Port) -> str:
    array = f"{camel(port.name)}Out.array()"
    if port.meaning.kind == "number":
        return f"{array}[0]"
    return f"{array}.map {{ words[it] }}" if port.meaning.kind == "words" else array


def _answer_name(endpoint: Endpoint) -> str:
    return camel(endpoint.name)[0].upper() + camel(endpoint.name)[1:] + "Answer"


def _answer(endpoint: Endpoint) -> str:
    """Return the class of several outputs."""
    fields = ", ".join(f"val {camel(p.name)}: {_output_type(p)}" for p in endpoint.outputs)
    return (
        f"/** What [{camel(endpoint.name)}] returns. */\nclass {_answer_name(endpoint)}({fields})"
    )
