"""Names of any length and script, made fit for a picture."""

from __future__ import annotations

from collections.abc import Sequence
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
    return f"{_fitting(text, half)}…{_fitting(text[::-1], half)[::-1]}"


def width(text: str) -> int:
    """Return the width in Latin letters; a Chinese or Japanese sign is as wide as two."""
    return sum(2 if sign == MISSING or east_asian_width(sign) in "WF" else 1 for sign in text)


def _fitting(text: str, length: int) -> str:
    while width(text) > length:
        text = text[:-1]
    return text


def drawable(texts: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return what can be drawn of texts in any script, and the fonts to draw it with.

    Returns:
        The texts, with a box in the place of each sign that no installed font has; and the usual
        font families, followed by those that these texts need besides.
    """
    lacking = _lacking(findfont(FontProperties()), set("".join(texts)) - {"\n"})
    families = [*matplotlib.rcParams["font.family"]]
    lacked = {name: _lacking(file, lacking) for name, file in _fonts()} if lacking else {}
    while lacking:
        # The font that has the most signs: words look odd in a mixture.
        best = min(lacked, key=lambda name: len(lacking & lacked[name]))
        if lacking <= lacked[best]:
            break
        families.append(best)
        lacking &= lacked[best]
    boxes = str.maketrans(dict.fromkeys(lacking, MISSING))
    return [text.translate(boxes) for text in texts], families


def _lacking(font: str, signs: set[str]) -> set[str]:
    opened = FT2Font(font)
    return {sign for sign in signs if not opened.get_char_index(ord(sign))}


def _fonts() -> list[tuple[str, str]]:
    """Return family and file of the installed upright fonts of normal weight."""
    # The "last resort" has a sign for everything: a box.
    return [
        (font.name, font.fname)
        for font in fontManager.ttflist
        if font.style == "normal" and font.weight in (400, "normal", "regular")
        and "last resort" not in font.name.lower().replace("lastresort", "last resort")
    ]  # fmt: skip
