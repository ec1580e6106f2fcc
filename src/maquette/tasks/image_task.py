"""What all tasks on images share: opening, describing and reading them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from maquette.errors import UserError
from maquette.images.data import ImageData
from maquette.images.decoding import IMAGE_SUFFIXES, UnreadableImage, decode
from maquette.images.sized_images import SizedImages
from maquette.progress import track
from maquette.sources import open_source
from maquette.tasks.task import Task

if TYPE_CHECKING:
    import keras

    from maquette.contract import TemplateConfig
    from maquette.pipeline import Examples

BATCH = 32
IMAGE_SCRIPTS = ("choosing.js", "drawing.js", "pictures.js", "resize.js")


@dataclass(frozen=True)
class ImageSpec:
    """What a model must know of images in classes.

    Args:
        native_shape: `(height, width, channels)`; height and width are `None` where sizes differ.
        classes: Names, in the order of the model's outputs.
    """

    native_shape: tuple[int | None, int | None, int]
    classes: tuple[str, ...]


class ImageTask(Task):
    """Base of the tasks whose models take raw pixels, `(batch, height, width, channels)`."""

    kinds: ClassVar = frozenset({"images"})

    def open(self, source: str, config: TemplateConfig, strict: bool = False) -> ImageData:
        """Open images in classes: an embedded set by name, or a folder.

        Raises:
            UserError: the source does not exist, or holds no usable images in classes.
        """
        return open_source(source, self.kinds, strict, shape=config.image_shape)

    def describe(self, data: ImageData | ImageSpec) -> dict[str, Any]:
        """Return shape and classes in plain values."""
        return {"native_shape": list(data.native_shape), "classes": list(data.classes)}

    def described(self, description: dict[str, Any], texts: dict[str, str]) -> ImageSpec:
        """Return the `ImageSpec` of what `describe` returned."""
        return ImageSpec(tuple(description["native_shape"]), tuple(description["classes"]))

    def adapt(self, data: ImageData, spec: ImageSpec) -> ImageData:
        """Return the images with labels that are positions in the run's classes.

        Raises:
            UserError: the run does not know one of the classes.
        """
        return data.for_classes(spec.classes)

    def examples(self, model: keras.Model, data: ImageData, split: str) -> Examples:
        """Return a split's images at the size that the model takes, with class indices."""
        from maquette.pipeline import Examples

        images = data.splits[split]
        return Examples(SizedImages(images, model.input_shape[1:]), images.labels)

    def files(self, paths: Sequence[Path]) -> list[Path]:
        """Return the paths, each folder replaced by the images below it."""
        lists = (_images_below(path) if path.is_dir() else [path] for path in paths)
        return [file for files in lists for file in files]


def answers(
    endpoint: keras.Model, files: Sequence[Path], shape: tuple[int, int, int]
) -> dict[str, np.ndarray]:
    """Return an endpoint's outputs, by name, for images in files.

    Args:
        endpoint: Takes images of `shape` as its only input.
        files: Paths of images.
        shape: `(height, width, channels)` in pixels.

    Raises:
        UserError: a file is missing or is no readable image.
    """
    parts = []
    for start in track(range(0, len(files), BATCH), "predicting", -(-len(files) // BATCH)):
        images = read_images(files[start : start + BATCH], shape)
        parts.append(endpoint.predict_on_batch({endpoint.inputs[0].name: images}))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def read_images(files: Sequence[Path], shape: tuple[int, int, int]) -> np.ndarray:
    """Return images from files, uint8, cropped and resized: `(files, *shape)`.

    Raises:
        UserError: a file is missing or is no readable image.
    """
    return np.stack([_decode(file, shape) for file in files])


def drawing_style(images: np.ndarray) -> dict[str, float] | None:
    """Return what a drawing must have to look like some grey images.

    Args:
        images: uint8, shape `(n, height, width, 1)`.

    Returns:
        Grey values of `ink` and `background`, and `extent`, the share of the frame that the ink
        takes, by its longer side; `None` for images in colour.
    """
    if images.shape[-1] != 1:
        return None
    edges = np.concatenate([images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]], 1)
    background = 255 if np.median(edges) > 127 else 0
    inked = np.abs(images[..., 0].astype(int) - background) > 127
    longest = [
        max(np.ptp(places, axis=0) + 1) / max(image.shape)
        for image in inked
        if len(places := np.argwhere(image))
    ]
    extent = float(np.median(longest)) if longest else 1.0
    return {"ink": 255 - background, "background": background, "extent": round(extent, 3)}


def _images_below(folder: Path) -> list[Path]:
    files = sorted(f for f in folder.rglob("*") if f.suffix.lower() in IMAGE_SUFFIXES)
    return [f for f in files if not any(p.startswith(".") for p in f.relative_to(folder).parts)]


def _decode(file: Path, shape: tuple[int, int, int]) -> np.ndarray:
    if not file.exists():
        raise UserError(f"no file {str(file)!r}; give the path of an image")
    try:
        return decode(file, shape)
    except UnreadableImage as error:
        raise UserError(f"cannot read {str(file)!r} as an image: {error}") from None
