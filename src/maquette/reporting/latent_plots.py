"""Pictures of a space of codes: where images lie in it, and which images its points stand for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import NormalDist
from typing import TYPE_CHECKING

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from maquette.reporting.plot_text import drawable, shortened

if TYPE_CHECKING:
    import keras

    from maquette.pipeline import Examples

MOST_LABELLED_CLASSES = 20
SIDE = 6.4  # inches

# Maps codes, (n, latent_dim), to images in 0..1.
Decode = Callable[[np.ndarray], np.ndarray]


def overview(
    endpoints: dict[str, keras.Model], examples: Examples, classes: Sequence[str]
) -> dict[str, Figure]:
    """Return new images, reconstructions, ways between images, and the space of codes.

    Args:
        endpoints: `encode`, an image to the `mean` of its codes, and `decode`, a `code` to
            `pixels` in 0..1.
        examples: Images with class indices, in memory, 20 or more.
        classes: Class names.
    """

    def decode(codes: np.ndarray) -> np.ndarray:
        return np.asarray(endpoints["decode"].predict_on_batch({"code": codes})["pixels"])

    rng = np.random.default_rng(0)
    order = rng.permutation(len(examples.y))  # Many sources are sorted by class.
    images, labels = examples.x[order], examples.y[order]
    codes = np.asarray(endpoints["encode"].predict_on_batch({"image": images})["mean"])
    noise = rng.standard_normal((100, codes.shape[1]), np.float32)
    pairs = np.concatenate([images[:10] / 255, decode(codes[:10])])
    figures = {
        "samples": mosaic(decode(noise), 10, "New images, from random codes"),
        "reconstructions": mosaic(pairs, 10, "Images, and below them their codes decoded"),
        "interpolations": interpolations(decode, codes[:8], codes[-8:]),
        "latent_space": latent_space(codes, labels, classes),
    }
    if codes.shape[1] == 2:
        figures["latent_grid"] = latent_grid(decode)
    return figures


def latent_space(codes: np.ndarray, labels: np.ndarray, classes: Sequence[str]) -> Figure:
    """Draw where images lie in the space of codes, coloured by class.

    Codes, `(n, latent_dim)`, of more than two numbers are projected on their two principal
    components. Of very many classes, no name is written.
    """
    points, names = _in_a_plane(codes)
    figure = Figure(figsize=(SIDE, 0.8 * SIDE), layout="constrained")
    figure.suptitle("Codes of images", x=0.01, ha="left")
    axes = figure.add_subplot()
    colors = matplotlib.colormaps["tab10" if len(classes) <= 10 else "tab20"].colors
    texts, families = drawable(classes)
    for label, text in enumerate(texts):
        x, y = points[labels == label].T
        style = {"color": colors[label % len(colors)], "label": shortened(text)}
        axes.scatter(x, y, s=9, alpha=0.7, linewidths=0, **style)
    axes.set(xlabel=names[0], ylabel=names[1])
    axes.spines[["top", "right"]].set_visible(False)
    if len(classes) <= MOST_LABELLED_CLASSES:
        legend = {"loc": "outside right upper", "frameon": False, "markerscale": 2}
        figure.legend(prop={"family": families, "size": 9}, **legend)
    return figure


def latent_grid(decode: Decode, side: int = 20) -> Figure:
    """Draw the images that `side` times `side` points of a plane of codes stand for."""
    return mosaic(decode(plane_of_codes(side)), side, "Images over the plane of codes", gap=0)


def plane_of_codes(side: int) -> np.ndarray:
    """Return codes of two numbers at equal steps of probability, `(side * side, 2)`.

    Each then stands for as much of what a model draws (Kingma and Welling 2014, figure 4).
    """
    quantiles = [NormalDist().inv_cdf((step + 0.5) / side) for step in range(side)]
    # The second number grows upwards, as in any diagram.
    return np.array([(x, y) for y in reversed(quantiles) for x in quantiles], np.float32)


def interpolations(decode: Decode, starts: np.ndarray, ends: np.ndarray, steps: int = 10) -> Figure:
    """Draw, in each row, the images on the straight way between two codes, `(rows, latent_dim)`."""
    shares = np.linspace(0, 1, steps, dtype=np.float32)[:, np.newaxis]
    codes = np.concatenate([a + shares * (b - a) for a, b in zip(starts, ends, strict=True)])
    return mosaic(decode(codes), steps, "From one image to another, through the codes between")


def mosaic(images: np.ndarray, columns: int, heading: str, gap: int = 1) -> Figure:
    """Draw images in 0..1, `(n, height, width, channels)`, in full rows of some columns.

    Between them are `gap` white pixels.
    """
    images = np.pad(images, [(0, 0), (0, gap), (0, gap), (0, 0)], constant_values=1)
    _, height, width, channels = images.shape
    table = images.reshape(-1, columns, height, width, channels)
    whole = table.swapaxes(1, 2).reshape(-1, columns * width, channels)
    inches = SIDE * whole.shape[0] / whole.shape[1]
    figure = Figure(figsize=(SIDE, inches + 0.35), layout="constrained")
    figure.suptitle(heading, x=0.01, ha="left")
    axes = figure.add_subplot()
    axes.imshow(whole[..., 0] if channels == 1 else whole, cmap="gray", vmin=0, vmax=1)
    axes.set_axis_off()
    return figure


def _in_a_plane(codes: np.ndarray) -> tuple[np.ndarray, tuple[str, str]]:
    if codes.shape[1] == 2:
        return codes, ("first number of the code", "second number of the code")
    centred = codes - codes.mean(axis=0)
    _, lengths, directions = np.linalg.svd(centred, full_matrices=False)
    first, second, *_ = lengths**2 / max(np.sum(lengths**2), 1e-12)
    return centred @ directions[:2].T, (
        f"first principal component, {first:.0%} of the variance",
        f"second principal component, {second:.0%} of the variance",
    )
