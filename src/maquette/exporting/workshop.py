"""The workshop: it makes files by recipes and puts each through the gate."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from maquette.exporting.converter import Converter
from maquette.exporting.freezing import computed_reshapes, freeze_shapes
from maquette.exporting.gate import Verdict, examine, first_line
from maquette.exporting.graphs import GRAPHS
from maquette.exporting.job import Job
from maquette.exporting.litert import LiteRtFile, custom_operators
from maquette.exporting.metadata import add_metadata
from maquette.exporting.opening import opened
from maquette.exporting.tracing import Tracing, write_convertible
from maquette.progress import waiting

CALIBRATED = ("int8", "int16x8")


@dataclass(frozen=True)
class Recipe:
    """How a file is made.

    Args:
        precision: `"float32"`, `"float16"`, `"dynamic"`, `"int8"`, `"int16x8"` or `"int4"` of a
            TFLite file; `"onnx"` or `"openvino"` for files of those formats.
        static: Whether all shapes are fixed: one example at a time, and its sizes those of the
            calibration.
        io: Type of those inputs and outputs that are floats in Keras, `"float"` or `"uint8"`.
        floats: Operators that stay in float, e.g. `("SOFTMAX",)`.
        masks_of_keras: Whether attention is masked by Keras' own number.
        written_out: Whether the steps of recurrent layers are written out, without a loop.
    """

    precision: str
    static: bool = False
    io: str = "float"
    floats: tuple[str, ...] = ()
    masks_of_keras: bool = False
    written_out: bool = False


@dataclass(frozen=True)
class Attempt:
    """A file that was made by a recipe, or was to be, and what the gate found of it."""

    recipe: Recipe
    path: Path
    verdict: Verdict

    @property
    def passed(self) -> bool:
        """Whether the file may leave."""
        return not self.verdict.failures


class Workshop:
    """Makes the files of one job; each recipe is followed once.

    Example:
        >>> with Workshop(job, folder, max_drop=0.01) as workshop:
        ...     workshop.attempt(Recipe("int8")).verdict.failures

    Args:
        job: What is exported.
        folder: Where to work; the files stay there.
        max_drop: Score that a file may lose.
    """

    def __init__(self, job: Job, folder: Path, max_drop: float):
        self.job, self.max_drop = job, max_drop
        self._folder = folder
        self._converter = Converter(folder)
        self._traced: dict[Tracing, set[str]] = {}
        self._attempts: dict[Recipe, Attempt] = {}

    def __enter__(self) -> Workshop:
        return self

    def __exit__(self, *error: object) -> None:
        self._converter.__exit__(*error)

    @property
    def met(self) -> set[str]:
        """What the endpoints hold of `"loops"` and `"masks"`; nothing if they cannot be traced."""
        with suppress(ValueError, TypeError):
            self._saved_model(Tracing())
        return self._traced.get(Tracing(), set())

    def attempt(self, recipe: Recipe) -> Attempt:
        """Make the file of a recipe and judge it, if that was not done yet."""
        if recipe not in self._attempts:
            path = self._folder / f"{len(self._attempts)}.tflite"
            with waiting(f"converting to {recipe.precision}"):
                failure = self.make(recipe, path)
            with waiting(f"checking {recipe.precision}"):
                verdict = self._judge(recipe, path, failure)
            self._attempts[recipe] = Attempt(recipe, path, verdict)
        return self._attempts[recipe]

    def make(self, recipe: Recipe, path: Path) -> str:
        """Write the file of a recipe, and return an empty string, or why there is none."""
        # The calibration of loops crashes where the batch is one.
        loops = "loops" in self.met and not recipe.written_out
        freeze = recipe.static and recipe.precision in CALIBRATED and loops
        tracing = Tracing(
            masks_of_keras=recipe.masks_of_keras,
            written_out=recipe.written_out,
            fixed_sizes=recipe.static,
            batch_of_one=recipe.static and not freeze,
            for_onnx=recipe.precision == "onnx",
        )
        try:
            saved_model = self._saved_model(tracing)
        except (ValueError, TypeError) as error:  # What cannot be traced in this way.
            return _cause(error)
        request = {
            "saved_model": str(saved_model),
            "signatures": list(self.job.endpoints),
            "calibration": str(self._calibration),
            "precision": recipe.precision,
            "io": recipe.io,
            "floats": list(recipe.floats),
            "properties": self.job.metadata.properties(),
        }
        failure = self._converter.make(request, path)
        if freeze and not failure:
            path.write_bytes(freeze_shapes(path.read_bytes()))
        return failure

    def _saved_model(self, tracing: Tracing) -> Path:
        known = list(self._traced)
        number = known.index(tracing) if tracing in known else len(known)
        path = self._folder / f"traced_{number}"
        if tracing not in known:
            endpoints, examples = self.job.endpoints, self.job.calibration
            self._traced[tracing] = write_convertible(endpoints, tracing, path, examples)
        return path

    @cached_property
    def _calibration(self) -> Path:
        folder = self._folder / "calibration"
        folder.mkdir()
        for name in self.job.endpoints:
            inputs = self.job.calibration[name].inputs
            # Strings of Python would be pickled.
            plain = {k: v.astype(str) if v.dtype == object else v for k, v in inputs.items()}
            np.savez(folder / f"{name}.npz", **plain)
        return folder

    def _judge(self, recipe: Recipe, path: Path, failure: str) -> Verdict:
        if failure:
            return Verdict(agreement=0.0, failures=[failure])
        try:
            file = opened(path) if recipe.precision in GRAPHS else self._described(path)
        except Exception as error:  # Whatever a reader raises tells of the file.
            return Verdict(agreement=0.0, failures=[f"does not load: {first_line(error)}"])
        reference = self.job.reference.of(self.job.endpoints)
        batch = {"batch": 1} if recipe.static else {}
        verdict = examine(file, recipe.precision, reference, self.max_drop, **batch)
        for name in computed_reshapes(path.read_bytes()) if recipe.static else []:
            verdict.failures.append(
                f"{name} has a shape that is computed, which browsers answer with zeros"
            )
        return verdict

    def _described(self, path: Path) -> LiteRtFile:
        """Put metadata into a TFLite file, and open it."""
        add_metadata(path, self.job.metadata)
        custom = custom_operators(path)
        if custom:
            raise ValueError(f"it uses operators no phone has: {', '.join(custom)}")
        return LiteRtFile(path)


def _cause(error: Exception) -> str:
    """Return the message that Keras wraps in its own, in bold, or the first line."""
    bold = re.search(r"\x1b\[1m(.+?)\x1b\[0m", str(error))
    return bold[1] if bold else first_line(error)
