"""A template of one's own: `new template`."""

from __future__ import annotations

from collections.abc import Sequence

import maquette
from maquette.parsing import parse
from maquette.project_options import NewTemplateOptions
from maquette.starting import NewTemplate


def new_template_verb(words: Sequence[str]) -> None:
    """Write a small template that works, to make your own from: maquette new template NAME."""
    options = parse(NewTemplateOptions, words, "maquette new template", new_template_verb.__doc__)
    print("\n".join(_told(maquette.new_template(options.name, task=options.task))))


def _told(made: NewTemplate) -> list[str]:
    """Return where the file is, and what to do next."""
    home, next_steps = made.home, []
    if home.pyproject is not None:
        if not made.is_named:
            module = f"{home.package}.{made.name}"
            next_steps.append(f'name it in {home.pyproject}: {made.name} = "{module}"')
        next_steps.append(f"install the package again: pip install -e {home.pyproject.parent}")
    tests = "--pyargs maquette.contract_tests" if home.pyproject else "tests/contract"
    next_steps += [
        f"train it: maquette train {made.name}",
        f"check it: pytest {tests} -k {made.name}",
    ]
    return [str(made.path), *next_steps]
