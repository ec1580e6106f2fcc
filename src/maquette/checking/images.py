"""Images: flat ones, odd sizes and shapes, kinds of file that other tools read otherwise."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence

import numpy as np

from maquette.checking.alike import alike, groups
from maquette.checking.copies import copy_findings, same
from maquette.checking.findings import Finding, Severity, singly
from maquette.checking.rows import Rows
from maquette.images.inspection import ImageInfo

FLAT = 3  # grey levels between darkest and brightest; JPEG makes that much of one colour
TIMES_THE_USUAL = 4  # a side that much longer or shorter than the median
LONGEST_SHAPE = 3.0  # of the longer side to the shorter
HUGE = 50_000_000  # pixels
SMALLEST = 16  # pixels of a side
TELLING, USUAL_SHARE, FEWEST_ALIKE = 0.95, 0.8, 5
SUFFIXES = {
    "JPEG": {".jpg", ".jpeg"},
    "MPO": {".jpg", ".jpeg"},
    "PNG": {".png"},
    "BMP": {".bmp"},
    "GIF": {".gif"},
    "WEBP": {".webp"},
    "TIFF": {".tif", ".tiff"},
}


def image_findings(rows: Rows, infos: Sequence[ImageInfo]) -> list[Finding]:
    """Return what the images themselves tell.

    Args:
        rows: all examples.
        infos: what is known of each of them.
    """
    return [
        *copies_of_images(rows, infos),
        *_flat(rows, infos),
        *_sizes(rows, infos),
        *_told_by_the_file(rows, infos),
        *_kinds(rows, infos),
    ]


def copies_of_images(rows: Rows, infos: Sequence[ImageInfo]) -> list[Finding]:
    """Return findings on images that are there more than once, bit for bit or nearly."""
    exact = same([info.sha256 for info in infos])
    # Of exact copies one is enough to look for near ones.
    first = sorted({*range(len(infos))} - {i for group in exact for i in group[1:]})
    pairs = alike([infos[i].thumbnail for i in first])
    near = [[first[i] for i in group] for group in groups(pairs, len(first))]
    return [*copy_findings(rows, exact, near=False), *copy_findings(rows, near, near=True)]


def _flat(rows: Rows, infos: Sequence[ImageInfo]) -> list[Finding]:
    flat = [i for i, info in enumerate(infos) if info.highest - info.lowest <= FLAT]
    if not flat:
        return []
    details = [_shade(infos[i]) for i in flat]
    message = f"{rows.noun} of one colour all over: {len(flat)}"
    advice = "nothing can be learned from them; remove them"
    return [Finding("warning", "flat_image", message, singly(rows.named(flat), details), advice)]


def _shade(info: ImageInfo) -> str:
    if info.highest <= FLAT:
        return "all black"
    return "all white" if info.lowest >= 255 - FLAT else f"all of grey {info.lowest}"


def _sizes(rows: Rows, infos: Sequence[ImageInfo]) -> list[Finding]:
    sizes = np.array([info.size for info in infos], float)
    known = (sizes > 0).all(axis=1)
    if not known.any():
        return []
    side = np.sqrt(sizes.prod(axis=1))
    usual = np.median(side[known])
    shortest = sizes.min(axis=1)
    tiny = known & ((side * TIMES_THE_USUAL < usual) | ((shortest < SMALLEST) & (usual >= 32)))
    large = known & ((side > TIMES_THE_USUAL * usual) | (sizes.prod(axis=1) > HUGE))
    long = known & (sizes.max(axis=1) > LONGEST_SHAPE * np.maximum(shortest, 1))
    told: list[tuple[np.ndarray, str, str, str]] = [
        (tiny, "very_small", "much smaller than the others", "enlarged, they are blurred"),
        (large, "very_large", "much larger than the others", "they slow the reading; shrink them"),
        (
            long,
            "extreme_shape",
            "very wide or very high",
            "what lies outside the square in the middle is cropped away",
        ),
    ]
    return [
        Finding(
            "warning",
            kind,
            f"{rows.noun} that are {what}: {chosen.sum()}",
            singly(
                rows.named(np.flatnonzero(chosen)),
                [f"{infos[i].size[1]}x{infos[i].size[0]}" for i in np.flatnonzero(chosen)],
            ),
            advice,
        )
        for chosen, kind, what, advice in told
        if chosen.any()
    ]


def _told_by_the_file(rows: Rows, infos: Sequence[ImageInfo]) -> list[Finding]:
    """Tell where size or format give the class away, without a look at the picture."""
    labels: dict[tuple, Counter] = defaultdict(Counter)
    for label, info in zip(rows.labels, infos, strict=True):
        labels[info.size, info.format, info.mode][label] += 1
    frequent = {k: c for k, c in labels.items() if c.total() >= FEWEST_ALIKE}
    total = sum(c.total() for c in frequent.values())
    all_labels = sum(frequent.values(), Counter())
    if total < len(rows) / 2 or len(all_labels) < 2:
        return []
    right = sum(max(c.values()) for c in frequent.values()) / total
    if right < TELLING or max(all_labels.values()) / total > USUAL_SHARE:
        return []
    examples = singly(
        [max(c, key=c.get) for c in frequent.values()],
        [f"{k[0][1]}x{k[0][0]} {k[1]} {k[2]}".strip() for k in frequent],
    )
    message = f"size and format of a file alone tell its class in {right:.0%} of cases"
    advice = "a model may learn how the files were made: make all classes alike"
    return [Finding("warning", "file_tells_class", message, examples, advice)]


def _kinds(rows: Rows, infos: Sequence[ImageInfo]) -> list[Finding]:
    grey = sum(info.channels == 1 for info in infos)
    few_grey = 0 < grey <= len(infos) / 2
    told: list[tuple[Severity, str, str, str, Callable[[ImageInfo], str]]] = [
        (
            "note", "cmyk", "in CMYK, as for printing",
            "read as RGB; other tools may show them negative",
            lambda info: "CMYK" if info.mode == "CMYK" else "",
        ),
        (
            "note", "sixteen_bit", "of more than 8 bits",
            "read as 8 bits; other tools may clip them to white",
            lambda info: f"{info.bits} bits" if info.bits > 8 else "",
        ),
        (
            "note", "animation", "of several frames or pages", "only the first is read",
            lambda info: f"{info.frames} frames" if info.frames > 1 else "",
        ),
        (
            "note", "rotated", "turned by their EXIF orientation",
            "read upright; tools that ignore EXIF see them lie on their side",
            lambda info: f"orientation {info.orientation}" if info.orientation > 1 else "",
        ),
        (
            "note", "grey_among_colour", "grey among others in colour",
            "read as RGB; if one class has most of them, they give it away",
            lambda info: "grey" if few_grey and info.channels == 1 else "",
        ),
    ]  # fmt: skip
    findings = []
    for severity, kind, what, advice, detail in told:
        details = {i: text for i, info in enumerate(infos) if (text := detail(info))}
        if details:
            items = singly(rows.named([*details]), [*details.values()])
            message = f"{rows.noun} {what}: {len(details)}"
            findings.append(Finding(severity, kind, message, items, advice))
    return findings + _misnamed(rows, infos)


def _misnamed(rows: Rows, infos: Sequence[ImageInfo]) -> list[Finding]:
    wrong = {
        i: f"is {info.format}"
        for i, info in enumerate(infos)
        if (suffix := os.path.splitext(rows.names[i])[1].lower())
        and info.format in SUFFIXES
        and suffix not in SUFFIXES[info.format]
    }
    if not wrong:
        return []
    message = f"{rows.noun} whose name tells another format: {len(wrong)}"
    items = singly(rows.named([*wrong]), [*wrong.values()])
    advice = "read by what they hold; tools that go by the name fail"
    return [Finding("note", "wrong_suffix", message, items, advice)]
