"""The record of a run, `config.yaml`: all that is needed to do it again."""

from __future__ import annotations

import platform
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml
from packaging.version import InvalidVersion, Version

import maquette
from maquette.errors import UserError
from maquette.files import write_text
from maquette.gallery import template_package
from maquette.migration import migrated

RECORD = "config.yaml"
RECORDED_OF_DATA = {"source", "fingerprint", "sizes", "description"}
RECORDED_VERSIONS = ("tensorflow", "keras", "numpy")


def new_record(template: str, task: str, seed: int, data: dict, config: dict) -> dict[str, Any]:
    """Return what `config.yaml` holds."""
    versions = {name: version(name) for name in RECORDED_VERSIONS}
    package = template_package(template)
    return {
        "maquette": maquette.__version__,
        "template": template,
        **({"package": asdict(package)} if package else {}),
        "task": task,
        "seed": seed,
        "data": data,
        "config": config,
        "versions": {"python": platform.python_version(), **versions},
    }


def write_record(path: Path, record: dict[str, Any]) -> None:
    """Write `config.yaml`."""
    write_text(path / RECORD, yaml.safe_dump(record, sort_keys=False, allow_unicode=True))


def read_record(path: Path) -> dict[str, Any]:
    """Read `config.yaml`.

    Raises:
        UserError: the folder is no run, was made by a newer version, or the file is damaged.
    """
    file = path / RECORD
    if not file.is_file():
        raise UserError(f"{path} is not a run: it has no {RECORD}; `maquette train` makes runs")
    try:
        record = yaml.safe_load(file.read_text(encoding="utf-8"))
        made_by = Version(str(record["maquette"]))
    except (yaml.YAMLError, InvalidVersion, KeyError, TypeError, ValueError):
        raise damaged(file) from None
    # First of all: a newer version may record other things.
    if made_by > Version(maquette.__version__):
        raise UserError(
            f"{path} was made by maquette {made_by}, this is {maquette.__version__}; "
            f'pip install "maquette>={made_by}"'
        )
    if not _is_complete(record):
        raise damaged(file)
    return migrated(record)


def _is_complete(record: dict[str, Any]) -> bool:
    parts = {"template": str, "seed": int, "data": dict, "config": dict, "versions": dict}
    has_parts = all(isinstance(record.get(name), kind) for name, kind in parts.items())
    has_parts = has_parts and isinstance(record.get("package", {}), dict)
    return has_parts and record["data"].keys() >= RECORDED_OF_DATA


def damaged(file: Path) -> UserError:
    """Return the error of a record that is none."""
    return UserError(f"{file} is damaged: it is not the record of a run; train again")
