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
from maquette.checking.kinds import natural_kind, path_of
from maquette.checking.remedies import Remedy, remedies
from maquette.errors import UserError
from maquette.files import folder_written_whole, require_writable, written_whole
from maquette.images.decoding import IMAGE_SUFFIXES, load, read
from maquette.text.reading import TEXT_SUFFIXES, decode, tidy
from maquette.text.tables import JSON_SUFFIXES, is_table, read_table, stem

LIST = "cleaning.csv"
ALL_PIXELS = 1 << 30  # of a side: a JPEG is not shrunk
QUALITY = 95
SAVED_AS = {".jpg": "JPEG", ".jpeg": "JPEG", ".bmp": "BMP", ".gif": "GIF", ".webp": "WEBP"}


def require_cleanable(source: str, folder: Path) -> None:
    """Make sure that a cleaned copy can be made and written.

    Raises:
        UserError: the source is none that can be copied, or the folder is not empty, or within it.
    """
    path = path_of(source)
    if path is None or natural_kind(source) not in ("images", "text") or not _is_copied(path):
        raise UserError(
            f"--fix copies folders of images or texts and tables of texts; {source} is neither; "
            "--list writes what to leave out"
        )
    target = folder.absolute()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UserError(f"--fix {folder} exists and is not empty; give a new folder")
    if path == target.resolve() or path in target.resolve().parents:
        raise UserError(f"--fix {folder} is within {path}, which stays as it is; give another")
    require_writable(folder, "--fix")


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
    path, done = path_of(result.source), remedies(result)
    left_out = {remedy.name for remedy in done if remedy.action == "leave out"}
    anew = {remedy.name for remedy in done if remedy.action == "write anew"} - left_out
    with folder_written_whole(folder) as temporary:
        tables = [path] if path.is_file() else [p for p in path.iterdir() if is_table(p.name)]
        if path.is_dir():
            _copy_files(path, temporary, left_out, anew)
        for table in tables if result.kind == "text" else []:
            _copy_table(table, temporary, left_out)
        kept = [remedy for remedy in done if remedy.action != "look"]
        _write_rows(temporary / LIST, Remedy._fields, kept)


def _is_copied(path: Path) -> bool:
    """Return whether a folder holds its examples itself, or a file is a table of texts."""
    if path.is_file():
        return is_table(path.name)
    return not any((path / f"metadata{suffix}").exists() for suffix in (".csv", ".jsonl"))


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
    suffixes = path.name.lower().removesuffix(".gz")
    if suffixes.endswith(JSON_SUFFIXES):
        lines = "".join(json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in rows)
        (folder / f"{stem(path.name)}.jsonl").write_text(lines, encoding="utf-8")
        return
    _write_rows(
        folder / f"{stem(path.name)}.csv",
        table.columns,
        [[row.get(column) for column in table.columns] for row in rows],
    )


def _write_rows(file: Path, columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(columns)
        writer.writerows([printable(v) if isinstance(v, str) else v for v in row] for row in rows)
