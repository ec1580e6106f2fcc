"""tfds:mnist from a prepared cache, in both file formats: accuracy, and reading against tfds.

The set is prepared by tensorflow-datasets' own code from the four files of MNIST in a folder, with
no network. Their contents are compared with the official MD5s, of the files unpacked. Then `mlp`
trains one epoch on `tfds:mnist`, and all training images are read once more by our pipeline and by
tensorflow-datasets, decoded, in batches of 64, in turn; our cache of decoded images is off.

    python benchmarks/tfds_mnist.py FOLDER

Peer: tensorflow_datasets, `tfds.load(..., as_supervised=True)`.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import os
import statistics
import tempfile
import time
from pathlib import Path
from unittest import mock

from maquette.quiet import load_tensorflow

load_tensorflow()

import tensorflow_datasets as tfds  # noqa: E402

import maquette  # noqa: E402
from maquette.images.sized_images import SizedImages  # noqa: E402
from maquette.pipeline import Examples  # noqa: E402
from maquette.sources import open_source  # noqa: E402

MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
FORMATS = ("tfrecord", "array_record")
BATCH, ROUNDS = 64, 3


def unpack(folder: Path, out: Path) -> None:
    """Write the files of MNIST unpacked, once their contents are the official ones."""
    for name, expected in MD5.items():
        content = gzip.decompress((folder / f"{name}.gz").read_bytes())
        found = hashlib.md5(content, usedforsecurity=False).hexdigest()
        if found != expected:
            raise SystemExit(
                f"{folder / name}.gz holds MD5 {found}; the official one is {expected}"
            )
        (out / name).write_bytes(content)


def prepare(raw: Path, cache: Path, file_format: str) -> None:
    """Let tensorflow-datasets prepare mnist from unpacked files, in place of downloading them."""

    def unpacked(self, addresses: dict[str, str]) -> dict[str, str]:
        return {key: str(raw / Path(url).stem) for key, url in addresses.items()}

    with mock.patch.object(tfds.download.DownloadManager, "download_and_extract", unpacked):
        builder = tfds.builder("mnist", data_dir=str(cache), file_format=file_format)
        builder.download_and_prepare()


def ours(data) -> float:
    """Return how many training images a second our pipeline reads."""
    split = data.splits["train"]
    examples = Examples(SizedImages(split, data.native_shape), split.labels)
    return _per_second(examples.in_order(BATCH), len(split))


def theirs(cache: Path, file_format: str) -> float:
    """Return how many training images a second tensorflow-datasets reads."""
    builder = tfds.builder("mnist", data_dir=str(cache), file_format=file_format)
    if file_format == "array_record":
        source = builder.as_data_source("train")
        began = time.perf_counter()
        for index in range(len(source)):
            source[index]
        return len(source) / (time.perf_counter() - began)
    dataset = builder.as_dataset("train", as_supervised=True).batch(BATCH).prefetch(2)
    return _per_second(dataset, builder.info.splits["train"].num_examples)


def _per_second(dataset, count: int) -> float:
    began = time.perf_counter()
    for _ in dataset:
        pass
    return count / (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="of the four packed files of MNIST")
    folder = parser.parse_args().folder
    os.environ["MAQUETTE_CACHE"] = "off"
    with tempfile.TemporaryDirectory() as temporary:
        raw = Path(temporary) / "raw"
        raw.mkdir()
        unpack(folder, raw)
        for file_format in FORMATS:
            cache = Path(temporary) / file_format
            prepare(raw, cache, file_format)
            os.environ["TFDS_DATA_DIR"] = str(cache)
            began = time.perf_counter()
            data = open_source("tfds:mnist", {"images"})
            opening = time.perf_counter() - began
            run = maquette.train("mlp", "tfds:mnist", epochs=1, out=Path(temporary) / "runs")
            accuracy = run.metrics["test"]["metrics"]["accuracy"]
            pairs = [(ours(data), theirs(cache, file_format)) for _ in range(ROUNDS)]
            mine, peer = (statistics.median(values) for values in zip(*pairs, strict=True))
            print(
                f"{file_format}: test accuracy {accuracy:.4f} after one epoch; opened in "
                f"{opening:.1f} s; {mine:,.0f} images a second against {peer:,.0f} of tfds, "
                f"ratio {mine / peer:.2f}"
            )


if __name__ == "__main__":
    main()
