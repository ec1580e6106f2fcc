"""The options of the verbs that keep a project up to date or begin a template."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from maquette.contract import Options
from maquette.starting import DEFAULT_TASK, starter_tasks
from maquette.verb_options import Folder, Json

TASKS = tuple(starter_tasks())


class NewTemplateOptions(Options):
    name: Positional[Annotated[str, arg(metavar="NAME")]]
    """What it will be called: small letters, digits and _."""
    task: Literal[TASKS] = DEFAULT_TASK
    """What kind of problem it is for."""


class DiffOptions(Options):
    project: Folder = Path()
    """Folder of the project, or one inside; by default the current one."""
    mine: bool = False
    """Show what you have changed instead."""
    as_json: Json = False
    """Print JSON."""


class UpdateOptions(Options):
    project: Folder = Path()
    """Folder of the project, or one inside; by default the current one."""
    dry_run: bool = False
    """Change nothing; tell what would happen."""
    as_json: Json = False
    """Print JSON."""
