"""The report of a check as a page: findings, and pictures of the offenders."""

from __future__ import annotations

import base64
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from maquette.checking.findings import SEVERITIES, Finding, Item, Report, plural, printable
from maquette.files import write_text
from maquette.images.data import FileSplit, ImageData
from maquette.images.decoding import UnreadableImage, load, read
from maquette.reporting.page import details, page, section, table

SHOWN_ITEMS, UNFOLDED_ITEMS, PICTURED_ITEMS, PICTURED_OF_ITEM = 200, 8, 24, 4
SIDE = 112  # pixels
COLOURS = {"error": "bad", "warning": "", "note": "muted"}


def write_page(result: Report, data: Any, file: Path) -> None:
    """Write the report as one HTML file that needs no other.

    Args:
        result: what was found.
        data: the opened data.
        file: its path.
    """
    pictures = _Pictures(data)
    body = "".join(
        [
            f"<h1>{escape(printable(result.source))} <span>checked</span></h1>",
            f"<p class='muted'>{escape(_summary(result))}</p>",
            _cards(result),
            *(_of_severity(result, severity, pictures) for severity in SEVERITIES),
            section("A training of this", _forecast(result)),
            section("Classes", _classes(result)),
            section("How the data was read", "".join(map(_line, result.notes))),
        ]
    )
    write_text(file, page(f"Check of {printable(result.source)}", body))


def _line(note: str) -> str:
    return f"<p>{escape(printable(note))}</p>"


def _summary(result: Report) -> str:
    counts = ", ".join(f"{count} {split}" for split, count in result.counts.items())
    return f"{result.kind}: {counts}" if counts else result.kind


def _cards(result: Report) -> str:
    counts = {f"{severity}s": len(result.of(severity)) for severity in SEVERITIES}
    cards = "".join(
        f"<div><b>{count}</b>{plural(count, noun).partition(' ')[2]}</div>"
        for noun, count in counts.items()
    )
    return f'<div class="cards">{cards}</div>'


def _of_severity(result: Report, severity: str, pictures: _Pictures) -> str:
    parts = [_finding(finding, pictures) for finding in result.of(severity)]
    return section(f"{severity.capitalize()}s", "".join(parts))


def _finding(finding: Finding, pictures: _Pictures) -> str:
    heading = f'<h3 class="{COLOURS[finding.severity]}">{escape(printable(finding.message))}</h3>'
    advice = f"<p class='muted'>{escape(finding.advice)} ({finding.kind})</p>"
    shown = "".join(map(pictures.of, finding.items[:PICTURED_ITEMS]))
    names = "".join(f"<li>{escape(str(item))}</li>" for item in finding.items[:SHOWN_ITEMS])
    more = len(finding.items) - SHOWN_ITEMS
    rows = f"<ul>{names}</ul>" + (f"<p>and {more} more</p>" if more > 0 else "") if names else ""
    if len(finding.items) > UNFOLDED_ITEMS:
        rows = details(f"all {len(finding.items)}", rows)
    return heading + advice + (f"<p>{shown}</p>" if shown else "") + rows


def _forecast(result: Report) -> str:
    if not result.forecast:
        return ""
    return table(result.forecast["stages"], decimals=1) + _line(result.forecast["summary"])


def _classes(result: Report) -> str:
    rows = [{"class": printable(name), **counts} for name, counts in result.classes.items()]
    return table(rows[:SHOWN_ITEMS]) if rows else ""


class _Pictures:
    """Finds the picture of an example by its name."""

    def __init__(self, data: Any):
        self.where: dict[str, tuple[Any, int]] = {}
        if isinstance(data, ImageData):
            for split in data.splits.values():
                self.where |= {name: (split, i) for i, name in enumerate(split.names)}

    def of(self, item: Item) -> str:
        """Return the pictures of an item's examples as HTML, beside one another."""
        known = [name for name in item.names if name in self.where][:PICTURED_OF_ITEM]
        images = "".join(filter(None, map(self._image, known)))
        title = escape(str(item), quote=True)
        return (
            f'<span title="{title}" style="white-space:nowrap">{images}</span> ' if images else ""
        )

    def _image(self, name: str) -> str:
        split, index = self.where[name]
        image = _whole(split, index)
        if image is None:
            return ""
        image.thumbnail((SIDE, SIDE))
        buffer = BytesIO()
        image.save(buffer, "PNG" if max(image.size) < SIDE else "JPEG")
        data = base64.b64encode(buffer.getvalue()).decode()
        kind = "png" if max(image.size) < SIDE else "jpeg"
        alt = escape(printable(name), quote=True)
        return f'<img alt="{alt}" src="data:image/{kind};base64,{data}">'


def _whole(split: Any, index: int) -> Image.Image | None:
    """Return an example uncropped where it is a file."""
    if isinstance(split, FileSplit):
        try:
            return load(read(split.root / split.names[index]), at_least=2 * SIDE).image
        except UnreadableImage:
            return None
    pixels = np.asarray(split.read(index, (SIDE, SIDE, 3)))
    return Image.fromarray(pixels)
