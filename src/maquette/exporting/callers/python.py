"""The caller in Python."""

from __future__ import annotations

import json
import re

from maquette.exporting.callers.ports import Called, Endpoint, Port

SUFFIX = ".py"
TAKES_STRINGS = True


def file_name(model: Called, kind: str) -> str:
    """Return the name of the file with the class, or with the check."""
    return f"{_module(model)}.py" if kind == "model" else "check_golden.py"


def parts(model: Called) -> dict[str, str]:
    """Return what the sources leave open."""
    return {
        "model": model.name,
        "module": _module(model),
        "description": model.description,
        "labels": _tuple(model.labels),
        "threshold": repr(model.threshold),
        "length": str(model.length),
        "methods": "\n\n".join(_method(each) for each in model.endpoints),
    }


def _module(model: Called) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", model.name).lower()


def _tuple(labels: tuple[str, ...]) -> str:
    return (
        "(\n" + "".join(f"    {json.dumps(label, ensure_ascii=False)},\n" for label in labels) + ")"
    )


def _method(endpoint: Endpoint) -> str:
    arguments = ", ".join(f"{port.argument}: {_type(port)}" for port in endpoint.inputs)
    told = "\n".join(f"            {port.argument}: {port.told}" for port in endpoint.inputs)
    given = "".join(f"            {port.name}={_given(port)},\n" for port in endpoint.inputs)
    returned, result, text = _result(endpoint)
    return (
        f"    def {endpoint.name}(self, {arguments}) -> {returned}:\n"
        f'        """{text}\n\n'
        f"        Args:\n{told}\n"
        f'        """\n'
        f'        outputs = self.run(\n            "{endpoint.name}",\n{given}        )\n'
        f"        return {result}"
    )


def _type(port: Port) -> str:
    number = "int" if port.type == "int32" else "float"
    return {"words": "str", "string": "str", "number": number}.get(port.meaning.kind, "np.ndarray")


def _given(port: Port) -> str:
    if port.meaning.kind == "words":
        return f"self.{'ids' if port.meaning.length else 'id_of'}({port.argument})"
    if port.meaning.kind == "image":
        return f"_pixels({port.argument}, {port.shape})"
    kind = "object" if port.meaning.kind == "string" else f"np.{port.type}"
    if port.meaning.kind in ("string", "number"):
        return f"np.full({port.shape}, {port.argument}, {kind})"
    return f"np.asarray({port.argument}, {kind}).reshape({port.shape})"


def _result(endpoint: Endpoint) -> tuple[str, str, str]:
    """Return the type, the expression and the description of what a method returns."""
    if endpoint.classes:
        result = f'_ranked(outputs["{endpoint.classes.name}"][0])'
        return "list[tuple[str, float]]", result, "Return labels and scores, best first."
    if len(endpoint.outputs) == 1:
        port = endpoint.outputs[0]
        kind = "float" if port.meaning.kind == "number" else "np.ndarray"
        return kind, _output(port), f"Return {port.returned}"
    entries = "".join(f'            "{port.name}": {_output(port)},\n' for port in endpoint.outputs)
    names = " and ".join(f"`{port.name}`" for port in endpoint.outputs)
    return "dict[str, Any]", f"{{\n{entries}        }}", f"Return {names}."


def _output(port: Port) -> str:
    array = f'outputs["{port.name}"][0]'
    if port.meaning.kind == "number":
        return f"float({array}.item())"
    return f"[self.words[number] for number in {array}]" if port.meaning.kind == "words" else array
