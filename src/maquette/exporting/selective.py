"""Float for the operators that int8 breaks, found by bisection."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from maquette.exporting.litert import operators
from maquette.exporting.workshop import Attempt, Recipe, Workshop


def with_operators_in_float(workshop: Workshop, recipe: Recipe) -> Attempt | None:
    """Return the attempt at a recipe in which as few kinds of operators as needed stay in float.

    `None` where that cannot help: the file cannot be made, or fails with all operators in float.
    Nor is there a way to keep operators in float in a file that takes and gives `uint8`.
    """
    if recipe.io != "float" or not workshop.attempt(recipe).path.exists():
        return None
    floating = workshop.attempt(replace(recipe, precision="float32"))
    if not floating.path.exists():
        return None
    every = operators(floating.path)

    def but_for(floats: list[str]) -> Attempt:
        return workshop.attempt(replace(recipe, floats=tuple(sorted(floats))))

    def passes(quantised: list[str]) -> bool:
        return but_for([name for name in every if name not in quantised]).passed

    if not but_for(every).passed:
        return None
    floats: list[str] = []
    while len(floats) < len(every) and not but_for(floats).passed:
        rest = [name for name in every if name not in floats]
        floats += broken(rest, passes)
    for name in [*floats]:
        fewer = [other for other in floats if other != name]
        floats = fewer if fewer and but_for(fewer).passed else floats
    return but_for(floats)


def broken(names: list[str], passes: Callable[[list[str]], bool]) -> list[str]:
    """Return names without which the others pass a check, found by halving.

    Where two halves pass alone but fail together, the second is returned.

    Example:
        >>> broken(["ADD", "MUL", "SOFTMAX"], lambda names: "SOFTMAX" not in names)
        ['SOFTMAX']

    Args:
        names: What fails the check.
        passes: Whether some of them pass.
    """
    if len(names) == 1:
        return names
    half = len(names) // 2
    failing = [part for part in (names[:half], names[half:]) if not passes(part)]
    return [name for part in failing for name in broken(part, passes)] or names[half:]
