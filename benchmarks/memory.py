"""Peak memory of a training on 50,000 photos against one on 5,000.

The photos are made: JPEG of 64 by 64 pixels in two classes. Each training is `maquette train` in a
process of its own, with an empty cache of its own; its peak is what the system counted.

    python benchmarks/memory.py [--template cnn] [--epochs 2] [--counts 5000 50000] [--cache off]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

SIDE = 64
TRAIN = """
import resource, sys
from maquette.cli import main
main(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)  # KiB on Linux
"""


def make_photos(folder: Path, count: int) -> Path:
    """Write images that differ in colour and texture from class to class."""
    random = np.random.default_rng(0)
    for index in range(count):
        label = index % 2
        coarse = random.integers(0, 256, (4 + 4 * label, 4, 3), np.uint8)
        path = folder / "ab"[label] / f"{index}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(coarse).resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(path)
    return folder


def peak(folder: Path, out: Path, template: str, epochs: int, cache: str) -> float:
    """Return the peak memory of a training in MB."""
    words = ["train", template, "--data", folder, "--epochs", epochs, "--out", out]
    environment = {**os.environ, "MAQUETTE_CACHE": cache, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, "-c", TRAIN, *map(str, words)],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return int(done.stdout.splitlines()[-1]) / 1024 * 1.048576


def main() -> None:
    """Train on each number of photos and print the peaks."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--template", default="cnn")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--counts", type=int, nargs=2, default=(5_000, 50_000))
    parser.add_argument("--cache", choices=("on", "off"), default="on")
    options = parser.parse_args()
    peaks = []
    for count in options.counts:
        with tempfile.TemporaryDirectory() as made:
            folder = make_photos(Path(made) / "photos", count)
            cache = str(Path(made) / "cache") if options.cache == "on" else "off"
            out = Path(made) / "runs"
            peaks.append(peak(folder, out, options.template, options.epochs, cache))
        print(f"{count:8,} photos: {peaks[-1]:,.0f} MB", flush=True)
    print(f"{peaks[1] / peaks[0] - 1:+.1%}")


if __name__ == "__main__":
    main()
