"""A cleaned copy of data, and a list of what was done and why. The original is only read."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from maquette.checking.findings import Report, printable
from maquette.checking.kinds import path_of
from maquette.checking.natural import kind_of_data
from maquette.checking.remedies import Remedy, remedies
from maquette.errors import UserError
from maquette.files import folder_written_whole, require_writable, written_whole
from maquette.images.decoding import IMAGE_SUFFIXES, load, read
from maquette.sources import opener
from maquette.text.parquet import PARQUET_SUFFIXES, write_parquet
from maquette.text.reading import TEXT_SUFFIXES, decode, tidy
from maquette.text.table_files import files_by_split
from maquette.text.tables import JSON_SUFFIXES, read_table, stem

LIST = "cleaning.csv"
ALL_PIXELS = 1 << 30  # of a side: a JPEG is not shrunk
QUALITY = 95
SAVED_AS = {".jpg": "JPEG", ".jpeg": "JPEG", ".bmp": "BMP", ".gif": "GIF", ".webp": "WEBP"}


def require_new(source: str, folder: Path) -> None:
    """Make sure that a cleaned copy can be written where it is asked for.

    Raises:
        UserError: the folder is not empty, lies within the source, or cannot be written.
    """
    path, target = path_of(source), folder.absolute()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UserError(f"--fix {folder} exists and is not empty; give a new folder")
    if path in (target.resolve(), *target.resolve().parents):
        raise UserError(f"--fix {folder} is within {path}, which stays as it is; give another")
    require_writable(folder, "--fix")


def require_cleanable(data: Any) -> None:
    """Make sure that opened data is of a kind that cleaned copies are made of.

    Raises:
        UserError: it is not.
    """
    if _copied(data.source, kind_of_data(data)) is None:
        raise UserError(
            "--fix copies folders of images or texts in classes, and tables of texts or numbers; "
            f"{data.source} is neither; --list writes what to leave out"
        )


def write_list(result: Report, file: Path) -> None:
    """Write all offenders, and what to do with each, as CSV.

    Args:
        result: what was found.
        file: its path.
    """
    with written_whole(file) as temporary:
        _write_rows(temporary, Remedy._fields, remedies(result))


def clean(result: Report, folder: Path) -> None:
    """Write a copy of the data without what harms, and in it a list of what was done.

    Copies are left out of train rather than of what a model is judged by; where labels contradict
    one another, all of them are.

    Args:
        result: what was found.
        folder: to be made.
    """
    root, done = path_of(result.source), remedies(result)
    left_out = {remedy.name for remedy in done if remedy.action == "leave out"}
    anew = {remedy.name for remedy in done if remedy.action == "write anew"} - left_out
    with folder_written_whole(folder) as temporary:
        if _copied(result.source, result.kind) == "files":
            _copy_files(root, temporary, left_out, anew)
        else:
            for table in files_by_split(root)[0].values():
                _copy_table(table, temporary, left_out)
        kept = [remedy for remedy in done if remedy.action != "look"]
        _write_rows(temporary / LIST, Remedy._fields, kept)


def _copied(source: str, kind: str) -> str | None:
    """Return what a copy of a source is made of, "files" or "rows"; `None` of other sources."""
    return getattr(opener(source, {kind}), "COPIED", None)


def _copy_files(root: Path, folder: Path, left_out: set[str], anew: set[str]) -> None:
    for file in _examples(root):
        name = os.path.relpath(file, root)
        if name.replace(os.sep, "/") in left_out:
            continue
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if name.replace(os.sep, "/") not in anew:
            shutil.copyfile(file, target)  # what a link leads to, not the link
        elif target.suffix.lower() in TEXT_SUFFIXES:
            target.write_text(tidy(decode(file.read_bytes()).text) + "\n", encoding="utf-8")
        else:
            _save_anew(file, target)


def _examples(root: Path) -> Iterable[Path]:
    """Yield the files of images and texts below a folder, through links to classes and splits."""
    kinds = IMAGE_SUFFIXES | TEXT_SUFFIXES
    above = {root.resolve(), *root.resolve().parents}
    for here, folders, files in os.walk(root, followlinks=True):
        depth = len(Path(here).relative_to(root).parts)
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".")
            and (depth < 2 or not os.path.islink(os.path.join(here, name)))
            and Path(here, name).resolve() not in above
        )
        for name in sorted(files):
            file = Path(here, name)
            if not name.startswith(".") and file.suffix.lower() in kinds and file.is_file():
                yield file


def _save_anew(file: Path, target: Path) -> None:
    """Write an image upright, in 8 bits, grey or RGB, its first frame alone."""
    image = load(read(file), at_least=ALL_PIXELS).image
    kind = SAVED_AS.get(target.suffix.lower(), "TIFF" if "tif" in target.suffix.lower() else "PNG")
    options: dict[str, Any] = {"quality": QUALITY} if kind in ("JPEG", "WEBP") else {}
    image.save(target, kind, **options)


def _copy_table(path: Path, folder: Path, left_out: set[str]) -> None:
    table = read_table(path)
    rows = [values for line, values in table.rows if f"{path.name}:{line}" not in left_out]
    suffixes, name = path.name.lower().removesuffix(".gz"), stem(path.name)
    if suffixes.endswith(PARQUET_SUFFIXES):
        write_parquet(folder / f"{name}.parquet", rows)
    elif suffixes.endswith(JSON_SUFFIXES):
        lines = "".join(json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(lines, encoding="utf-8")
    else:
        values = [[row[column] for column in table.columns] for row in rows]
        _write_rows(folder / f"{name}.csv", table.columns, values)


def _write_rows(file: Path, columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(columns)
        writer.writerows([printable(v) if isinstance(v, str) else v for v in row] for row in rows)
