"""`maquette check`: all that can be told of data before a training."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from maquette.checking.findings import Report, in_order
from maquette.checking.kinds import natural_kind
from maquette.checking.natural import kind_of_data, natural_findings, rows_of
from maquette.checking.outputs import require_fitting, require_possible, write_outputs
from maquette.images.inspection import kept
from maquette.progress import waiting
from maquette.python_data.as_source import as_source
from maquette.sources import open_source


def check(
    source: Any,
    template: str | None = None,
    *,
    target: str | None = None,
    text_column: str | None = None,
    image_column: str | None = None,
    report: str | Path | None = None,
    fix: str | Path | None = None,
    list_file: str | Path | None = None,
    figures: str | Path | None = None,
    out: str | Path = "saved_models",
    **options: Any,
) -> Report:
    """Look for what would break a training or falsify its result. The data is only read.

    Example:
        >>> found = maquette.check("photos/")
        >>> [finding.message for finding in found.of("error")]

    Args:
        source: A data source, or data in memory, as in `train`.
        template: Name of a template: look at the data as it does, try whether one batch can be
            learned by heart, and forecast time and memory of a training. Defaults to none.
        target: Column of what is to be predicted.
        text_column: Column of the texts.
        image_column: Column of the images.
        report: A file to write the report to, as a page with pictures. Defaults to none.
        fix: A new folder to write a cleaned copy to. Defaults to none.
        list_file: A CSV file to write all offenders to, and what to do with each. Defaults to none.
        figures: A folder to write pictures of the data to. Defaults to none.
        out: Folder of all runs, in whose `data` folder data in memory is written.
        **options: The template's own options.

    Returns:
        What was found.

    Raises:
        UserError: there is no such data, it cannot be opened at all, or an option cannot be used.
    """
    began = time.perf_counter()
    source = as_source(source, out, target, text_column, image_column)
    outputs = {"report": report, "fix": fix, "list_file": list_file, "figures": figures}
    require_possible(source, **outputs)
    trial = None
    with kept() as known:
        if template is None:
            data = open_source(source, {natural_kind(source)})
        else:
            from maquette.checking.trial import Trial

            trial = Trial.of(template, source, options)
            data = trial.data
        require_fitting(data, fix, figures)
        with waiting("looking for copies"):
            findings = natural_findings(data, known)
    if trial is not None:
        findings += trial.findings()
    rows = rows_of(data)
    result = Report(
        source=data.source,
        kind=kind_of_data(data),
        counts=rows.sizes if rows else {},
        classes=rows.per_class() if rows and data.classes else {},
        findings=in_order(findings),
        notes=tuple(data.notes),
        forecast=trial.forecast() if trial else {},
        seconds=round(time.perf_counter() - began, 1),
    )
    write_outputs(result, data, known, **outputs)
    return result
