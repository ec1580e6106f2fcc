"""What a check writes if it is asked to: a page, a cleaned copy, a list, pictures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from maquette.checking.cleaning import clean, require_cleanable, require_new, write_list
from maquette.checking.findings import Report
from maquette.checking.page import write_page
from maquette.errors import UserError
from maquette.files import require_writable, require_writable_file
from maquette.images.inspection import ImageInfo


def require_possible(
    source: str,
    report: str | Path | None,
    fix: str | Path | None,
    list_file: str | Path | None,
    figures: str | Path | None,
) -> None:
    """Make sure, before anything is read, that all can be written where it is asked for.

    Raises:
        UserError: it cannot.
    """
    files = {"--report": report, "--list": list_file}
    for option, file in files.items():
        if file is not None:
            require_writable_file(Path(file), option)
    if figures is not None:
        require_writable(Path(figures), "--figures")
    if fix is not None:
        require_new(source, Path(fix))


def require_fitting(data: Any, fix: str | Path | None, figures: str | Path | None) -> None:
    """Make sure that what was asked for can be made of opened data.

    Raises:
        UserError: it cannot.
    """
    if fix is not None:
        require_cleanable(data)
    if figures is not None and not getattr(data, "classes", ()):
        raise UserError(f"{data.source} has no examples in classes to draw; leave out --figures")


def write_outputs(
    result: Report,
    data: Any,
    known: Mapping[Path, ImageInfo],
    report: str | Path | None,
    fix: str | Path | None,
    list_file: str | Path | None,
    figures: str | Path | None,
) -> None:
    """Write what was asked for.

    Args:
        result: what was found.
        data: the opened data.
        known: what is known of its images, by path.
        report: the file of the page.
        fix: the folder of the cleaned copy.
        list_file: the CSV file of all offenders.
        figures: the folder of pictures.
    """
    if list_file is not None:
        write_list(result, Path(list_file))
    if fix is not None:
        clean(result, Path(fix))
    if figures is not None:
        from maquette.checking.charts import write_charts

        write_charts(data, known, Path(figures))
    if report is not None:
        write_page(result, data, Path(report))
