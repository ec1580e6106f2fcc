"""The options of each verb; `train` adds those of the template's `Config` to its own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt
from tyro.conf import Positional, arg

from maquette.contract import Options

Json = Annotated[bool, arg(name="json")]
Source = Annotated[str | None, arg(metavar="SOURCE")]
Folder = Annotated[Path, arg(metavar="DIR")]
RunFolder = Positional[Annotated[Path, arg(metavar="RUN")]]
FILES = arg(metavar="FILE [FILE ...]", help_behavior_hint="(required)")


class ListOptions(Options):
    as_json: Json = False
    """Print JSON."""


class ShowOptions(Options):
    template: Positional[Annotated[str, arg(metavar="TEMPLATE")]]
    """Name of a template."""
    as_json: Json = False
    """Print JSON."""


class TrainOptions(Options):
    data: Source = None
    """Data source: an embedded set, or a path; by default the template's own."""
    config: Annotated[Path | None, arg(metavar="FILE")] = None
    """YAML file of options, or the config.yaml of an earlier run."""
    out: Folder = Path("saved_models")
    """Folder of all runs."""
    name: Annotated[str | None, arg(metavar="NAME")] = None
    """Name of the run; by default the date and time."""
    seed: NonNegativeInt = 0
    """Decides initial weights, order of the data, dropout and augmentation."""
    strict: bool = False
    """Refuse data of which some part cannot be read, instead of leaving that part out."""


class EvaluateOptions(Options):
    run: RunFolder
    """Folder of a run."""
    data: Source = None
    """Data source; by default the one the run was trained on."""
    split: Literal["train", "validation", "test"] | None = None
    """Split to judge on; by default test, or validation where there is none."""
    as_json: Json = False
    """Print JSON."""


class PredictOptions(Options):
    run: RunFolder
    """Folder of a run."""
    files: Positional[Annotated[tuple[Path, ...], FILES]]
    """Files to predict from, or folders of them."""
    as_json: Json = False
    """Print JSON."""


class ExportOptions(Options):
    run: RunFolder
    """Folder of a run."""
    formats: Annotated[
        tuple[Literal["saved_model", "float32", "float16", "dynamic", "int8"], ...],
        Field(min_length=1),
    ] = ("saved_model", "float32", "float16", "dynamic", "int8")
    """What to write: a SavedModel, and TFLite files of these precisions."""
    max_drop: Annotated[float, Field(ge=0, le=1)] = 0.01
    """Score that a file may lose against the original; 0.01 is one point."""
    as_json: Json = False
    """Print JSON."""


class QuickstartOptions(Options):
    out: Folder = Path("saved_models")
    """Folder of all runs."""


class DoctorOptions(Options):
    as_json: Json = False
    """Print JSON."""
