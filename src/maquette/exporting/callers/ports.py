"""What a caller must know of a model: its endpoints, and what goes in and comes out."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from maquette.exporting.golden import Golden
from maquette.tasks.tensors import Tensor


@dataclass(frozen=True)
class Port:
    """An input or output of an endpoint, for one example.

    Attributes:
        name: As it is in the file.
        shape: With a batch of one.
        type: `"uint8"`, `"int32"` or `"float32"`.
        meaning: What the task declares of it.
    """

    name: str
    shape: tuple[int, ...]
    type: str
    meaning: Tensor

    @property
    def size(self) -> int:
        """How many numbers one example has."""
        return math.prod(self.shape)

    @property
    def argument(self) -> str:
        """What a person would call it: a word or text where the file takes ids."""
        if self.meaning.kind != "words":
            return self.name
        text = "text" if self.meaning.length else "word"
        return text if self.name == "ids" else self.name

    @property
    def returned(self) -> str:
        """What a person reads of it in the middle of a sentence."""
        return self.told[0].lower() + self.told[1:]

    @property
    def told(self) -> str:
        """What a person reads of it."""
        if self.meaning.kind == "words":
            return f"{'A text' if self.meaning.length else 'A word'}, as it is written."
        shape = " x ".join(map(str, self.shape[1:]))
        numbers = f" {shape} numbers." if self.meaning.kind == "numbers" and shape else ""
        return f"{self.meaning.description or self.name}{numbers}"


@dataclass(frozen=True)
class Endpoint:
    """One function of a file."""

    name: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]

    @property
    def classes(self) -> Port | None:
        """Its scores of classes, where they are all that comes out."""
        only = self.outputs[0] if len(self.outputs) == 1 else None
        return only if only and only.meaning.kind == "classes" else None


@dataclass(frozen=True)
class Called:
    """A model for which code is written.

    Attributes:
        name: Of the class, e.g. `"BilstmModel"`.
        description: One line.
        endpoints: All functions of its TFLite files.
    """

    name: str
    description: str
    endpoints: tuple[Endpoint, ...]

    @property
    def ports(self) -> list[Port]:
        """All inputs and outputs."""
        return [port for each in self.endpoints for port in (*each.inputs, *each.outputs)]

    def has(self, kind: str) -> bool:
        """Return whether something is of a kind, as `Tensor` has it."""
        return any(port.meaning.kind == kind for port in self.ports)

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the classes; empty where there are none."""
        return next((port.meaning.labels for port in self.ports if port.meaning.labels), ())

    @property
    def threshold(self) -> float:
        """Score below which a class is not worth showing."""
        return next((p.meaning.threshold for p in self.ports if p.meaning.kind == "classes"), 0.0)

    @property
    def length(self) -> int:
        """Ids of a text; 1 where the model takes single words."""
        return next((port.meaning.length for port in self.ports if port.meaning.length), 1)


def called(
    name: str, description: str, golden: Golden, tensors: Mapping[str, Tensor], endpoints: list[str]
) -> Called:
    """Return what callers must know of a model.

    Args:
        name: Of its template.
        description: One line.
        golden: Its golden vectors, which have its shapes and types.
        tensors: Meaning of inputs and outputs, by name.
        endpoints: Names of those in TFLite files.
    """
    found = []
    for endpoint in endpoints:
        example = golden.examples[endpoint][0]
        sides = [
            tuple(
                Port(key, array.shape, array.dtype.name, tensors.get(key, Tensor("")))
                for key, array in arrays.items()
            )
            for arrays in (example.inputs, example.outputs)
        ]
        found.append(Endpoint(endpoint, *sides))
    title = "".join(part.capitalize() for part in re.split(r"[._]", name))
    return Called(f"{title}Model", description, tuple(found))


def camel(name: str) -> str:
    """Return `log_variance` as `logVariance`."""
    first, *others = name.split("_")
    return first + "".join(part.capitalize() for part in others)
