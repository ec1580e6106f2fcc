"""The repair ladder: what an export tries, one after another, until a file passes the gate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from maquette.exporting.selective import with_operators_in_float
from maquette.exporting.workshop import Attempt, Recipe, Workshop


@dataclass(frozen=True)
class Rung:
    """One way to make a file.

    Args:
        name: Shown to the user.
        attempt: Makes and judges the file; `None` where there is nothing to try.
        only_with: What the endpoints must hold for it to make a difference, `"loops"` or
            `"masks"`.
    """

    name: str
    attempt: Callable[[Workshop, Recipe], Attempt | None]
    only_with: str | None = None


def changed(**fields: Any) -> Callable[[Workshop, Recipe], Attempt]:
    """Return the attempt at a recipe with some fields changed."""
    return lambda workshop, recipe: workshop.attempt(replace(recipe, **fields))


def with_int4_weights(workshop: Workshop, recipe: Recipe) -> Attempt:
    """Return the attempt at int4, refused where it saves nothing over dynamic range."""
    attempt = workshop.attempt(recipe)
    dynamic = workshop.attempt(replace(recipe, precision="dynamic"))
    if not (attempt.passed and dynamic.passed) or _size(attempt) < _size(dynamic):
        return attempt
    failure = (
        f"{_size(attempt)} bytes, not less than the {_size(dynamic)} of dynamic range: weights of "
        f"loops and tables stay in float"
    )
    return replace(attempt, verdict=replace(attempt.verdict, failures=[failure]))


def _size(attempt: Attempt) -> int:
    return attempt.path.stat().st_size


AS_IT_IS = Rung("as it is", changed())
INT4_WEIGHTS = Rung("as it is", with_int4_weights)
MASKS_OF_KERAS = Rung("attention masks of Keras", changed(masks_of_keras=True), "masks")
WRITTEN_OUT = Rung("steps written out", changed(written_out=True), "loops")
BATCH_OF_ONE = Rung("batch of one", changed(static=True))
SOME_IN_FLOAT = Rung("some operators in float", with_operators_in_float)
INT16_ACTIVATIONS = Rung("16-bit activations", changed(precision="int16x8", io="float"))
DYNAMIC = Rung("dynamic range", changed(precision="dynamic", io="float"))
FLOAT16 = Rung("float16", changed(precision="float16", io="float"))

LADDERS = {
    "float32": (AS_IT_IS, MASKS_OF_KERAS, WRITTEN_OUT, BATCH_OF_ONE),
    "float16": (AS_IT_IS, MASKS_OF_KERAS, WRITTEN_OUT, BATCH_OF_ONE),
    "dynamic": (AS_IT_IS, MASKS_OF_KERAS, WRITTEN_OUT, FLOAT16),
    "int8": (AS_IT_IS, SOME_IN_FLOAT, INT16_ACTIVATIONS, WRITTEN_OUT, DYNAMIC, FLOAT16),
    "int16x8": (AS_IT_IS, WRITTEN_OUT, DYNAMIC, FLOAT16),
    "int4": (INT4_WEIGHTS, DYNAMIC, FLOAT16),
    "onnx": (AS_IT_IS, MASKS_OF_KERAS),
    "openvino": (AS_IT_IS, MASKS_OF_KERAS),
}


@dataclass(frozen=True)
class Climbed:
    """How far up the ladder an export had to go.

    Args:
        rung: Name of the rung whose file passed; `None` if none did.
        attempt: That file, or where there is none, the first.
        tried: The rungs that failed, in order, each with what the gate found.
    """

    rung: str | None
    attempt: Attempt
    tried: tuple[dict[str, Any], ...]


def climb(workshop: Workshop, recipe: Recipe) -> Climbed:
    """Try the rungs of a recipe's precision until one passes the gate."""
    tried, first = [], None
    for rung in LADDERS[recipe.precision]:
        if rung.only_with is not None and rung.only_with not in workshop.met:
            continue
        attempt = rung.attempt(workshop, recipe)
        if attempt is None:
            continue
        first = first or attempt
        if attempt.passed:
            return Climbed(_name(rung, attempt), attempt, tuple(tried))
        tried.append({"rung": _name(rung, attempt), "failures": attempt.verdict.failures})
    return Climbed(None, first, tuple(tried))


def _name(rung: Rung, attempt: Attempt) -> str:
    floats = attempt.recipe.floats
    return f"{rung.name}: {', '.join(floats)}" if floats else rung.name
