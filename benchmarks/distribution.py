"""Two processes against one, the same template, data and global batch, under JAX on a processor.

Each template is trained at its smallest size for three epochs, once in one process and once in
two, which `maquette launch` starts on this machine. Printed are the largest relative difference
between the losses of their epochs, whether both processes ended with equal weights, and how many
steps per second two processes took beside one. On a single processor they share its cores, so that
the last figure tells what talking to each other costs, not what another machine would bring.

Sums over two halves are rounded in another way than sums over the whole, and a training makes any
difference grow: after ten epochs of `dcgan` the losses differ by 2e-4, where changing the initial
weights of a single process in their last bit makes 6e-4; after four of `bilstm` by 4e-2 and 8e-2.

    python benchmarks/distribution.py [TEMPLATE ...] [--devices]

With `--devices`, two virtual devices of one process stand in for two processes.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import yaml

from maquette.gallery import load_template
from maquette.run import Run

TEMPLATES = ("mlp", "vae", "dcgan", "siamese", "bilstm", "word2vec")
LAUNCH = ["launch", "--processes", "2", "--"]
EPOCHS = 3
DIFFERENT = "weights of process"


class Outcome(NamedTuple):
    """How a training by two compared with one by one.

    Args:
        difference: The largest relative difference of a loss.
        equal: Whether both processes ended with the same weights, to the bit.
        speed: Steps per second of two over those of one.
    """

    difference: float
    equal: bool
    speed: float


def compared(template: str, folder: Path, devices: bool = False, **options: object) -> Outcome:
    """Train a template alone and by two, and compare.

    Args:
        template: Name of a template.
        folder: Where the runs go.
        devices: Whether two devices of one process stand in for two processes.
        **options: Options of the template other than those of its `TINY`.
    """
    alone, _ = train(template, folder, "alone", [], [], **options)
    ahead, behind = ([], ["--devices", "2"]) if devices else (LAUNCH, [])
    shared, printed = train(template, folder, "shared", ahead, behind, **options)
    return Outcome(
        difference(alone, shared), DIFFERENT not in printed, _seconds(alone) / _seconds(shared)
    )


def train(
    template: str, folder: Path, name: str, ahead: list[str], behind: list[str], **options: object
) -> tuple[Run, str]:
    """Train in child processes; return the run and what they printed.

    Args:
        template: Name of a template.
        folder: Where the run goes.
        name: Name of the run.
        ahead: Words between `maquette` and `train`.
        behind: Further options of `train`.
        **options: Options of the template other than those of its `TINY`.
    """
    parts = load_template(template)
    options = {**parts.TINY.model_dump(mode="json"), "epochs": EPOCHS, **options}
    config = folder / f"{template}.yaml"
    config.write_text(yaml.safe_dump(options))
    words = [*ahead, "train", template, "--data", parts.TASK.sample, "--config", config]
    words += ["--out", folder, "--name", name, *behind]
    done = subprocess.run(
        [sys.executable, "-m", "maquette", *map(str, words)],
        env={**os.environ, "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return Run(folder / template / name), done.stdout + done.stderr


def difference(first: Run, second: Run) -> float:
    """Return the largest relative difference between losses of the same epoch."""
    pairs = [
        (row[name], other[name])
        for row, other in zip(first.history, second.history, strict=True)
        for name in row
        if "loss" in name
    ]
    return max(abs(a - b) / abs(a) for a, b in pairs)


def _seconds(run: Run) -> float:
    """Return what an epoch took; the first one, in which everything is compiled, left out."""
    return min(row["seconds"] for row in run.history[1:])


def main() -> None:
    """Compare the templates and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("templates", nargs="*", metavar="TEMPLATE")
    parser.add_argument("--devices", action="store_true")
    options = parser.parse_args()
    for template in options.templates or TEMPLATES:
        with tempfile.TemporaryDirectory() as folder:
            outcome = compared(template, Path(folder), options.devices)
        equal = "equal" if outcome.equal else "DIFFERENT"
        print(
            f"{template:<9} losses differ by {outcome.difference:.1e}, weights {equal}, "
            f"{outcome.speed:.2f} times the steps per second",
            flush=True,
        )


if __name__ == "__main__":
    main()
