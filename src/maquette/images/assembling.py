"""From labelled images, wherever they are, to images divided into splits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from maquette.images.data import FileSplit, ImageData, ImageSplit, digests_of
from maquette.images.inspection import ImageInfo
from maquette.learnable import Learnable, learnable
from maquette.left_out import LeftOut
from maquette.splits import (
    UNDIVIDED,
    divide,
    fingerprint,
    imbalance_notes,
    repeat_notes,
    require_examples,
    split_notes,
)


def assemble(
    source: str,
    whole: ImageSplit,
    classes: Sequence[str],
    given: Sequence[str],
    keys: Sequence[str],
    native_shape: tuple[int | None, int | None, int],
    notes: Sequence[str] = (),
    left_out: Sequence[LeftOut] = (),
    strict: bool = False,
    open_set: bool = False,
) -> ImageData:
    """Divide images into train, validation and test, the same way every time.

    What comes undivided is cut into 70, 15 and 15 %. Equal images stay together. Classes that
    cannot be learned are left out.

    Args:
        source: name or path of the data.
        whole: all images, with their labels and names.
        classes: names of the classes.
        given: for each image "train", "validation", "test" or `UNDIVIDED`.
        keys: hash of the contents of each image.
        native_shape: (height, width, channels) of the images, `None` where their sizes differ.
        notes: lines for the user, before those on the splits.
        left_out: what the source holds beside these images.
        strict: refuse classes that cannot be learned, in place of leaving them out.
        open_set: let each split have classes of its own, and divide nothing: what is undivided
            becomes train as a whole.

    Raises:
        UserError: there are fewer than two classes with enough images, or a split would have none.
    """
    is_ours = UNDIVIDED in given
    labels = [classes[label] for label in whole.labels]
    if open_set:
        known = Learnable(tuple(classes), {}, {})
        given = ["train" if split == UNDIVIDED else split for split in given]
    else:
        known = learnable(source, "images", classes, labels, given, strict)
    kept = [index for index, label in enumerate(labels) if label in known.classes]
    position = {label: index for index, label in enumerate(known.classes)}
    numbers = np.array([position[labels[index]] for index in kept], np.int32)
    chosen = replace(whole.subset(kept), labels=numbers)
    given, keys = [given[i] for i in kept], [keys[i] for i in kept]
    parts = _as_given(given) if open_set else divide(given, keys, numbers)
    require_examples(source, parts, "images")
    splits = {name: chosen.subset(part) for name, part in parts.items()}
    rows = ((chosen.names[i], numbers[i], keys[i]) for part in parts.values() for i in part)
    return ImageData(
        source=source,
        classes=known.classes,
        native_shape=native_shape,
        splits=splits,
        fingerprint=fingerprint(known.classes, rows),
        notes=(
            *notes,
            *known.notes("images"),
            *([] if open_set else split_notes(given, splits, "images")),
            *repeat_notes(parts, keys, "images"),
            *([] if open_set else imbalance_notes(known.classes, splits["train"].labels)),
        ),
        divided_by_us=is_ours,
        left_out=(*left_out, *known.left_out(whole.names, labels)),
    )


class ImageFile(NamedTuple):
    """A file that was read once.

    Attributes:
        split: "train", "validation", "test" or `UNDIVIDED`.
        label: its class.
        name: its path, relative to a folder or absolute.
        info: what is known of it.
    """

    split: str
    label: str
    name: str
    info: ImageInfo


def assemble_files(
    source: str, root: Path, files: Sequence[ImageFile], classes: Sequence[str], **options: Any
) -> ImageData:
    """Divide images in files into train, validation and test; see `assemble`.

    Args:
        source: name or path of the data.
        root: the folder that names are relative to.
        files: all of them, at least one.
        classes: names of the classes.
        **options: `notes`, `left_out`, `strict` and `open_set` of `assemble`.
    """
    position = {label: index for index, label in enumerate(classes)}
    labels = np.array([position[file.label] for file in files], np.int32)
    hashes = [file.info.sha256 for file in files]
    names, infos = [file.name for file in files], [file.info for file in files]
    return assemble(
        source,
        FileSplit(labels, names, root, digests=digests_of(hashes)),
        classes,
        given=[file.split for file in files],
        keys=hashes,
        native_shape=common_shape((i.size for i in infos), (i.channels for i in infos)),
        **options,
    )


def common_shape(
    sizes: Iterable[tuple[int, int]], channels: Iterable[int]
) -> tuple[int | None, int | None, int]:
    """Return the (height, width, channels) that images have in common, `None` where they differ.

    Args:
        sizes: (height, width) of each image.
        channels: of each image.
    """
    different = set(sizes)
    height, width = different.pop() if len(different) == 1 else (None, None)
    return height, width, max(channels)


def _as_given(given: Sequence[str]) -> dict[str, np.ndarray]:
    names = np.asarray(given)
    return {name: np.flatnonzero(names == name) for name in dict.fromkeys(given)}
