"""A template of one's own: `new template`."""

from __future__ import annotations

from collections.abc import Sequence
from shlex import quote

import maquette
from maquette.gallery import template_names
from maquette.parsing import parse
from maquette.project_options import NewTemplateOptions
from maquette.starting import NewTemplate


def new_template_verb(words: Sequence[str]) -> None:
    """Write a small template that works, to make your own from: maquette new template NAME."""
    options = parse(NewTemplateOptions, words, "maquette new template", new_template_verb.__doc__)
    print("\n".join(_told(maquette.new_template(options.name, task=options.task))))


def _told(made: NewTemplate) -> list[str]:
    """Return where the file is, and what to do next."""
    lines, pyproject = [str(made.path)], made.home.pyproject
    if not made.is_named:
        lines.append(f'name it in {pyproject}: {made.name} = "{made.home.package}.{made.name}"')
    if made.name not in template_names():
        root = pyproject.parent if pyproject else made.home.folder.parent
        lines.append(f"install it: pip install -e {quote(str(root))}")
    tests = "--pyargs maquette.contract_tests" if pyproject else "tests/contract"
    return [
        *lines,
        f"train it: maquette train {made.name}",
        f"check it: pytest {tests} -k {made.name}",
    ]
