"""Exporting a run: files of all formats, each through the gate, and a table of them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from maquette.errors import GateError, UserError
from maquette.evaluation import open_run_data
from maquette.exporting.callers.write import check_languages, check_strings, write_callers
from maquette.exporting.choosing import best, share
from maquette.exporting.formats import (
    FORMATS,
    Target,
    check,
    possible_formats,
    require_tensorflow,
    targets,
)
from maquette.exporting.gate import Verdict, examine, first_line
from maquette.exporting.golden import write_golden
from maquette.exporting.graphs import GRAPHS
from maquette.exporting.job import Job, job_of
from maquette.exporting.ladder import climb
from maquette.exporting.mediapipe import MEDIAPIPE, check_mediapipe
from maquette.exporting.rows import file_row, refusal, repair, saved_model_row
from maquette.exporting.saved_model import SavedModel, write_saved_model
from maquette.exporting.web import demo_writer
from maquette.exporting.workshop import Workshop
from maquette.files import TEMPORARY, folder_written_whole, written_whole
from maquette.progress import say, waiting
from maquette.reporting import report
from maquette.reporting.export_plots import pareto
from maquette.run import Run

MAX_DROP = 0.01


def export(
    run: str | Path | Run,
    formats: Sequence[str] = FORMATS,
    max_drop: float = MAX_DROP,
    static: bool = False,
    int8_io: str = "float",
    quantize: str | None = None,
    budget: str | float | None = None,
    mediapipe: bool = False,
    caller: Sequence[str] = (),
    demo: str | None = None,
    litert: str | Path | None = None,
    download: bool = False,
    **labelling: str,
) -> list[dict[str, Any]]:
    """Export a run to `export/` in its folder.

    Every file passes the gate: builtin operators only, it runs in LiteRT, agrees with Keras on
    validation data, and scores no more than `max_drop` below the original there. A TFLite file
    that does not pass is made again in other ways, those of its ladder, until one passes; if none
    does, it is not written.

    Example:
        >>> rows = maquette.export("saved_models/cnn/digits", formats=["int8"])
        >>> rows[0]["bytes"], rows[0]["accuracy"], rows[0]["rung"]

    Args:
        run: A run, or the path of its folder.
        formats: Which of `saved_model`, `float32`, `float16`, `dynamic`, `int8`, `int16x8`,
            `int4`, `onnx` and `openvino` to write; int8 and int16x8 are calibrated on the run's
            own training data.
        max_drop: Score that a file may lose against the original, 0.01 being one point.
        static: Whether to write a second TFLite file of each format, `model_..._static.tflite`,
            all of whose shapes are fixed, for browsers and some accelerators of phones: one
            example at a time, and sequences as long as those of the calibration.
        int8_io: Type of the inputs and outputs of int8 files that are floats otherwise, `"float"`
            or `"uint8"`.
        quantize: `"best"` makes TFLite files of all formats, or of those that `formats` was set
            to, and writes the smallest; of files about as small (within a tenth) the fastest.
        budget: Score that the best may lose, e.g. `"1%"` or 0.01. Defaults to `max_drop`.
        mediapipe: Whether to write `model_mediapipe.tflite`, for MediaPipe's TextClassifier.
        caller: Languages to write calling code in, of `kotlin`, `swift`, `python` and
            `javascript`.
        demo: `"web"` to write `export/web/` too, a page that runs the model in a browser.
        litert: Folder where npm installed LiteRT.js, for the page.
        download: Fetch LiteRT.js from the npm registry, once.
        **labelling: `author`, `license` and `version` for the metadata in the files.

    Returns:
        One row per format: file, bytes, score, agreement, median latency, sha256, inputs and
        outputs; `rung` is the way in which the file was made, `tried` what failed before it;
        `failures` lists what did not pass if no way did. The same is in `export/export.json`.

    Raises:
        UserError: the run, its data or a format cannot be used.
        GateError: no way to make a file passed the gate. The others are written.
    """
    chooses = _chooses(quantize, budget)
    max_drop = max_drop if budget is None else share(budget)
    formats = tuple(dict.fromkeys(formats))
    if chooses and formats == FORMATS:
        formats = possible_formats()
    check(formats, max_drop, int8_io)
    if chooses and not set(formats) - {"saved_model", *GRAPHS}:
        raise UserError(
            f"--quantize best chooses among TFLite files; received --formats {' '.join(formats)}"
        )
    check_languages(caller)
    require_tensorflow()
    run = run if isinstance(run, Run) else Run(run)
    if refused := [name for name in formats if name in run.task.not_in]:
        what = run.task.name.replace("_", " ")
        raise UserError(
            f"{what} cannot be exported to {refused[0]}; leave out --formats {refused[0]}"
        )
    if mediapipe:
        check_mediapipe(run.task.tensors(run.description))
    check_strings(caller, run.task.tensors(run.description))
    write_demo = demo_writer(run, demo, litert, download)
    job = job_of(run, open_run_data(run), **labelling)
    with folder_written_whole(run.path / "export") as folder:
        labels = _write_assets(run, folder)
        with _workshop(job, folder.parent, max_drop) as workshop:
            wanted = targets(formats, static, int8_io)
            rows = [_saved_model(workshop, folder)] if "saved_model" in formats else []
            kept = {}
            if chooses:
                kept, wanted = _best(workshop, wanted, folder)
            wanted += [MEDIAPIPE] if mediapipe else []
            rows += [_written(workshop, target, folder) for target in wanted]
        write_golden(folder, job.reference, rows)
        write_callers(folder, caller, job.metadata, list(job.endpoints))
        unwritten = write_demo(job, folder, max_drop)
        for name, content in run.task.other_formats(run).items():
            (folder / name).write_bytes(content)
        record = {"template": run.record["template"], "run": run.path.name, "labels": labels}
        text = json.dumps({**record, "files": rows, **kept}, indent=2, ensure_ascii=False)
        (folder / "export.json").write_text(text + "\n", encoding="utf-8")
    report.write(run)
    failed = unwritten + [refusal(row) for row in rows if row["failures"]]
    if failed:
        raise GateError("not exported, " + "; ".join(failed), rows)
    return rows


def _chooses(quantize: str | None, budget: str | float | None) -> bool:
    if quantize not in (None, "best"):
        raise UserError(f"--quantize takes best; received {quantize!r}")
    if budget is not None and quantize is None:
        raise UserError("--budget goes with --quantize best; --max-drop is for all other files")
    return quantize == "best"


def _write_assets(run: Run, folder: Path) -> list[str]:
    """Write the text files that go with the model, and return the labels."""
    assets = run.task.assets(run.description)
    for name, text in assets.items():
        (folder / name).write_text(text, encoding="utf-8")
    return assets.get("labels.txt", "").splitlines()


@contextmanager
def _workshop(job: Job, beside: Path, max_drop: float) -> Iterator[Workshop]:
    with (
        TemporaryDirectory(prefix=TEMPORARY, dir=beside) as scratch,
        Workshop(job, Path(scratch), max_drop) as workshop,
    ):
        yield workshop


def _saved_model(workshop: Workshop, folder: Path) -> dict[str, Any]:
    """Write the SavedModel if it passes the gate, and return its row."""
    job, path = workshop.job, folder / "saved_model"
    with waiting("writing the SavedModel"):
        assets = list(folder.iterdir())
        write_saved_model({**job.endpoints, **job.server_endpoints}, path, assets)
    try:
        with waiting("checking the SavedModel"):
            verdict = examine(SavedModel(path), "saved_model", job.reference, workshop.max_drop)
    except Exception as error:  # Whatever a reader raises tells of the file.
        verdict = Verdict(agreement=0.0, failures=[f"does not load: {first_line(error)}"])
    row = saved_model_row(job, path, verdict)
    if verdict.failures:
        shutil.rmtree(path)
    return row


def _written(workshop: Workshop, target: Target, folder: Path) -> dict[str, Any]:
    """Write what a target asks for if a rung of its ladder passes the gate, and return its row."""
    climbed = climb(workshop, target.recipe)
    made, row = climbed.attempt, file_row(workshop.job, target, climbed)
    if made.passed:
        copy = shutil.copytree if made.path.is_dir() else shutil.copyfile
        copy(made.path, folder / target.file)
    if line := repair(row):
        say(line)
    return row


def _best(
    workshop: Workshop, wanted: list[Target], folder: Path
) -> tuple[dict[str, Any], list[Target]]:
    """Return all candidates for `export.json`, and the files that are to be written."""
    job = workshop.job
    files = [target for target in wanted if target.format not in GRAPHS]
    graphs = [target for target in wanted if target.format in GRAPHS]
    tried = [target for target in files if not target.recipe.static]
    rows = [file_row(job, target, climb(workshop, target.recipe)) for target in tried]
    with written_whole(folder / "pareto.png") as temporary:
        pareto(rows, best(rows), job.task.score or "agreement").savefig(temporary, dpi=100)
    chosen = best(rows)
    kept = {"candidates": rows, "chosen": chosen and chosen["format"]}
    if chosen is None:
        return kept, tried + graphs
    return kept, [t for t in files if t.format == chosen["format"]] + graphs
