"""Linked projects: the template's file in a package of one's own; maquette is a dependency."""

from __future__ import annotations

from packaging.version import Version

import maquette
from maquette.gallery import template_package, template_path
from maquette.scaffolding.answers import Answers
from maquette.scaffolding.imports import with_imports
from maquette.scaffolding.parts import Code, filled

ROLES = {
    "model.py": "the model: options, network, tuning, export, pictures",
    "__main__.py": "the command line, which hands on to that of maquette",
    "callbacks/": "callbacks of your own",
}


def code_of(answers: Answers) -> Code:
    """Return the Python files of a linked project."""
    package = answers.package
    template = template_path(answers.template).read_text(encoding="utf-8")
    model = with_imports(template, package, lambda each: [each])
    model = model.replace(f"maquette train {answers.template}", f"python -m {package} train")
    title = f"{answers.name}, made from maquette's `{answers.template}`."
    files = {
        f"{package}/__init__.py": f'"""{title}"""\n',
        f"{package}/__main__.py": filled("linked/__main__.py.txt", package=package),
        f"{package}/callbacks/__init__.py": filled("linked/callbacks.py.txt"),
        f"{package}/model.py": model,
        "tests/test_model.py": filled("linked/tests/test_model.py.txt", package=package),
    }
    needed = [f"maquette[samples]>={Version(maquette.__version__).base_version}"]
    if origin := template_package(answers.template):
        needed.append(f"{origin.name}>={origin.version}")
    roles = {f"{package}/{name}": text for name, text in ROLES.items()}
    return Code(files, tuple(needed), roles)
