"""What maquette would write today, had a project not been made yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from maquette.contract import TemplateConfig
from maquette.errors import UserError
from maquette.gallery import config_class
from maquette.scaffolding.answers import Answers
from maquette.scaffolding.project import render


@dataclass(frozen=True)
class Upstream:
    """The files of a project as this version of maquette writes them.

    Attributes:
        answers: What they are made from.
        files: Their content, by path.
        refused: A line for each option that the project was made with and that the template no
            longer takes with its value.
    """

    answers: Answers
    files: Mapping[str, bytes]
    refused: tuple[str, ...] = ()

    @classmethod
    def of(cls, answers: Answers) -> Upstream:
        """Return what the same answers give today.

        Raises:
            UserError: the template is not there any more, or cannot be read.
        """
        config, kept, refused = config_class(answers.template), {}, []
        for name, value in answers.options.items():
            if problem := _problem(config, name, value):
                refused.append(problem)
            else:
                kept[name] = value
        answers = answers.model_copy(update={"options": kept})
        return cls(answers, render(answers), tuple(refused))


def _problem(config: type[TemplateConfig], name: str, value: Any) -> str:
    if name not in config.model_fields:
        return f"{name}, which was set to {value!r}, is no option any more"
    try:
        config(**{name: value})
    except UserError as error:
        return f"{name} is back at its default: {error}"
    return ""
