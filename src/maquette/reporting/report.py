"""`report.html`: a run on one page that needs no other file."""

from __future__ import annotations

import base64
import io
import json
from html import escape
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

from maquette.files import write_text
from maquette.reporting import plots
from maquette.reporting.benchmark_plots import benchmark_rows, summary
from maquette.reporting.page import details, page, section, shown, side_by_side, table, title, wide

if TYPE_CHECKING:
    from maquette.run import Run

CURVES = "learning_curves"
FIRST_FIGURES = ("confusion_matrix", "most_wrong")
LONGEST_OPEN_TABLE = 20
GATE = (
    "Before a file is written it runs on validation examples: its answers must agree with those "
    "of Keras, and its score may fall by no more than the allowed drop. A TFLite file must do with "
    "the operators that are built into every phone's runtime. Latency is the median time of one "
    "example on one thread of the computer that exported."
)


def write(run: Run) -> Path:
    """Write `report.html` of a run from what its folder holds, and return its path."""
    metrics = _test_first(run.metrics)
    sections = [
        _head(run),
        _cards(metrics),
        section("Results", _results(metrics)),
        section("Learning curves", _curves(run)),
        section("Figures", "".join(map(_image, _figures(run)))),
        section("Export", _export(run)),
        section("Configuration", details("config.yaml", f"<pre>{escape(_record_text(run))}</pre>")),
    ]
    path = run.path / "report.html"
    write_text(path, page(f"{run.record['template']} {run.path.name}", "".join(sections)))
    return path


def export_rows(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the columns of an export's table that a person reads."""
    hidden = {"sha256", "endpoints", "failures", "bytes", "largest_error", "latency_ms"}
    hidden |= {"rung", "tried"}
    return [
        {
            **{key: value for key, value in row.items() if key not in hidden},
            "latency (ms)": _rounded(row["latency_ms"]),
            "size (MB)": _rounded(row["bytes"], 1e6),
            "made": _made(row),
            "gate": "; ".join(row["failures"]) or "passed",
        }
        for row in rows
    ]


def candidates(run: Run) -> list[dict[str, Any]]:
    """Return the table of all files that the best of a run was chosen from."""
    return json.loads((run.path / "export" / "export.json").read_text("utf-8"))["candidates"]


def _made(row: dict[str, Any]) -> str:
    """Return which way of making a file passed the gate; older runs knew one way only."""
    return "" if row["failures"] else row.get("rung", "as it is")


def _rounded(value: float | None, unit: float = 1) -> float | None:
    return None if value is None else round(value / unit, 2)


def _test_first(metrics: dict[str, Any]) -> dict[str, Any]:
    return dict(sorted(metrics.items(), key=lambda item: item[0] != "test"))


def _head(run: Run) -> str:
    data, versions = run.record["data"], run.record["versions"]
    sizes = ", ".join(f"{count} {split}" for split, count in data["sizes"].items())
    used = ", ".join(f"{name} {number}" for name, number in versions.items())
    return (
        f"<h1>{escape(run.record['template'])} <span>{escape(run.path.name)}</span></h1>"
        f'<p class="muted">{escape(str(run.path))}<br>data {escape(data["source"])} ({sizes}), '
        f"seed {run.record['seed']}<br>maquette {run.record['maquette']}, {escape(used)}</p>"
    )


def _cards(metrics: dict[str, Any]) -> str:
    if not metrics:
        return ""
    split, result = next(iter(metrics.items()))
    cards = "".join(
        f"<div><b>{shown(value)}</b>{escape(title(name))}</div>"
        for name, value in result["metrics"].items()
    )
    return f'<p>On the {escape(split)} split:</p><div class="cards">{cards}</div>'


def _results(metrics: dict[str, Any]) -> str:
    if not metrics:
        return ""
    scores = [{"split": split, **result["metrics"]} for split, result in metrics.items()]
    tables = [
        _titled(f"{name}, {split}", rows)
        for split, result in metrics.items()
        for name, rows in result["tables"].items()
    ]
    return table(scores) + side_by_side(tables)


def _titled(name: str, rows: list[dict[str, Any]]) -> str:
    if len(rows) > LONGEST_OPEN_TABLE:
        return details(f"{name} ({len(rows)})", table(rows))
    return f"<h3>{escape(name)}</h3>{table(rows)}"


def _curves(run: Run) -> str:
    history = run.history if (run.path / "history.csv").is_file() else []
    names = _curve_names(history[0]) if history else []
    if not names:
        return ""
    run.save_figures({CURVES: plots.learning_curves(history, names)})
    # One picture each, so that they stand below one another where there is little room.
    return "".join(_drawing(plots.learning_curves(history, [name]), name) for name in names)


def _curve_names(row: dict[str, Any]) -> list[str]:
    """Return what was validated; where nothing was, all that was measured."""
    measured = [name for name in row if name not in ("stage", "epoch", "seconds", "learning_rate")]
    return [name for name in measured if f"val_{name}" in row] or measured


def _drawing(figure: Any, name: str) -> str:
    content = io.BytesIO()
    figure.savefig(content, format="svg")
    return _embedded("svg+xml", content.getvalue(), f"Learning curve of {name}")


def _figures(run: Run) -> list[Path]:
    """Return the figures' files: those that tell of mistakes, then the template's own."""
    files = sorted((run.path / "figures").glob("[!.]*.png"))
    files += sorted((run.path / "figures").glob("[!.]*.gif"))
    first = [file for name in FIRST_FIGURES for file in files if file.stem == name]
    return first + [file for file in files if file.stem not in (CURVES, *FIRST_FIGURES)]


def _image(path: Path) -> str:
    return wide(_embedded(path.suffix[1:], path.read_bytes(), title(path.stem)))


def _embedded(kind: str, content: bytes, name: str) -> str:
    encoded = base64.b64encode(content).decode()
    return f'<img alt="{escape(name)}" src="data:image/{kind};base64,{encoded}">'


def _export(run: Run) -> str:
    path = run.path / "export" / "export.json"
    if not path.is_file():
        command = escape(f"maquette export {quote(str(run.path))}")
        return f"<p>Not exported yet: <code>{command}</code></p>"
    exported = json.loads(path.read_text(encoding="utf-8"))
    rows = exported["files"]
    failed = ", ".join(row["format"] for row in rows if row["failures"])
    verdict = '<p class="good">All passed.</p>'
    if failed:
        verdict = f'<p class="bad">Did not pass, and left out: {escape(failed)}.</p>'
    tables = [table(export_rows(rows)), *_repairs(rows), *_candidates(exported, path.parent)]
    return f"<p>{GATE}</p>{verdict}{''.join(tables)}{_benchmark(run)}"


def _repairs(rows: list[dict[str, Any]]) -> list[str]:
    """Return what failed before a file passed."""
    tried = [
        {"file": row["file"], "tried": each["rung"], "gate": "; ".join(each["failures"])}
        for row in rows
        for each in row.get("tried", [])
    ]
    return [details("What was tried before", table(tried))] if tried else []


def _candidates(exported: dict[str, Any], folder: Path) -> list[str]:
    """Return all that the best was chosen from."""
    if "candidates" not in exported:
        return []
    rows = table(export_rows(exported["candidates"]))
    return ["<h3>Candidates</h3>", rows, _image(folder / "pareto.png")]


def _benchmark(run: Run) -> str:
    path = run.path / "export" / "benchmark.json"
    if not path.is_file():
        return ""
    result = json.loads(path.read_text(encoding="utf-8"))
    rows, picture = table(benchmark_rows(result)), _image(path.with_suffix(".png"))
    return f"<h3>Benchmark</h3><p>Measured {escape(summary(result))}.</p>{rows}{picture}"


def _record_text(run: Run) -> str:
    return (run.path / "config.yaml").read_text(encoding="utf-8")
