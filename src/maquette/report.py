"""`report.html`: a run on one page that needs no other file."""

from __future__ import annotations

import base64
import json
from html import escape
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

from maquette import plots
from maquette.files import write_text

if TYPE_CHECKING:
    from maquette.run import Run

CURVES = "learning_curves"

STYLE = """
:root { color-scheme: light dark; --line: #8884; --accent: #1f5fa8; --bad: #b3261e }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem }
h1 { margin-bottom: 0 } h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--line) }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums }
th, td { padding: .25rem .8rem; border-bottom: 1px solid var(--line); text-align: right }
th:first-child, td:first-child { text-align: left } th { font-weight: 600 }
.wide { overflow-x: auto } img { max-width: 100%; background: white; border-radius: 4px }
.cards { display: flex; flex-wrap: wrap; gap: 1rem; margin: 1.5rem 0 }
.cards div { border: 1px solid var(--line); border-radius: 8px; padding: .6rem 1.2rem }
.cards b { display: block; font-size: 1.6rem; color: var(--accent) }
.muted { opacity: .7 } .bad { color: var(--bad) } pre { overflow-x: auto }
"""


def write(run: Run) -> Path:
    """Write `report.html` of a run from what its folder holds, and return its path."""
    sections = [
        _head(run),
        _cards(run.metrics),
        _section("Learning curves", _curves(run)),
        *(_split(name, result) for name, result in run.metrics.items()),
        *(_section(_title(p.stem), _image(p)) for p in _figures(run)),
        _export(run),
        _section("Configuration", f"<pre>{escape(_record_text(run))}</pre>"),
    ]
    title = escape(f"{run.record['template']} {run.path.name}")
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style>{''.join(sections)}</html>\n"
    )
    path = run.path / "report.html"
    write_text(path, page)
    return path


def table(rows: list[dict[str, Any]]) -> str:
    """Return rows as an HTML table; the keys of the first one are the columns."""
    head = "".join(f"<th>{escape(_title(key))}</th>" for key in rows[0])
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(_cell(value))}</td>" for value in row.values()) + "</tr>"
        for row in rows
    )
    return f'<div class="wide"><table><tr>{head}</tr>{body}</table></div>'


def export_rows(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the columns of an export's table that a person reads."""
    hidden = {"sha256", "endpoints", "failures", "bytes", "largest_error"}
    return [
        {
            **{key: value for key, value in row.items() if key not in hidden},
            "size": "" if row["bytes"] is None else f"{row['bytes'] / 1e6:.2f} MB",
            "gate": "; ".join(row["failures"]) or "passed",
        }
        for row in rows
    ]


def _head(run: Run) -> str:
    data, versions = run.record["data"], run.record["versions"]
    sizes = ", ".join(f"{count} {split}" for split, count in data["sizes"].items())
    used = ", ".join(f"{name} {number}" for name, number in versions.items())
    return (
        f"<h1>{escape(run.record['template'])}</h1>"
        f'<p class="muted">{escape(str(run.path))}<br>data {escape(data["source"])} ({sizes}), '
        f"seed {run.record['seed']}<br>maquette {run.record['maquette']}, {escape(used)}</p>"
    )


def _cards(metrics: dict[str, Any]) -> str:
    split = "test" if "test" in metrics else "validation"
    cards = "".join(
        f"<div><b>{_cell(value)}</b>{escape(_title(name))}</div>"
        for name, value in metrics[split]["metrics"].items()
    )
    return f'<p>On the {split} split:</p><div class="cards">{cards}</div>'


def _curves(run: Run) -> str:
    history = run.history
    names = [n for n in history[0] if f"val_{n}" in history[0]]
    figure = plots.learning_curves(history, names)
    run.save_figures({CURVES: figure})
    return _image(run.path / "figures" / f"{CURVES}.png")


def _figures(run: Run) -> list[Path]:
    files = sorted((run.path / "figures").glob("*.png"))
    return [file for file in files if file.stem != CURVES]


def _split(name: str, result: dict[str, Any]) -> str:
    tables = "".join(
        f"<h3>{escape(title)}</h3>{table(rows)}" for title, rows in result["tables"].items()
    )
    return _section(f"Results on {name}", table([result["metrics"]]) + tables)


def _export(run: Run) -> str:
    path = run.path / "export" / "export.json"
    if not path.is_file():
        command = escape(f"maquette export {quote(str(run.path))}")
        return _section("Export", f"<p>Not exported yet: <code>{command}</code></p>")
    rows = json.loads(path.read_text(encoding="utf-8"))["files"]
    note = "<p>Scores on validation data; latency of one example on one thread.</p>"
    return _section("Export", note + table(export_rows(rows)))


def _image(path: Path) -> str:
    content = base64.b64encode(path.read_bytes()).decode()
    return f'<img alt="{escape(_title(path.stem))}" src="data:image/png;base64,{content}">'


def _section(title: str, content: str) -> str:
    return f"<h2>{escape(title)}</h2>{content}"


def _title(name: str) -> str:
    return (name[:1].upper() + name[1:]).replace("_", " ")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _record_text(run: Run) -> str:
    return (run.path / "config.yaml").read_text(encoding="utf-8")
