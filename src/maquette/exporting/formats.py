"""The formats that an export can write, and requests for them that cannot be met."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec

import keras

from maquette.errors import UserError, nearest
from maquette.exporting.graphs import GRAPHS, PACKAGES, missing_packages
from maquette.exporting.workshop import Recipe

VARIANTS = ("float32", "float16", "dynamic", "int8")
FORMATS = ("saved_model", *VARIANTS)
MORE_VARIANTS = ("int16x8", "int4")
ALL_FORMATS = (*FORMATS, *MORE_VARIANTS, *GRAPHS)


@dataclass(frozen=True)
class Target:
    """A TFLite file to write, or a folder of ONNX or OpenVINO files, and its first recipe."""

    format: str
    recipe: Recipe

    @property
    def name(self) -> str:
        """The format, and whether the file takes one example at a time."""
        return f"{self.format}_static" if self.recipe.static else self.format

    @property
    def file(self) -> str:
        """Name of the file or folder."""
        if self.format in GRAPHS:
            return self.format
        return f"model_{self.name}.tflite"


def targets(formats: Sequence[str], static: bool, int8_io: str) -> list[Target]:
    """Return what some formats ask for; with `static`, a second TFLite file of each."""
    found = []
    for name in formats:
        if name == "saved_model":
            continue
        io = int8_io if name == "int8" else "float"
        found.append(Target(name, Recipe(name, io=io)))
        if static and name not in GRAPHS:
            found.append(Target(name, Recipe(name, static=True, io=io)))
    return found


def possible_formats() -> list[str]:
    """Return the TFLite formats that this installation can write."""
    return [name for name in (*VARIANTS, *MORE_VARIANTS) if name != "int4" or _has_int4()]


def check(formats: Sequence[str], max_drop: float, int8_io: str) -> None:
    """Raise a `UserError` for a request that cannot be met."""
    for name in formats:
        if name not in ALL_FORMATS:
            raise UserError(
                f"no format {name!r}{nearest(name, ALL_FORMATS)}; "
                f"there are {', '.join(ALL_FORMATS)}"
            )
    if not formats:
        raise UserError(f"no format asked for; there are {', '.join(ALL_FORMATS)}")
    if "int4" in formats and not _has_int4():
        raise UserError("int4 is made by ai-edge-quantizer: pip install 'maquette[quantize]'")
    for name in formats:
        if missing := missing_packages(name):
            raise UserError(
                f"{name} is made by {' and '.join(PACKAGES[name])}, and {', '.join(missing)} is "
                f"not installed: pip install 'maquette[{name}]'"
            )
    if not 0 <= max_drop <= 1:
        raise UserError(f"--max-drop must be between 0 and 1; received {max_drop}")
    if int8_io not in ("float", "uint8"):
        raise UserError(f"--int8-io must be float or uint8; received {int8_io!r}")


def require_tensorflow() -> None:
    """Raise a `UserError` where Keras runs on a backend that cannot write exports."""
    if keras.backend.backend() != "tensorflow":
        raise UserError(
            f"exports are written with TensorFlow, Keras runs on {keras.backend.backend()}; "
            f"export with KERAS_BACKEND=tensorflow"
        )


def _has_int4() -> bool:
    return find_spec("ai_edge_quantizer") is not None
