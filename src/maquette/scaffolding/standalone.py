"""Standalone projects: the template's file and all that it and the verbs need of maquette."""

from __future__ import annotations

from maquette.errors import UserError
from maquette.scaffolding.answers import Answers
from maquette.scaffolding.parts import Code


def code_of(answers: Answers) -> Code:
    """Return the Python files of a standalone project."""
    raise UserError("standalone projects are not made yet; leave out --standalone")
