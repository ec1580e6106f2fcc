"""The options of the verbs that keep a project up to date or begin a template."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from maquette.contract import Options
from maquette.verb_options import Folder, Json


class NewTemplateOptions(Options):
    name: Positional[Annotated[str, arg(metavar="NAME")]]
    """What it will be called: small letters, digits and _."""
    task: Annotated[str, arg(metavar="TASK")] = "image_classification"
    """What kind of problem it is for; a wrong name tells which there are."""


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
