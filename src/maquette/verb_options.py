"""The options of each verb; `train` adds those of the template's `Config` to its own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from tyro.conf import Positional, arg

from maquette.contract import Options

Json = Annotated[bool, arg(name="json")]
Source = Annotated[str | None, arg(metavar="SOURCE")]
Folder = Annotated[Path, arg(metavar="DIR")]
RunFolder = Positional[Annotated[Path, arg(metavar="RUN")]]
RUNS = arg(metavar="RUN RUN [RUN ...]", help_behavior_hint="(required)")
FILES = arg(metavar="FILE [FILE ...]", help_behavior_hint="(required)")


class ListOptions(Options):
    callbacks: bool = False
    """List the callbacks that a training can be given instead."""
    data: bool = False
    """List what --data can be instead: the embedded sets, and how to name your own."""
    as_json: Json = False
    """Print JSON."""


class ShowOptions(Options):
    template: Positional[Annotated[str, arg(metavar="TEMPLATE")]]
    """Name of a template."""
    as_json: Json = False
    """Print JSON."""


class ColumnOptions(Options):
    target: Annotated[str | None, arg(metavar="COLUMN")] = None
    """Column, feature or array of what is to be predicted; by default the usual names."""
    text_column: Annotated[str | None, arg(metavar="COLUMN")] = None
    """Column or feature of the texts; by default text."""
    image_column: Annotated[str | None, arg(metavar="COLUMN")] = None
    """Column of the paths of images, relative to the table; or feature of the images."""


class TimeOptions(Options):
    max_minutes: Annotated[PositiveFloat | None, arg(metavar="MINUTES")] = None
    """Time for the training; what it came to is kept, and train --resume goes on with it."""
    save_minutes: Annotated[NonNegativeFloat, arg(metavar="MINUTES")] = 5.0
    """Minutes between two states within an epoch, for train --resume."""
    steps_per_execution: Annotated[PositiveInt | None, arg(metavar="STEPS")] = None
    """Steps in one call of the compiled function, at most; by default as many as pay."""


class ProcessOptions(Options):
    coordinator: Annotated[str | None, arg(metavar="[HOST:]PORT")] = None
    """Where process 0 of several is reached; without a host on this machine."""
    processes: Annotated[PositiveInt | None, arg(metavar="N")] = None
    """How many processes train together, under JAX; maquette launch starts those of one machine."""
    rank: Annotated[NonNegativeInt | None, arg(metavar="R")] = None
    """Which of them this is, from 0."""


class ResumeOptions(TimeOptions, ProcessOptions):
    resume: Annotated[Path, arg(metavar="RUN")]
    """Folder of a run that was killed, interrupted or out of time, to go on with."""


class TrainOptions(TimeOptions, ProcessOptions, ColumnOptions):
    data: Source = None
    """Data source, as maquette list --data tells; by default the template's own."""
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
    callbacks: Annotated[tuple[str, ...], arg(metavar="NAME [NAME ...]")] = ()
    """What else to watch or do while training; maquette list --callbacks tells what there is."""
    deterministic: bool = False
    """Use only operators whose result never depends on the order of threads; may be slower."""
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    """Of the computations of the training; mixed is faster on most accelerators."""
    second_training: Literal["retrain", "continue"] | None = None
    """Then train on validation data as well: anew, or on from the best epoch; as many steps."""
    devices: Annotated[PositiveInt, arg(metavar="N")] = 1
    """Devices of this machine that share each batch."""
    find_learning_rate: bool = False
    """Do not train: try learning rates, suggest one, and draw the losses."""


class LaunchOptions(Options):
    processes: Annotated[PositiveInt, arg(metavar="N")] = 2
    """Processes on this machine, one for each accelerator."""
    port: Annotated[int | None, arg(metavar="PORT")] = None
    """Where process 0 listens, to this machine alone; by default any that is free."""


class TuneOptions(ColumnOptions):
    algorithm: Literal["random", "grid", "bayesian", "hyperband", "zoom"] = "random"
    """What proposes the settings of the next trial."""
    trials: PositiveInt = 20
    """Number of trials."""
    only: Annotated[tuple[str, ...], arg(metavar="NAME [NAME ...]")] = ()
    """Options to tune; by default all that the template tunes and that are not given."""
    cheapest: Literal["size", "latency"] | None = None
    """Also export each trial to int8 and measure it: choose the cheapest that is no worse than the
    best beyond chance."""
    max_minutes: Annotated[PositiveFloat | None, arg(metavar="MINUTES")] = None
    """Time for all trials; the one under way then is given up."""
    confirm: Annotated[int, Field(ge=2), arg(metavar="SEEDS")] | None = None
    """Then test with so many other seeds whether the tuned options beat the default ones."""
    data: Source = None
    """Data source, as maquette list --data tells; by default the template's own."""
    config: Annotated[Path | None, arg(metavar="FILE")] = None
    """YAML file of options that are not tuned."""
    out: Folder = Path("saved_models")
    """Folder of all runs and searches."""
    name: Annotated[str | None, arg(metavar="NAME")] = None
    """Name of the search; by default tune- with the date and time."""
    seed: NonNegativeInt = 0
    """Of the search and of all its trainings."""
    strict: bool = False
    """Refuse data of which some part cannot be read, instead of leaving that part out."""
    chief: Annotated[str | None, arg(metavar="[HOST:]PORT")] = None
    """Hand out the trials to workers at this address; anyone who reaches it can take part."""
    as_json: Json = False
    """Print JSON."""


class ResumeTuneOptions(Options):
    resume: Annotated[Path, arg(metavar="FOLDER")]
    """Folder of a search to go on with, after it was interrupted, killed, or for more trials."""
    trials: PositiveInt | None = None
    """Number of trials, those before included; by default what the search was begun with."""
    max_minutes: Annotated[PositiveFloat | None, arg(metavar="MINUTES")] = None
    """Time for the trials that are missing."""
    confirm: Annotated[int, Field(ge=2), arg(metavar="SEEDS")] | None = None
    """Then test with so many other seeds whether the tuned options beat the default ones."""
    chief: Annotated[str | None, arg(metavar="[HOST:]PORT")] = None
    """Hand out the trials to workers at this address; anyone who reaches it can take part."""
    worker: Annotated[str | None, arg(metavar="[HOST:]PORT")] = None
    """Train trials for the chief of this search at this address."""
    as_json: Json = False
    """Print JSON."""


class CheckOptions(ColumnOptions):
    source: Positional[Annotated[str, arg(metavar="SOURCE")]]
    """Data source: an embedded set, or a path."""
    template: Annotated[str | None, arg(metavar="NAME")] = None
    """Template that it is for: also tries to learn one batch, and forecasts time and memory."""
    report: Annotated[Path | None, arg(metavar="FILE")] = None
    """Page to write, with pictures of the offenders; by default in saved_models/checks."""
    figures: Annotated[Path | None, arg(metavar="DIR")] = None
    """Folder to write pictures to: balance of classes, sizes, examples of each class, lengths."""
    fix: Annotated[Path | None, arg(metavar="DIR")] = None
    """New folder to write a cleaned copy to; the original is only read."""
    list_file: Annotated[Path | None, arg(name="list", metavar="FILE")] = None
    """CSV file to write all offenders to, and what to do with each."""
    strict: bool = False
    """Exit with 1 where there are errors or warnings."""
    as_json: Json = False
    """Print JSON, and write no page unless one is named."""


class EvaluateOptions(ColumnOptions):
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
        tuple[
            Literal[
                "saved_model",
                "float32",
                "float16",
                "dynamic",
                "int8",
                "int16x8",
                "int4",
                "onnx",
                "openvino",
            ],
            ...,
        ],
        Field(min_length=1),
    ] = ("saved_model", "float32", "float16", "dynamic", "int8")
    """What to write: SavedModel, ONNX, OpenVINO, and TFLite files of these precisions."""
    max_drop: Annotated[float, Field(ge=0, le=1)] = 0.01
    """Score that a file may lose against the original; 0.01 is one point."""
    static: bool = False
    """Write a second TFLite file of each format with fixed shapes, a batch of one: for browsers."""
    int8_io: Literal["float", "uint8"] = "float"
    """Type of those inputs and outputs of int8 files that are floats otherwise."""
    quantize: Literal["best"] | None = None
    """Make TFLite files of all formats, and write the smallest within the budget."""
    budget: Annotated[str | None, arg(metavar="SHARE")] = None
    """Score that the best may lose, e.g. 1%; by default --max-drop."""
    mediapipe: bool = False
    """Write a file for MediaPipe's TextClassifier, too: texts of one length, loops written out."""
    caller: Annotated[
        tuple[Literal["kotlin", "swift", "python", "javascript"], ...],
        arg(metavar="LANGUAGE [LANGUAGE ...]"),
    ] = ()
    """Languages to write code in that calls the files."""
    author: Annotated[str, arg(metavar="NAME")] = ""
    """Who made the model; stands in the files."""
    license: Annotated[str, arg(metavar="NAME")] = ""
    """Under which the model may be used; stands in the files."""
    version: Annotated[str, arg(metavar="VERSION")] = ""
    """Of the model; stands in the files."""
    demo: Literal["web"] | None = None
    """Also write export/web: a page that runs the model in a browser."""
    litert: Annotated[Path | None, arg(metavar="DIR")] = None
    """Folder where npm installed LiteRT.js, which the page needs."""
    download: bool = False
    """Fetch LiteRT.js from registry.npmjs.org, once."""
    as_json: Json = False
    """Print JSON."""


class VerifyOptions(Options):
    path: Positional[Annotated[Path, arg(metavar="PATH")]]
    """Folder of an export or of its run, or one exported file."""
    as_json: Json = False
    """Print JSON."""


class BenchmarkOptions(Options):
    run: RunFolder
    """Folder of an exported run."""
    as_json: Json = False
    """Print JSON."""


class CompareOptions(Options):
    runs: Positional[Annotated[tuple[Path, ...], RUNS]]
    """Folders of two or more runs."""
    metric: Annotated[str | None, arg(metavar="NAME")] = None
    """Metric to compare by; by default the one that each example has its share in."""
    split: Literal["train", "validation", "test"] | None = None
    """Split they were judged on; by default test, or validation where not all have one."""
    by_seed: bool = False
    """Compare groups of runs that differ only in their seed."""
    every: Annotated[bool, arg(name="all")] = False
    """List also the options that are the same in all runs."""
    figures: Annotated[Path | None, arg(metavar="DIR")] = None
    """Folder to write compare.png to: the learning curves of all runs."""
    as_json: Json = False
    """Print JSON."""


class QuickstartOptions(Options):
    out: Folder = Path("saved_models")
    """Folder of all runs."""


class DoctorOptions(Options):
    as_json: Json = False
    """Print JSON."""
