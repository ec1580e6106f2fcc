"""Pictures of data: balance of classes, sizes, examples of each class, lengths of texts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from maquette.checking.natural import rows_of
from maquette.checking.pictures import infos_of
from maquette.checking.rows import Rows
from maquette.files import written_whole
from maquette.images.data import ImageData
from maquette.images.inspection import ImageInfo
from maquette.reporting.plot_text import drawable, shortened
from maquette.reporting.plots import BLUE, GREY, ORANGE, image_grid
from maquette.text.data import TextData

COLOURS = {"train": BLUE, "validation": ORANGE, "test": GREY}
MOST_CLASSES, SHOWN, SIDE = 40, 24, 128
DPI = 110


def write_charts(data: Any, known: Mapping[Path, ImageInfo], folder: Path) -> list[Path]:
    """Draw data in classes.

    Args:
        data: the opened data.
        known: what is known of its images, by path.
        folder: where the pictures go.

    Returns:
        Paths of the pictures.
    """
    rows = rows_of(data)
    figures = {"classes": _balance(rows)}
    if isinstance(data, ImageData):
        if (sizes := _sizes(rows, infos_of(data, known))) is not None:
            figures["sizes"] = sizes
        figures |= _contact_sheets(data)
    if isinstance(data, TextData):
        figures["lengths"] = _lengths(data)
    paths = []
    for name, figure in figures.items():
        paths.append(folder / f"{name}.png")
        with written_whole(paths[-1]) as temporary:
            figure.savefig(temporary, dpi=DPI)
    return paths


def _balance(rows: Rows) -> Figure:
    """Draw the number of examples of each class as a bar, its splits one after the other."""
    counts = dict(sorted(rows.per_class().items(), key=lambda pair: -sum(pair[1].values())))
    names = list(counts)[:MOST_CLASSES]
    figure = Figure(figsize=(7, 1.4 + 0.3 * len(names)), layout="constrained")
    axes = figure.add_subplot()
    places, left = np.arange(len(names)), np.zeros(len(names))
    for split in rows.sizes:
        widths = np.array([counts[name][split] for name in names])
        axes.barh(places, widths, left=left, label=split, color=COLOURS.get(split, GREY))
        left += widths
    texts, families = drawable([shortened(name, 30) for name in names])
    axes.set_yticks(places, texts, parse_math=False, fontfamily=families)
    axes.invert_yaxis()
    axes.set_xlabel(rows.noun)
    more = len(counts) - len(names)
    axes.set_title(f"{len(counts)} classes" + (f", the {MOST_CLASSES} largest" if more > 0 else ""))
    _tidy(axes)
    figure.legend(loc="outside lower center", ncols=len(rows.sizes), frameon=False)
    return figure


def _sizes(rows: Rows, infos: list[ImageInfo]) -> Figure | None:
    """Draw width and height of each image, one colour for each split."""
    sizes = np.array([info.size for info in infos])
    if not (sizes > 0).all():
        return None
    figure = Figure(figsize=(5.6, 5), layout="constrained")
    axes = figure.add_subplot(xlabel="width (pixels)", ylabel="height (pixels)")
    splits = np.array(rows.splits)
    for split in rows.sizes:
        chosen = sizes[splits == split]
        style = {"s": 14, "alpha": 0.5, "linewidths": 0, "color": COLOURS.get(split, GREY)}
        axes.scatter(chosen[:, 1], chosen[:, 0], label=split, **style)
    if np.ptp(sizes, axis=0).max() > 0 and sizes.max() > 8 * sizes.min():
        axes.set(xscale="log", yscale="log")
    axes.set_title(f"Sizes of {len(infos)} {rows.noun}")
    _tidy(axes)
    figure.legend(loc="outside lower center", ncols=len(rows.sizes), frameon=False)
    return figure


def _contact_sheets(data: ImageData) -> dict[str, Figure]:
    """Draw examples of each class, evenly spread over its training images."""
    split, sheets = data.splits.get("train") or next(iter(data.splits.values())), {}
    height, width, channels = data.native_shape
    shape = (min(height or SIDE, SIDE), min(width or SIDE, SIDE), channels)
    for index, name in list(enumerate(data.classes))[:MOST_CLASSES]:
        members = np.flatnonzero(split.labels == index)
        if len(members):
            shown = members[np.unique(np.linspace(0, len(members) - 1, SHOWN).astype(int))]
            images = np.stack([split.read(int(i), shape) for i in shown])
            heading = f"{shortened(name, 40)}: {len(shown)} of {len(members)}"
            sheets[f"class_{index:02}"] = image_grid(images, heading=heading)
    return sheets


def _lengths(data: TextData) -> Figure:
    """Draw how many words the texts of each split have."""
    figure = Figure(figsize=(6.4, 3.8), layout="constrained")
    axes = figure.add_subplot(xlabel="words of a text", ylabel="share of texts")
    words = {k: [len(t.split()) for t in split.texts] for k, split in data.splits.items()}
    longest = np.quantile(np.concatenate(list(words.values())), 0.995)
    edges = np.linspace(0, max(longest, 1), 41)
    for split, counts in words.items():
        shares = np.histogram(np.minimum(counts, edges[-1]), edges)[0] / max(len(counts), 1)
        axes.stairs(shares, edges, label=split, color=COLOURS.get(split, GREY), linewidth=1.8)
    for share in (0.5, 0.95):
        place = np.quantile(words.get("train") or next(iter(words.values())), share)
        axes.axvline(place, color=GREY, linestyle=":", linewidth=1)
        axes.annotate(f" {share:.0%} ≤ {place:.0f}", (place, axes.get_ylim()[1]), va="top")
    axes.set_title("Lengths of texts; longer ones are in the last step")
    _tidy(axes)
    figure.legend(loc="outside lower center", ncols=len(words), frameon=False)
    return figure


def _tidy(axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
