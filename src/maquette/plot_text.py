"""Names of any length and script, made fit for a picture."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from unicodedata import east_asian_width

import matplotlib
from matplotlib.font_manager import FontProperties, findfont, fontManager
from matplotlib.ft2font import FT2Font

MISSING = "□"


def shortened(text: str, length: int = 18) -> str:
    """Return the text, its middle left out if it is wider than `length` Latin letters."""
    if width(text) <= length:
        return text
    half = (length - 1) // 2
    end = _fitting(text[::-1], half)[::-1]
    return f"{_fitting(text, half)}…{end}"


def width(text: str) -> int:
    """Return the width in Latin letters; a Chinese or Japanese sign is as wide as two."""
    return sum(2 if east_asian_width(sign) in "WF" else 1 for sign in text)


def _fitting(text: str, length: int) -> str:
    while width(text) > length:
        text = text[:-1]
    return text


def drawable(text: str) -> str:
    """Return the text with a box in the place of each sign that no installed font has."""
    return "".join(sign if sign == "\n" or _font(sign) else MISSING for sign in text)


def font_families(texts: Iterable[str]) -> list[str]:
    """Return the usual fonts, and after them those that the texts need besides."""
    needed = {_font(sign) for sign in set("".join(texts))} - {None, _usual().family_name}
    return [*matplotlib.rcParams["font.family"], *sorted(needed)]


@cache
def _font(sign: str) -> str | None:
    """Return the family of a font that has the sign: the usual one, or the first installed."""
    if not sign.isprintable():
        return None
    if _usual().get_char_index(ord(sign)):
        return _usual().family_name
    return next((name for name, font in _others() if font.get_char_index(ord(sign))), None)


@cache
def _usual() -> FT2Font:
    return FT2Font(findfont(FontProperties()))


@cache
def _others() -> list[tuple[str, FT2Font]]:
    """Return the installed fonts by family, each family by the file that would be drawn with."""
    # The "last resort" has a sign for everything: a box.
    names = {font.name for font in fontManager.ttflist if "last resort" not in font.name.lower()}
    return [(name, FT2Font(findfont(FontProperties(name)))) for name in sorted(names)]
