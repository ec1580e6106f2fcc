"""The `config.yaml` of a project: the chosen values, with their meaning above them."""

from __future__ import annotations

from typing import Any

import yaml

from maquette.contract import TemplateConfig
from maquette.scaffolding.card import wrapped

HEAD = """\
# Options of the training. What is given on the command line wins over what stands here.

# Data source: {source}
{data}

# Decides initial weights, order of the data, dropout and augmentation.
{seed}"""


def config_text(
    config: type[TemplateConfig], options: dict[str, Any], data: str, seed: int, source: str
) -> str:
    """Return the text of `config.yaml`.

    Args:
        config: The template's options.
        options: Those that are not the defaults.
        data: Data source.
        seed: The seed.
        source: What can stand for a data source.
    """
    values = config(**options).model_dump(mode="json")
    head = HEAD.format(source=source, data=_line("data", data), seed=_line("seed", seed))
    parts = [head]
    for name, field in config.model_fields.items():
        parts += ["", _commented(field.description or name), _line(name, values[name])]
    return "\n".join(parts) + "\n"


def _line(name: str, value: Any) -> str:
    flow = None if isinstance(value, list | dict) else False
    text = yaml.safe_dump({name: value}, default_flow_style=flow, allow_unicode=True, width=10_000)
    return text.rstrip()


def _commented(text: str) -> str:
    return "\n".join(f"# {line}" for line in wrapped(" ".join(text.split())).splitlines())
