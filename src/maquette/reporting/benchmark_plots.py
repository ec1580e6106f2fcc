"""The table and the picture of `maquette benchmark`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from maquette.reporting.page import title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MEGA = 1e6


def summary(result: dict[str, Any]) -> str:
    """Return in one line what was measured on."""
    line = f"on {result['examples']} examples of {result['split']}"
    if result["original"] is None:
        return line
    return f"{line}: {result['metric']} of the original {result['original']:.4f}"


def benchmark_rows(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the columns of the table that a person reads; times are of one example."""
    score, threads = result["metric"] or "score", result["threads"]
    rows = [
        {
            "file": row["file"],
            score: row["score"],
            "agreement": row["agreement"],
            "size (MB)": row["bytes"] / MEGA,
            "median, 1 thread (ms)": row["latency_ms"],
            "p95, 1 thread (ms)": row["latency_p95_ms"],
            f"median, {threads} threads (ms)": row["latency_all_ms"],
            f"p95, {threads} threads (ms)": row["latency_all_p95_ms"],
            "peak memory (MB)": _megabytes(row),
            "failure": row["failure"],
        }
        for row in result["files"]
    ]
    told = [name for name in rows[0] if any(row[name] is not None for row in rows)]
    return [{name: row[name] for name in told} for row in rows]


def _megabytes(row: dict[str, Any]) -> float | None:
    return None if row["memory_bytes"] is None else row["memory_bytes"] / MEGA


def drawn(result: dict[str, Any]) -> Figure:
    """Draw score, size, latency and memory of all files that ran, side by side.

    Args:
        result: What `maquette.benchmark` returns.
    """
    from matplotlib.figure import Figure

    files = [row for row in result["files"] if not row["failure"]]
    figure = Figure(figsize=(13, 1.5 + 0.42 * len(files)), layout="constrained")
    first, size, time, memory = figure.subplots(1, 4, sharey=True)
    names = [row["file"].removeprefix("model_").removesuffix(".tflite") for row in files]
    first.set_yticks(range(len(files)), names)
    first.invert_yaxis()
    if result["metric"]:
        _bars(first, [row["score"] for row in files], "{:.3f}", title(result["metric"]))
        first.axvline(result["original"], color="black", linewidth=1, linestyle=":")
    else:
        _bars(first, [row["agreement"] for row in files], "{:.3f}", "Agreement with Keras")
    _bars(size, [row["bytes"] / MEGA for row in files], "{:.2f}", "Size (MB)")
    _times(time, files, result["threads"])
    _bars(memory, [_megabytes(row) for row in files], "{:.1f}", "Peak memory (MB)")
    return figure


def _bars(axes: Axes, values: list[float | None], form: str, heading: str) -> None:
    from maquette.reporting.plots import BLUE

    bars = axes.barh(range(len(values)), [value or 0 for value in values], 0.6, color=BLUE)
    texts = ["" if value is None else form.format(value) for value in values]
    axes.bar_label(bars, texts, padding=3, fontsize=9)
    _tidy(axes, heading)


def _times(axes: Axes, files: list[dict[str, Any]], threads: int) -> None:
    from maquette.reporting.plots import BLUE, ORANGE

    sides = (("", BLUE, "1 thread", -0.17), ("all_", ORANGE, f"{threads} threads", 0.17))
    for kind, colour, name, offset in sides:
        medians = [row[f"latency_{kind}ms"] for row in files]
        slowest = [max(row[f"latency_{kind}p95_ms"], row[f"latency_{kind}ms"]) for row in files]
        places = [index + offset for index in range(len(files))]
        axes.hlines(places, medians, slowest, color=colour, linewidth=2)
        axes.plot(medians, places, "o", color=colour, label=name)
        for place, median, end in zip(places, medians, slowest, strict=True):
            axes.annotate(
                f"{median:.3g}", (end, place), (6, 0), textcoords="offset points", fontsize=8,
                va="center",
            )  # fmt: skip
    axes.set_xscale("log")  # a SavedModel is hundreds of times slower than a small TFLite file
    axes.legend(fontsize=8, frameon=False, loc="lower right")
    _tidy(axes, "Time (ms): median, line to p95")


def _tidy(axes: Axes, heading: str) -> None:
    axes.set_title(heading, fontsize=10, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0.25)
