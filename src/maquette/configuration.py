"""Options from YAML: a file of options, or the `config.yaml` of an earlier run."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from maquette.errors import UserError
from maquette.gallery import template_name
from maquette.migration import migrated
from maquette.sources import COLUMNS, compose


@dataclass(frozen=True)
class Request:
    """What a configuration file asks for.

    Args:
        options: The template's own options.
        data: The data source, if the file names one, with the columns that it names.
        seed: The seed.
    """

    options: dict[str, Any] = field(default_factory=dict)
    data: str | None = None
    seed: int = 0


def read_config(path: str | Path | None, template: str) -> Request:
    """Read a configuration file.

    Args:
        path: A YAML file with one option a line and, if wanted, `data`, the columns in it, and
            `seed`; or the record of a run. `None` asks for nothing.
        template: The template it is meant for.

    Raises:
        UserError: the file is missing, is no YAML mapping, or is of another template.
    """
    if path is None:
        return Request()
    values = migrated(_read_mapping(Path(path)))
    named = values.pop("template", template)
    if named not in (template, template_name(template)):
        raise UserError(f"{path} is for the template {named!r}, not {template!r}")
    data, seed = values.pop("data", None), values.pop("seed", 0)
    data = data.get("source", data) if isinstance(data, dict) else data
    if not isinstance(data, str | None):
        raise UserError(f"data in {path} must be a name or a path; received {data!r}")
    if type(seed) is not int or seed < 0:
        raise UserError(f"seed in {path} must be a whole number of at least 0; received {seed!r}")
    is_record = isinstance(values.get("config"), dict)
    options = values["config"] if is_record else values
    options = {str(name).replace("-", "_"): value for name, value in options.items()}
    columns = {name: options.pop(name) for name in COLUMNS.values() if name in options}
    if columns and data is None:
        raise UserError(f"{path} has {next(iter(columns))!r} but no data that it is a column of")
    return Request(options, compose(data, **columns) if columns else data, seed)


def _read_mapping(path: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"cannot read the configuration {str(path)!r}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is no YAML file: {_reason(error)}") from None
    if not isinstance(values, dict):
        received = "nothing" if values is None else f"{values!r:.40}"
        raise UserError(f"{path} must hold one `option: value` a line; received {received}")
    return dict(values)


def _reason(error: Exception) -> str:
    if isinstance(error, yaml.MarkedYAMLError):
        return f"{error.problem} in line {error.problem_mark.line + 1}"
    return str(error).partition("\n")[0]
