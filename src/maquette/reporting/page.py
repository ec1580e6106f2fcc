"""The HTML that the report is made of: page, sections, tables."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from maquette.printing import decimals_of

# Browsers open what is folded for printing only if told so.
STYLE = """
:root { color-scheme: light dark; --line: #8884 }
:root { --accent: #1f5fa8; --bad: #b3261e; --good: #18703c }
@media (prefers-color-scheme: dark) { :root { --accent: #8ab4f8; --bad: #f2938c; --good: #7fcf98 } }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem }
h1 { margin-bottom: 0; overflow-wrap: anywhere } h1 span { font-weight: 400; opacity: .7 }
h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--line) }
h3 { font-size: 1em; margin: 1em 0 0 }
p { max-width: 48rem; overflow-wrap: anywhere } .muted { opacity: .7 }
.good { color: var(--good) } .bad { color: var(--bad) }
.cards, .side { display: flex; flex-wrap: wrap; gap: 1rem } .side { column-gap: 4rem }
.side > * { min-width: 0; max-width: 100% }
.cards div { border: 1px solid var(--line); border-radius: 8px; padding: .6rem 1.2rem }
.cards b { display: block; font-size: 1.6rem; color: var(--accent) }
.wide { overflow-x: auto }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums }
th, td { padding: .25rem .8rem; border-bottom: 1px solid var(--line); text-align: left }
th { font-weight: 600; vertical-align: bottom } td { vertical-align: top }
.number { text-align: right } td.number { white-space: nowrap } td.bad { min-width: 16rem }
img { max-width: 100%; box-sizing: border-box; padding: .5rem; margin: 0 1rem 1rem 0;
  background: white; border: 1px solid var(--line); border-radius: 8px; vertical-align: top }
.wide img { max-width: max(100%, 36rem) }
pre { overflow-x: auto } summary { cursor: pointer; font-weight: 600; margin: 1em 0 }
@media (max-width: 40rem) { th, td { padding: .25rem .4rem } .cards div { flex: 1 0 30% } }
@media print {
  body { margin: 0; max-width: none } h2, h3 { break-after: avoid } img, tr { break-inside: avoid }
  .wide { overflow: visible } .wide img { max-width: 100% } td.bad { min-width: 0 }
  table { font-size: .85em } pre { white-space: pre-wrap }
  details::details-content { display: block; content-visibility: visible }
}
"""
TWO_DECIMALS = ("latency (ms)", "size (MB)")
SHORT_FORMS = {"mae", "rmse", "mse", "r2", "f1", "kl", "elbo"}


def page(name: str, body: str) -> str:
    """Return a whole page.

    Args:
        name: Its title.
        body: HTML.
    """
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(name)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style></head><body>{body}</body></html>\n"
    )


def section(name: str, content: str) -> str:
    """Return HTML below a heading, or nothing where there is none."""
    return f"<h2>{escape(name)}</h2>{content}" if content else ""


def details(summary: str, content: str) -> str:
    """Return HTML that a click unfolds."""
    return f"<details><summary>{escape(summary)}</summary>{content}</details>"


def side_by_side(parts: Sequence[str]) -> str:
    """Return HTML parts beside one another, as far as there is room."""
    return f'<div class="side">{"".join(f"<div>{part}</div>" for part in parts)}</div>'


def wide(content: str) -> str:
    """Return HTML that scrolls to the side where there is little room."""
    return f'<div class="wide">{content}</div>'


def table(rows: Sequence[dict[str, Any]], decimals: int | None = None) -> str:
    """Return rows as an HTML table, with a column for each key; numbers are aligned right.

    Args:
        rows: What to show.
        decimals: Of all figures. Defaults to what suits the largest one of a column.
    """
    columns = dict.fromkeys(key for row in rows for key in row)
    kinds = {key: _kind([row.get(key) for row in rows]) for key in columns}
    places = {key: decimals or _decimals(key, [row.get(key) for row in rows]) for key in columns}
    head = "".join(f"<th{kinds[key]}>{escape(title(key))}</th>" for key in columns)
    body = "".join(
        "<tr>"
        + "".join(_cell(key, row.get(key), kinds[key], places[key]) for key in columns)
        + "</tr>"
        for row in rows
    )
    return wide(f"<table><tr>{head}</tr>{body}</table>")


def _kind(values: list[Any]) -> str:
    return ' class="number"' if any(isinstance(v, int | float) for v in values) else ""


def _decimals(column: str, values: list[Any]) -> int:
    return 2 if column in TWO_DECIMALS else decimals_of(values)


def _cell(column: str, value: Any, kind: str, decimals: int) -> str:
    if column == "gate":
        kind = ' class="good"' if value == "passed" else ' class="bad"'
    return f"<td{kind}>{escape(shown(value, decimals))}</td>"


def shown(value: Any, decimals: int | None = None) -> str:
    """Return the text of a value, nothing for `None`; of a large figure fewer decimals."""
    if isinstance(value, float):
        return f"{value:.{decimals or decimals_of([value])}f}"
    return "" if value is None else str(value)


def title(name: str) -> str:
    """Return a name from code as a heading: `macro_f1` as "Macro F1"."""
    words = [w.upper() if w in SHORT_FORMS else w for w in name.replace("_", " ").split(" ")]
    return " ".join([words[0][:1].upper() + words[0][1:], *words[1:]])
