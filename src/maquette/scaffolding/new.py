"""Making a project from a template, or from a run that was trained with one."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from maquette.configuration import read_config
from maquette.errors import UserError, nearest
from maquette.gallery import config_class, template_names, template_path
from maquette.scaffolding.answers import LICENSES, PYTHONS, Answers, package_of
from maquette.scaffolding.asking import ask, is_possible
from maquette.scaffolding.card import default_data
from maquette.scaffolding.create import create, require_free
from maquette.scaffolding.data_sources import usable
from maquette.scaffolding.git import first_commit, git_user, is_in_repository
from maquette.scaffolding.trained import Trained


def new(
    template: str,
    folder: str | Path,
    *,
    standalone: bool = False,
    name: str | None = None,
    data: str | None = None,
    license: str | None = None,
    python: str | None = None,
    author: str | None = None,
    config: str | Path | None = None,
    git: bool = True,
    defaults: bool = True,
    **options: Any,
) -> Path:
    """Make a project from a template.

    Example:
        >>> maquette.new("vae", "my-app", standalone=True, latent_dim=16)

    Args:
        template: Name of the template.
        folder: Where the project goes; there must be nothing yet, or an empty folder.
        standalone: Whether it holds all that it needs of maquette, which it else imports.
        name: Name of the project. Defaults to that of the folder.
        data: Data source. Defaults to the template's own.
        license: `"Apache-2.0"`, `"BSD-3-Clause"`, `"MIT"` or `"proprietary"`. Defaults to the
            first.
        python: Lowest version of Python. Defaults to the one that runs.
        author: Who holds the rights. Defaults to git's user.
        config: A YAML file of options.
        git: Whether to make it a repository with a first commit, where git is there and the
            folder belongs to no repository yet.
        defaults: Whether to ask nothing. The command line asks what is not given.
        **options: The template's own options.

    Returns:
        The folder.

    Raises:
        UserError: the folder is not empty or cannot be written, or an answer will not do.
    """
    template_path(template)
    request = read_config(config, template)
    given = {"name": name, "data": data or request.data, "license": license, "python": python}
    chosen = {**request.options, **options}
    values = {"seed": request.seed, "author": author, "options": _changed(template, chosen)}
    answers = _answers(template, Path(folder), standalone, given, values, defaults)
    return _create(answers, Path(folder), git)


def new_from_run(
    run: str | Path,
    folder: str | Path,
    *,
    standalone: bool = False,
    name: str | None = None,
    license: str | None = None,
    python: str | None = None,
    author: str | None = None,
    git: bool = True,
    defaults: bool = True,
) -> Path:
    """Make a project from a trained run: with its options, its data reference, model and exports.

    Example:
        >>> maquette.new_from_run("saved_models/vae/digits", "my-app")

    Args:
        run: Folder of the run.
        folder: As all other arguments, see `new`.

    Raises:
        UserError: it is no finished run, or as in `new`.
    """
    trained = Trained.of(run)
    given = {"name": name, "data": trained.data, "license": license, "python": python}
    options = _changed(trained.template, trained.options)
    values = {"seed": trained.seed, "author": author, "options": options, "run": trained.name}
    answers = _answers(trained.template, Path(folder), standalone, given, values, defaults)
    return _create(answers, Path(folder), git, trained)


def _create(answers: Answers, folder: Path, git: bool, trained: Trained | None = None) -> Path:
    commits = git and shutil.which("git") is not None and not is_in_repository(folder)

    def finish(project: Path, files: Mapping[str, bytes]) -> None:
        if trained:
            trained.copy_to(project, answers)
        if commits:
            first_commit(project, f"Begin {answers.name}, from maquette's {answers.template}")

    create(answers, folder, finish)
    return folder


def _answers(
    template: str,
    folder: Path,
    standalone: bool,
    given: dict[str, str | None],
    values: dict[str, Any],
    defaults: bool,
) -> Answers:
    require_free(folder)
    running = f"{sys.version_info.major}.{sys.version_info.minor}"
    fallback = {
        "name": folder.absolute().name,
        "data": default_data(template),
        "license": LICENSES[0],
        "python": running if running in PYTHONS else PYTHONS[0],
    }
    checks = {
        "name": lambda answer: _require_name(answer, standalone),
        "data": lambda answer: data_reference(template, answer),
    }
    known = {name: value for name, value in given.items() if value is not None}
    for name, value in known.items():
        if name in checks:
            checks[name](value)
    missing = {name: value for name, value in fallback.items() if name not in known}
    if missing and not defaults and is_possible():
        missing = ask(missing, {"license": LICENSES, "python": PYTHONS}, checks)
    known |= missing
    if values["author"] is None:
        values = {**values, "author": git_user()}
    _require_name(known["name"], standalone)
    return Answers(
        template=template,
        package=package_of(known["name"]),
        form="standalone" if standalone else "linked",
        year=time.localtime().tm_year,
        **{**known, "data": data_reference(template, known["data"])},
        **values,
    )


def _require_name(name: str, standalone: bool) -> None:
    package = package_of(name)
    if not standalone and package in template_names():
        raise UserError(
            f"{package!r} is the name of a template, and a linked project is a template, too; "
            f"choose another --name"
        )


def data_reference(template: str, data: str) -> str:
    """Return a data source as a project names it: of what is there already, the absolute path.

    Raises:
        UserError: there is no such data set, and it is not written like a path.
    """
    sources = usable(template)
    embedded = [name for name, source in sources.items() if not source.opens_paths]
    if data in embedded:
        return data
    if data.strip() and Path(data).exists():
        return str(Path(data).absolute())
    if not data.strip() or not any(source.opens(data) for source in sources.values()):
        names = ", ".join(embedded)
        raise UserError(
            f"no data set or path {data!r}{nearest(data, embedded)}; give a path, or one of {names}"
        )
    return data


def _changed(template: str, options: dict[str, Any]) -> dict[str, Any]:
    """Return those of a template's options that are not its defaults."""
    config = config_class(template)
    chosen, default = (c.model_dump(mode="json") for c in (config(**options), config()))
    return {name: value for name, value in chosen.items() if value != default[name]}
