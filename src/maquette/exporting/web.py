"""`export/web/`: a page that runs a model in a browser, with all the files that it needs."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from maquette.errors import UserError
from maquette.exporting.gate import Reference
from maquette.exporting.ladder import climb
from maquette.exporting.web_runtime import SHA256, find_runtime
from maquette.exporting.workshop import Recipe, Workshop
from maquette.files import TEMPORARY
from maquette.progress import waiting
from maquette.run import Run

if TYPE_CHECKING:
    from maquette.exporting.job import Job
    from maquette.tasks.task import WebPage

DEMOS = ("web",)
GATE_EXAMPLES = 50
TOLERANCE = 1e-3
# `$scripts` is the hash of the one script that stands in the page: where its modules are.
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval' '$scripts'; connect-src 'self'; "
    "style-src 'self'; img-src 'self' data: blob:; base-uri 'none'; form-action 'none'"
)
SHARED = ("style.css", "main.js", "model.js", "fetched.js", "elements.js")
LICENCE = "LICENSE-LiteRT.txt"


def demo_writer(
    run: Run, demo: str | None, litert: str | Path | None, download: bool
) -> Callable[[Job, Path, float], list[str]]:
    """Return what writes the demo asked for into an export's folder, and returns its failures.

    Args:
        run: What is exported.
        demo: `"web"`, or `None` for a writer that does nothing.
        litert: Where npm installed LiteRT.js.
        download: Whether it may be fetched.

    Raises:
        UserError: there is no such demo, none for the run's task, or LiteRT.js is not there.
    """
    if demo is None:
        if litert is not None or download:
            raise UserError("--litert and --download are for the web page: add --demo web")
        return lambda job, folder, max_drop: []
    if demo not in DEMOS:
        raise UserError(f"no demo {demo!r}; there is {', '.join(DEMOS)}")
    if run.task.web is None:
        raise UserError(f"there is no web page for runs of {run.record['template']} yet")
    runtime = find_runtime(litert, download)
    return lambda job, folder, max_drop: write_web(run, job, folder / "web", runtime, max_drop)


def write_web(run: Run, job: Job, folder: Path, runtime: Path, max_drop: float) -> list[str]:
    """Write the page, its model, and LiteRT.js.

    The model is a float32 TFLite file for one example at a time, all shapes being fixed: browsers
    take no other. It passes the gate of exports, and the page computes one more answer of Keras
    before it shows itself.

    Args:
        run: What is exported.
        job: Its endpoints, and the answers of Keras to real inputs.
        folder: The folder to write.
        runtime: The folder of LiteRT.js.
        max_drop: Score that the file may lose.

    Returns:
        What the model did not pass, one line each; then the folder is not written.
    """
    page = job.task.web
    with TemporaryDirectory(prefix=TEMPORARY, dir=folder.parent) as scratch:
        with waiting("writing the web page"):
            model = Path(scratch) / "model.tflite"
            failures = _write_model(job, page.endpoints, model, max_drop)
        if failures:
            return [f"web page: {failure}" for failure in failures]
        folder.mkdir()
        model.rename(folder / model.name)
    _copy_page(page, folder)
    _copy_runtime(runtime, folder / "litert")
    for name, text in job.task.assets(run.description).items():
        (folder / name).write_text(text, encoding="utf-8")
    demo = {
        "page": page.name,
        "settings": job.task.web_settings(run, job.calibration),
        "tolerance": TOLERANCE,
        "checks": [_check(job.reference, name) for name in page.endpoints],
    }
    (folder / "demo.json").write_text(json.dumps(demo, ensure_ascii=False), encoding="utf-8")
    (folder / "index.html").write_text(_index(run), encoding="utf-8")
    return []


def _copy_page(page: WebPage, folder: Path) -> None:
    (folder / "pages").mkdir()
    for name in (*SHARED, *page.scripts, f"pages/{page.name}.js"):
        (folder / name).write_bytes(files("maquette.web").joinpath(name).read_bytes())


def _copy_runtime(runtime: Path, folder: Path) -> None:
    for name in SHA256:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(runtime / name, folder / name)
    licence = files("maquette.web").joinpath(LICENCE)
    (folder / LICENCE).write_bytes(licence.read_bytes())


def _write_model(job: Job, names: tuple[str, ...], path: Path, max_drop: float) -> list[str]:
    """Write the file, and return what it does not pass."""
    endpoints = {name: job.endpoints[name] for name in names}
    reference = _first(job.reference.of(names), GATE_EXAMPLES)
    shown = replace(job, endpoints=endpoints, reference=reference)
    with Workshop(shown, path.parent, max_drop) as workshop:
        attempt = climb(workshop, Recipe("float32", static=True)).attempt
        if attempt.passed:
            shutil.copyfile(attempt.path, path)
        return attempt.verdict.failures


def _first(reference: Reference, count: int) -> Reference:
    """Return the part that concerns the first examples."""
    probes = {
        name: replace(
            probe,
            inputs={key: array[:count] for key, array in probe.inputs.items()},
            targets=None if probe.targets is None else probe.targets[:count],
        )
        for name, probe in reference.probes.items()
    }
    outputs = {
        name: {key: array[:count] for key, array in arrays.items()}
        for name, arrays in reference.outputs.items()
    }
    return replace(reference, probes=probes, outputs=outputs)


def _check(reference: Reference, endpoint: str) -> dict[str, Any]:
    """Return one real input of an endpoint, and the answer of Keras."""
    inputs = reference.probes[endpoint].inputs
    # A number such as an id has no near misses.
    outputs = {k: v for k, v in reference.outputs[endpoint].items() if v.dtype == np.float32}
    return {
        "endpoint": endpoint,
        "inputs": {name: _encoded(array[:1]) for name, array in inputs.items()},
        "outputs": {name: _encoded(array[:1]) for name, array in outputs.items()},
    }


def _encoded(array: np.ndarray) -> dict[str, Any]:
    content = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
    return {"type": array.dtype.name, "shape": list(array.shape), "base64": content}


def _index(run: Run) -> str:
    read = files("maquette.web").joinpath
    modules = read("importmap.json").read_text(encoding="utf-8").strip()
    digest = base64.b64encode(hashlib.sha256(modules.encode()).digest()).decode()
    return Template(read("index.html").read_text(encoding="utf-8")).substitute(
        policy=Template(POLICY).substitute(scripts=f"sha256-{digest}"),
        importmap=modules,
        title=escape(f"{run.record['template']} {run.path.name}"),
        summary=escape(run.template.card.partition("\n")[0]),
    )
