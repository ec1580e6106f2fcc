"""What leaves the house: `export`, `benchmark`, `verify`."""

from __future__ import annotations

from collections.abc import Sequence
from shlex import quote

import maquette
from maquette.errors import GateError
from maquette.parsing import parse
from maquette.printing import print_json, print_table
from maquette.quiet import load_tensorflow
from maquette.verb_options import BenchmarkOptions, ExportOptions, VerifyOptions


def export_verb(words: Sequence[str]) -> None:
    """Export a run to SavedModel and TFLite, each file checked against the original."""
    options = parse(ExportOptions, words, "maquette export", export_verb.__doc__)
    run = maquette.Run(options.run)
    load_tensorflow()
    from maquette.reporting.report import candidates, export_rows

    failure = None
    try:
        rows = maquette.export(run, **{k: v for k, v in options if k not in ("run", "as_json")})
    except GateError as error:
        rows, failure = error.rows, error
    if options.as_json:
        print_json(rows)
    else:
        if options.quantize:
            print_table(export_rows(candidates(run)), "Candidates")
        print_table(export_rows(rows))
        print(run.path / "export")
        web = run.path / "export" / "web"
        if options.demo and web.is_dir():
            print(f"to see the page: python -m http.server -d {quote(str(web))}")
    if failure:
        raise failure


def benchmark_verb(words: Sequence[str]) -> None:
    """Score and time every exported file of a run on its test data."""
    options = parse(BenchmarkOptions, words, "maquette benchmark", benchmark_verb.__doc__)
    run = maquette.Run(options.run)
    load_tensorflow()
    failure = None
    try:
        result = maquette.benchmark(run)
    except GateError as error:
        result, failure = error.rows, error
    if options.as_json:
        print_json(result)
    else:
        from maquette.reporting.benchmark_plots import benchmark_rows, summary

        print(summary(result))
        print_table(benchmark_rows(result))
        print(run.path / "export" / "benchmark.png")
    if failure:
        raise failure


def verify_verb(words: Sequence[str]) -> None:
    """Check that exported files still answer what Keras answered, on any machine."""
    options = parse(VerifyOptions, words, "maquette verify", verify_verb.__doc__)
    failure = None
    try:
        rows = maquette.verify(options.path)
    except GateError as error:
        rows, failure = error.rows, error
    if options.as_json:
        print_json(rows)
    else:
        print_table([{**row, "failure": row["failure"] or "none"} for row in rows])
    if failure:
        raise failure
