"""The options of the verbs that make a project, keep it up to date, or begin a template."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from maquette.contract import Options
from maquette.scaffolding.answers import LICENSES, PYTHONS
from maquette.starting import DEFAULT_TASK, starter_tasks
from maquette.verb_options import Folder, Json, Source

TASKS = tuple(starter_tasks())


class ProjectOptions(Options):
    directory: Positional[Annotated[Path, arg(metavar="DIR")]]
    """Where the project goes: a new folder, or an empty one."""
    standalone: bool = False
    """Hold all that is needed of maquette, in place of importing it."""
    name: Annotated[str | None, arg(metavar="NAME")] = None
    """Name of the project; by default that of the folder."""
    license: Literal[LICENSES] | None = None
    """What others may do with the project; by default the first."""
    python: Literal[PYTHONS] | None = None
    """Lowest version of Python; by default the one that runs this."""
    author: Annotated[str | None, arg(metavar="NAME")] = None
    """Who holds the rights; by default git's user."""
    git: bool = True
    """Make it a repository with a first commit, where git is there."""
    defaults: bool = False
    """Ask nothing."""


class NewOptions(ProjectOptions):
    data: Source = None
    """Data source: an embedded set, or a path; by default the template's own."""
    config: Annotated[Path | None, arg(metavar="FILE")] = None
    """YAML file of options, or the config.yaml of a run."""


class NewFromRunOptions(ProjectOptions):
    from_run: Annotated[Path, arg(name="from", metavar="RUN")]
    """Folder of a trained run, whose options, data, model and exports the project takes."""


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
