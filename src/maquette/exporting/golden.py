"""Golden vectors: a few real inputs and what Keras answers to them, in a file that travels along.

`golden.json` lies beside the exported files. Each tensor of an example is the base64 text of its
bytes, little-endian, as an interpreter takes and gives them; `shape` and `type` are those of one
example with a batch of one. Where the type is `string`, the value is the text itself:

    {"endpoints": {"classify": {
        "inputs": {"image": {"shape": [1, 8, 8, 1], "type": "uint8"}},
        "outputs": {"probabilities": {"shape": [1, 10], "type": "float32"}},
        "examples": [{"inputs": {"image": "AAAF..."}, "outputs": {"probabilities": "h0sx..."}}]}},
     "files": {"model_int8.tflite": {"classify": {"probabilities": 0.0523}}}}

`files` holds the largest difference that is allowed, for each file, endpoint and output.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from maquette.errors import UserError
from maquette.exporting.gate import FLOATS, Reference, Runnable

GOLDEN = "golden.json"
EXAMPLES = 8
# What other processors may add to the difference that was measured where the file was made,
# relative to the largest output. Rounding to integers tips where a last bit differs.
ALLOWANCE = {**dict.fromkeys((*FLOATS, "mediapipe"), 1e-4), "float16": 5e-3, "dynamic": 2e-2}
LARGEST_ALLOWANCE = 5e-2
Arrays = dict[str, np.ndarray]
Tolerances = dict[str, dict[str, dict[str, float]]]


@dataclass(frozen=True)
class Example:
    """Inputs of an endpoint with a batch of one, and Keras' outputs, by name."""

    inputs: Arrays
    outputs: Arrays


@dataclass(frozen=True)
class Golden:
    """What `golden.json` holds.

    Args:
        examples: Examples of each endpoint, by its name.
        tolerances: Largest difference allowed, by file, endpoint and output.
    """

    examples: dict[str, list[Example]]
    tolerances: Tolerances

    @classmethod
    def of(cls, inputs: Mapping[str, Arrays], outputs: Mapping[str, Arrays]) -> Golden:
        """Choose examples, spread evenly, of each endpoint.

        Args:
            inputs: Real inputs, by endpoint and name; the first axis counts the examples.
            outputs: What Keras answered to them.
        """
        examples = {}
        for endpoint, arrays in inputs.items():
            count = len(next(iter(arrays.values())))
            chosen = np.linspace(0, count - 1, min(EXAMPLES, count)).astype(int)
            examples[endpoint] = [
                Example(_one(arrays, index), _one(outputs[endpoint], index)) for index in chosen
            ]
        return cls(examples, {})

    def with_tolerance(self, file: str, variant: str, model: Runnable, endpoints: Any) -> Golden:
        """Return golden vectors that know how far one more file may be from Keras.

        Args:
            file: Its name.
            variant: What kind it is, e.g. `"int8"`.
            model: The file, opened.
            endpoints: Names of its endpoints.
        """
        share = ALLOWANCE.get(variant.removesuffix("_static"), LARGEST_ALLOWANCE)
        found = {}
        for endpoint in endpoints:
            examples = self.examples[endpoint]
            differences = largest_differences(model, endpoint, examples)
            found[endpoint] = {
                name: float(f"{value + share * _scale(examples, name):.4g}")
                for name, value in differences.items()
            }
        return Golden(self.examples, {**self.tolerances, file: found})

    def to_text(self) -> str:
        """Return the content of `golden.json`, one example a line."""
        endpoints = {name: _described(examples) for name, examples in self.examples.items()}
        text = json.dumps({"endpoints": endpoints, "files": self.tolerances}, ensure_ascii=False)
        return text.replace('{"inputs": {', '\n{"inputs": {') + "\n"

    @classmethod
    def read(cls, path: Path) -> Golden:
        """Read `golden.json`.

        Raises:
            UserError: it is missing or damaged.
        """
        if not path.is_file():
            raise UserError(f"no {path.name} in {path.parent}; `maquette export` writes it")
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            examples = {name: _examples(part) for name, part in content["endpoints"].items()}
            tolerances = {
                file: {endpoint: dict(limits) for endpoint, limits in endpoints.items()}
                for file, endpoints in content["files"].items()
            }
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            reason = str(error).partition(":")[0] or type(error).__name__
            raise UserError(f"{path} is damaged ({reason}); export again") from None
        _refuse_strangers(path, examples, tolerances)
        return cls(examples, tolerances)


def write_golden(folder: Path, reference: Reference, rows: list[dict[str, Any]]) -> None:
    """Write `golden.json` beside exported files.

    Args:
        folder: Of the files.
        reference: Real inputs of each endpoint and Keras' outputs.
        rows: The table of the export; what failed in it is left out.
    """
    from maquette.exporting.opening import opened

    inputs = {name: probe.inputs for name, probe in reference.probes.items()}
    golden = Golden.of({name: inputs[name] for name in reference.outputs}, reference.outputs)
    for row in rows:
        if not row["failures"]:
            model, endpoints = opened(folder / row["file"]), row["endpoints"] or golden.examples
            golden = golden.with_tolerance(row["file"], row["format"], model, endpoints)
    (folder / GOLDEN).write_text(golden.to_text(), encoding="utf-8")


def largest_differences(
    model: Runnable, endpoint: str, examples: list[Example]
) -> dict[str, float]:
    """Return how far a file's outputs are from Keras', by name.

    Of numbers with a fraction it is the largest absolute difference, infinite where one is not
    finite or the shapes differ; of integers, such as ids, the share that is another one.
    """
    found: dict[str, float] = {}
    for example in examples:
        received = model.run(endpoint, example.inputs)
        for name, expected in example.outputs.items():
            difference = _difference(expected, received.get(name))
            found[name] = max(found.get(name, 0.0), difference)
    return found


def _refuse_strangers(path: Path, examples: dict, tolerances: Tolerances) -> None:
    for file, limits in tolerances.items():
        if Path(file).name != file or not limits.keys() <= examples.keys():
            raise UserError(f"{path} is damaged (it tells of {file!r}); export again")


def _difference(expected: np.ndarray, received: np.ndarray | None) -> float:
    if received is None or received.shape != expected.shape:
        return float("inf")
    if not np.issubdtype(expected.dtype, np.floating):
        return float(np.mean(expected != received))
    largest = float(np.max(np.abs(expected.astype(np.float64) - received)))
    return largest if np.isfinite(largest) else float("inf")


def _scale(examples: list[Example], name: str) -> float:
    """Return the largest absolute value of an output; for integers, 1."""
    values = [example.outputs[name] for example in examples]
    if not np.issubdtype(values[0].dtype, np.floating):
        return 1.0
    return float(max(np.abs(value).max() for value in values))


def _one(arrays: Arrays, index: int) -> Arrays:
    return {name: array[index : index + 1] for name, array in arrays.items()}


def _described(examples: list[Example]) -> dict[str, Any]:
    first = examples[0]
    return {
        "inputs": {name: _form(array) for name, array in first.inputs.items()},
        "outputs": {name: _form(array) for name, array in first.outputs.items()},
        "examples": [
            {
                "inputs": {name: _encoded(array) for name, array in example.inputs.items()},
                "outputs": {name: _encoded(array) for name, array in example.outputs.items()},
            }
            for example in examples
        ],
    }


def _form(array: np.ndarray) -> dict[str, Any]:
    kind = "string" if array.dtype == object else array.dtype.name
    return {"shape": list(array.shape), "type": kind}


def _encoded(array: np.ndarray) -> str:
    if array.dtype == object:
        return array.item()
    little = array.astype(array.dtype.newbyteorder("<"))
    return base64.b64encode(little.tobytes()).decode("ascii")


def _examples(part: dict[str, Any]) -> list[Example]:
    examples = [
        Example(
            {name: _decoded(value, part["inputs"][name]) for name, value in each["inputs"].items()},
            {name: _decoded(v, part["outputs"][name]) for name, v in each["outputs"].items()},
        )
        for each in part["examples"]
    ]
    if not examples:
        raise ValueError("no examples")
    return examples


def _decoded(value: str, form: dict[str, Any]) -> np.ndarray:
    if form["type"] == "string":
        return np.array([value], object).reshape(form["shape"])
    kind = np.dtype(form["type"]).newbyteorder("<")
    array = np.frombuffer(base64.b64decode(value, validate=True), kind)
    return array.reshape(form["shape"]).astype(form["type"])
