"""Trainings killed at random moments and resumed, against one that was never stopped.

Each template is trained at its smallest size, with a state saved after every step, so that many of
the kills (SIGKILL) fall into a saving. A run that was killed goes on by `maquette.resume`, which is
killed again, until it comes to its end. Weights, the state of the optimizer and of all random
generators, history and metrics must then be those of the reference, to the bit.

    python benchmarks/resume.py [TEMPLATE ...] [--kills 20] [--second-training retrain|continue]
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from maquette.gallery import load_template, template_names
from maquette.run import Run

PROCESSES = multiprocessing.get_context("forkserver")
SIGKILLED = -9


class Outcome(NamedTuple):
    """What killing a template's trainings showed.

    Args:
        kills: Processes that were killed while they trained.
        runs: Trainings that came to their end all the same.
        differences: What differed from the reference, empty where nothing did.
    """

    kills: int
    runs: int
    differences: list[str]


def train_killed(template: str, folder: Path, kills: int, seed: int = 0, **options: Any) -> Outcome:
    """Train a template once undisturbed, then under kills, and compare.

    Args:
        template: Name of a template.
        folder: Where the runs go.
        kills: How many processes to kill.
        seed: Decides the moments.
        **options: Of the training, besides the template's smallest.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    PROCESSES.set_forkserver_preload(["maquette.training"])
    random, log = np.random.default_rng(seed), folder / "log.txt"
    _process(log, time.sleep, 0)  # It waits until TensorFlow is imported.
    began = time.monotonic()
    _process(log, _begin, template, folder, "reference", options)
    whole = time.monotonic() - began
    reference, outcome = Run(folder / template / "reference"), Outcome(0, 0, [])
    while outcome.kills < kills:
        path = folder / template / f"killed-{outcome.runs}"
        most = kills - outcome.kills
        killed = _train_under_fire(template, path, random, whole, most, options)
        differences = outcome.differences + different(reference, Run(path))
        outcome = Outcome(outcome.kills + killed, outcome.runs + 1, differences)
    return outcome


def _train_under_fire(
    template: str,
    path: Path,
    random: np.random.Generator,
    whole: float,
    kills: int,
    options: dict[str, Any],
) -> int:
    """Train until the run is finished, and return how many processes were killed, at most `kills`.

    A process is killed at a random moment of the seconds that an undisturbed one takes.
    """
    killed = 0
    while True:
        moment = random.uniform(0, whole) if killed < kills else None
        begun = (path / "config.yaml").exists()
        out = path.parent.parent
        job = (_go_on, path) if begun else (_begin, template, out, path.name, options)
        if not _process(out / "log.txt", *job, kill_after=moment):
            return killed
        killed += 1


def _process(log: Path, target: Any, *arguments: Any, kill_after: float | None = None) -> bool:
    """Run a function in a process of its own and return whether it was killed."""
    process = PROCESSES.Process(target=_logged, args=(log, target, *arguments))
    process.start()
    process.join(kill_after)
    process.kill()  # of no effect on one that has ended
    process.join()
    if process.exitcode not in (0, SIGKILLED):
        raise RuntimeError(f"{target.__name__} failed: {log.read_text()[-2000:]}")
    return process.exitcode == SIGKILLED


def _logged(log: Path, target: Any, *arguments: Any) -> None:
    """Call a function whose output goes to a file, replacing what is there."""
    with log.open("w") as file:
        os.dup2(file.fileno(), sys.stdout.fileno())
        os.dup2(file.fileno(), sys.stderr.fileno())
        target(*arguments)


def _begin(template: str, out: Path, name: str, more: dict[str, Any]) -> None:
    import maquette

    parts = load_template(template)
    options = {field: getattr(parts.TINY, field) for field in type(parts.TINY).model_fields}
    sample = parts.TASK.sample
    maquette.train(template, sample, out=out, name=name, save_minutes=0, **{**options, **more})


def _go_on(path: Path) -> None:
    import maquette

    run = Run(path)
    if not run.is_finished:
        maquette.resume(run, save_minutes=0)


def different(first: Run, second: Run) -> list[str]:
    """Return what of two trained runs differs, other than times."""
    values = {
        "history": [_untimed(run.history) for run in (first, second)],
        "metrics": [run.metrics for run in (first, second)],
        "weights": [[w.tolist() for w in run.model.get_weights()] for run in (first, second)],
        "optimizer and random generators": [run.record["state_sha256"] for run in (first, second)],
    }
    return [f"{name} of {second.path}" for name, (a, b) in values.items() if a != b]


def _untimed(history: list[dict]) -> list[dict]:
    return [{name: row[name] for name in row if name != "seconds"} for row in history]


def main() -> None:
    """Kill trainings of each template and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("templates", nargs="*", metavar="TEMPLATE")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--second-training", choices=["retrain", "continue"])
    options = parser.parse_args()
    more = {"second_training": options.second_training}
    for template in options.templates or template_names():
        with tempfile.TemporaryDirectory() as folder:
            outcome = train_killed(template, Path(folder), options.kills, **more)
        verdict = ", ".join(outcome.differences) or "equal to the bit"
        print(f"{template}: {outcome.kills} kills, {outcome.runs} runs: {verdict}", flush=True)


if __name__ == "__main__":
    main()
