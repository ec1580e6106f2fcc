"""What `maquette train --deterministic` costs: seconds per epoch with it, over those without.

Each template is trained as `maquette train` does, in a process of its own, since determinism once
switched on stays on. Its sample data and default options are used, but for the number of epochs;
the first epoch, in which everything is traced, is left out, and one step is taken at a time.
Trainings with and without take turns, and the medians of their epochs are compared. Whether two
trainings ended with equal weights is told as well: it is what determinism is for.

    python benchmarks/deterministic.py [TEMPLATE ...] [--epochs 4] [--rounds 2]
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import maquette
from maquette.gallery import load_template
from maquette.run import Run

TEMPLATES = ("mlp", "cnn", "bilstm", "dcgan")
OPTIONS: dict[str, dict[str, Any]] = {"dcgan": {"judge_steps": 1, "samples": 10}}
PROCESSES = multiprocessing.get_context("spawn")


def train(template: str, out: Path, name: str, epochs: int, deterministic: bool) -> None:
    """Train a template on its sample data; to be called in a fresh process."""
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), sys.stderr.fileno())
    parts = load_template(template)
    options = {"epochs": epochs, **OPTIONS.get(template, {})}
    sample = parts.TASK.sample
    options |= {"steps_per_execution": 1, "deterministic": deterministic}
    maquette.train(template, sample, out=out, name=name, **options)


def trained(template: str, out: Path, name: str, epochs: int, deterministic: bool) -> Run:
    """Train in a process of its own and return the run."""
    arguments = (template, out, name, epochs, deterministic)
    process = PROCESSES.Process(target=train, args=arguments)
    process.start()
    process.join()
    if process.exitcode:
        raise RuntimeError(f"training {template} failed; try: maquette train {template}")
    return Run(out / template / name)


def seconds_per_epoch(runs: list[Run]) -> float:
    """Return the median of all epochs but the first of each run."""
    return statistics.median(row["seconds"] for run in runs for row in run.history[1:])


def compare(template: str, epochs: int, rounds: int) -> str:
    """Return what determinism costs a template, in one line."""
    with tempfile.TemporaryDirectory() as folder:
        runs: dict[bool, list[Run]] = {False: [], True: []}
        for number in range(rounds):
            for switched_on, done in runs.items():
                name = f"{switched_on}-{number}"
                done.append(trained(template, Path(folder), name, epochs, switched_on))
        plain, strict = (seconds_per_epoch(done) for done in runs.values())
        ends = [{run.record["state_sha256"] for run in done} for done in runs.values()]
    without, with_it = ("equal" if len(hashes) == 1 else "different" for hashes in ends)
    return (
        f"{template}: {strict / plain:.2f} times the seconds per epoch ({strict:.2f} s, "
        f"{plain:.2f} s without); {rounds} trainings end {with_it} ({without} without)"
    )


def main() -> None:
    """Train templates with and without determinism and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("templates", nargs="*", metavar="TEMPLATE", default=TEMPLATES)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    for template in options.templates:
        print(compare(template, options.epochs, options.rounds), flush=True)


if __name__ == "__main__":
    main()
