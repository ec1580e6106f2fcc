"""MNIST and its kin: a folder with the IDX files in which they are distributed.

    FOLDER/train-images-idx3-ubyte.gz    FOLDER/train-labels-idx1-ubyte.gz
    FOLDER/t10k-images-idx3-ubyte.gz     FOLDER/t10k-labels-idx1-ubyte.gz

MNIST, Fashion-MNIST and KMNIST come so; names may have a prefix, as in
`emnist-digits-train-images-idx3-ubyte.gz`, say `test` for `t10k`, and lack the `.gz`. Of the
training images 15 % are held out for validation, by a hash of their contents. The classes are the
values of the labels. EMNIST, whose images lie on their side, is turned upright.
"""

from __future__ import annotations

import gzip
import hashlib
import math
import os
import re
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO

import numpy as np

from maquette.errors import UserError
from maquette.images.data import ArraySplit, ImageData, digests_in_shape
from maquette.paths import absolute
from maquette.splits import divide, fingerprint, imbalance_notes, repeat_notes

KIND = "images"
FORM = "FOLDER/train-images-idx3-ubyte.gz"
FEWEST_PER_CLASS = 2
FILE_NAME = re.compile(
    r"(?P<prefix>.*?)(?P<part>train|t10k|test)[-_.](?P<content>images|labels)"
    r"[-.]idx[13]-ubyte(\.gz)?",
    re.IGNORECASE,
)
UNSIGNED_BYTE = 8
DIMENSIONS = {"images": 3, "labels": 1}
LARGEST = 1 << 31  # bytes of one file's content; the largest part of EMNIST is a quarter of it
CHUNK = 1 << 20


def matches(source: str) -> bool:
    """Return whether `source` is a folder that holds images in an IDX file."""
    try:
        return any(match["content"].lower() == "images" for match in _idx_files(absolute(source)))
    except OSError:
        return False


def load(
    source: str, strict: bool = False, progress: Callable[[int, int], None] | None = None
) -> ImageData:
    """Read the IDX files of a folder.

    Args:
        source: path of the folder.
        strict: changes nothing: a damaged file is refused in any case.
        progress: called with the number of files read and their total, after each.

    Returns:
        The data, with splits in memory; images are uint8, (height, width, 1).

    Raises:
        UserError: a file is missing or damaged, or two files do not fit each other.
    """
    folder = absolute(source)
    files = _by_content(folder)
    arrays = {}
    for name, path in files.items():
        arrays[name] = read_idx(path, DIMENSIONS[name.split()[1]])
        if progress:
            progress(len(arrays), len(files))
    _check_fit(files, arrays)
    notes = []
    if any(path.name.lower().startswith("emnist") for path in files.values()):
        arrays = {name: a.swapaxes(1, 2) if a.ndim == 3 else a for name, a in arrays.items()}
        notes.append("EMNIST stores its images lying on their side: turned upright")
    return _assemble(folder, arrays, notes)


def read_idx(path: Path, dimensions: int) -> np.ndarray:
    """Read one IDX file of bytes.

    Args:
        path: the file; gzip where its name ends so.
        dimensions: axes that the array must have.

    Returns:
        The values, uint8.

    Raises:
        UserError: the file cannot be read, is of another kind, or its header does not fit it.
    """
    try:
        with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
            return _read_array(file, path, dimensions)
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"cannot read {path}: {error}; download it again") from None


def _read_array(file: IO[bytes], path: Path, dimensions: int) -> np.ndarray:
    head = file.read(4 + 4 * dimensions)
    # The magic number: two zero bytes, the type of the values, the number of axes.
    if head[:4] != bytes([0, 0, UNSIGNED_BYTE, dimensions]) or len(head) < 4 + 4 * dimensions:
        magic = int.from_bytes(head[:4], "big")
        wanted = UNSIGNED_BYTE << 8 | dimensions
        raise UserError(f"{path} begins with the magic number {magic}; expected {wanted}")
    shape = tuple(int(size) for size in np.frombuffer(head, ">u4", offset=4))
    expected = math.prod(shape)
    if not 0 < expected <= LARGEST:
        raise UserError(f"the header of {path} tells of shape {shape}: not 1 to {LARGEST} bytes")
    # A header is not to be trusted with memory: what is there decides how much is taken.
    content = bytearray()
    while len(content) <= expected and (chunk := file.read(CHUNK)):
        content += chunk
    if len(content) != expected:
        has = "more" if len(content) > expected else f"{len(content)}"
        raise UserError(f"{path} holds {has} bytes, its header tells of {expected}; shape {shape}")
    return np.frombuffer(content, np.uint8).reshape(shape)


def _idx_files(folder: Path) -> list[re.Match]:
    return [match for name in sorted(os.listdir(folder)) if (match := FILE_NAME.fullmatch(name))]


def _by_content(folder: Path) -> dict[str, Path]:
    """Return the files by what they hold: "train images", "train labels", "test images"..."""
    found = _idx_files(folder)
    prefixes = sorted({match["prefix"] for match in found})
    if len(prefixes) > 1:
        listed = ", ".join(map(repr, prefixes))
        raise UserError(f"{folder} holds sets with the prefixes {listed}; leave one in the folder")
    files: dict[str, Path] = {}
    for match in found:
        part = "train" if match["part"].lower() == "train" else "test"
        # In order of names: a file that lies beside its .gz comes first.
        files.setdefault(f"{part} {match['content'].lower()}", folder / match.string)
    wanted = ["train images", "train labels"]
    if any(name.startswith("test") for name in files):
        wanted += ["test images", "test labels"]
    missing = [name for name in wanted if name not in files]
    if missing:
        there = ", ".join(path.name for path in files.values())
        raise UserError(f"{folder} has no IDX file of the {missing[0]}; it has {there}")
    return {name: files[name] for name in wanted}


def _check_fit(files: dict[str, Path], arrays: dict[str, np.ndarray]) -> None:
    for part in ("train", "test") if "test images" in files else ("train",):
        images, labels = (f"{part} {content}" for content in ("images", "labels"))
        if len(arrays[images]) != len(arrays[labels]):
            raise UserError(
                f"{files[images]} holds {len(arrays[images])} images, "
                f"{files[labels].name} {len(arrays[labels])} labels; they must be of one set"
            )
        if arrays[images].shape[1:] != arrays["train images"].shape[1:]:
            sizes = (arrays[name].shape[1:] for name in (images, "train images"))
            raise UserError("images of test are {} pixels, of train {}".format(*sizes))
    values, counts = np.unique(arrays["train labels"], return_counts=True)
    if counts.min() < FEWEST_PER_CLASS:
        raise UserError(
            f"{files['train labels']} has {counts.min()} label {values[counts.argmin()]}; "
            f"a class takes at least {FEWEST_PER_CLASS} images"
        )
    unknown = np.setdiff1d(arrays.get("test labels", values), values)
    if len(unknown):
        raise UserError(f"{files['test labels']} has the label {unknown[0]}, which train lacks")


def _assemble(folder: Path, arrays: dict[str, np.ndarray], notes: list[str]) -> ImageData:
    parts = ("train", "test") if "test images" in arrays else ("train",)
    sizes = {part: len(arrays[f"{part} images"]) for part in parts}
    images = np.concatenate([arrays[f"{part} images"] for part in parts])[..., np.newaxis]
    given_labels = np.concatenate([arrays[f"{part} labels"] for part in parts])
    label_values, labels = np.unique(given_labels, return_inverse=True)
    hashes = [hashlib.sha256(image.tobytes()).hexdigest() for image in images]
    given = [part for part, size in sizes.items() for _ in range(size)]
    names = [f"{part} {position}" for part, size in sizes.items() for position in range(size)]
    digests = digests_in_shape(hashes, images.shape[1:])
    whole = ArraySplit(labels.astype(np.int32), names, images, digests=digests)
    positions = divide(given, hashes, labels)
    held_out = len(positions["validation"])
    classes = tuple(str(value) for value in label_values)
    return ImageData(
        source=str(folder),
        classes=classes,
        native_shape=images.shape[1:],
        splits={name: whole.subset(part) for name, part in positions.items()},
        fingerprint=fingerprint(classes, zip(names, labels, hashes, strict=True)),
        notes=(
            *notes,
            f"no validation files: {held_out} images of train held out for validation",
            *(() if "test" in sizes else ("no test split: there are no test files",)),
            *repeat_notes(positions, hashes, "images"),
            *imbalance_notes(classes, labels[positions["train"]]),
        ),
    )
