"""Everything of a project but its Python files."""

from __future__ import annotations

import json
from importlib.metadata import distribution

from maquette.gallery import config_class
from maquette.scaffolding.answers import Answers
from maquette.scaffolding.card import described, wrapped
from maquette.scaffolding.config_file import config_text
from maquette.scaffolding.data_sources import data_sources, needed, usable
from maquette.scaffolding.parts import Code, filled
from maquette.scaffolding.wording import wording

FIND_LINKS = " --find-links wheels"
OURS = "Apache-2.0"
LICENSE_NOTICE = """
The code that comes from maquette is licensed under the Apache License, Version 2.0; see
LICENSE-maquette.
"""


def documents(answers: Answers, code: Code) -> dict[str, str]:
    """Return a project's texts by path.

    Args:
        answers: What it is made from.
        code: Its Python files.
    """
    names = _names(answers)
    return {
        ".dockerignore": filled("shared/dockerignore.txt"),
        ".github/workflows/ci.yml": filled("shared/ci.yml.txt", **names),
        ".gitignore": filled("shared/gitignore.txt"),
        "Dockerfile": filled("shared/Dockerfile.txt", **names),
        "README.md": _readme(answers, code, names),
        "config.yaml": _config(answers),
        "data/README.md": _data_readme(answers),
        "pyproject.toml": _pyproject(answers, code),
        "saved_models/README.md": filled("shared/saved_models.md.txt"),
        "serve.Dockerfile": filled("shared/serve.Dockerfile.txt", **names),
        **_licenses(answers),
        **({"wheels/README.md": filled("linked/wheels.md.txt")} if _is_linked(answers) else {}),
    }


def _is_linked(answers: Answers) -> bool:
    return answers.form == "linked"


def _names(answers: Answers) -> dict[str, str]:
    linked = _is_linked(answers)
    return {
        "name": answers.name,
        "package": answers.package,
        "python": answers.python,
        "runs": f"saved_models/{answers.package}" if linked else "saved_models",
        "find_links": FIND_LINKS if linked else "",
    }


def _readme(answers: Answers, code: Code, names: dict[str, str]) -> str:
    card = described(answers.template)
    listed = {**code.roles, **FILES}
    facts = [f"{name}: {text}" for name, text in card.facts.items() if name != "Data"]
    source = data_sources().get(answers.data)
    data = source.card.partition("\n")[0] if source else f"`{answers.data}`, your own."
    told = wording(answers)
    return filled(
        "shared/README.md.txt",
        **names,
        **told,
        summary=card.summary,
        idea=card.idea,
        facts="\n\n".join(wrapped(fact) for fact in facts),
        files="\n".join(f"| `{name}` | {text} |" for name, text in listed.items()),
        data=answers.data,
        data_text=wrapped(data),
    )


FILES = {
    "config.yaml": "the options of a training, each with its meaning",
    "data/": "your data; not in version control",
    "tests/": "what must hold: it builds, learns, and answers the same once it is exported",
    "saved_models/": "a folder for each training; not in version control",
    "Dockerfile`, `serve.Dockerfile": "containers for training and for serving",
    ".github/workflows/ci.yml": "style and tests, on every push",
    ".maquette/": "how the project was made, for `maquette diff` and `maquette update`",
}


def _config(answers: Answers) -> str:
    sources = usable(answers.template)
    names = ", ".join(name for name, source in sources.items() if not source.opens_paths)
    if not _is_linked(answers):
        embedded = [s.name for s in needed(answers.template, answers.data) if not s.opens_paths]
        names = ", ".join(embedded)
    source = f"{names}, or the path of your own." if names else "the path of your own."
    config = config_class(answers.template)
    return config_text(config, answers.options, answers.data, answers.seed, source)


def _data_readme(answers: Answers) -> str:
    if _is_linked(answers):
        sources = [source for source in usable(answers.template).values() if source.opens_paths]
    else:
        sources = [s for s in needed(answers.template, answers.data) if s.opens_paths]
    cards = "\n\n".join(f"## {source.card}" for source in sources)
    other = wording(answers)["other_data"].partition("\n[`data/README.md`]")[0]
    return filled("shared/data.md.txt", cards=cards, other_data=other).rstrip() + "\n"


def _pyproject(answers: Answers, code: Code) -> str:
    package, folders = answers.package, {path.rpartition("/")[0] for path in code.files}
    packages = sorted(folder.replace("/", ".") for folder in folders if folder != "tests")
    entry = f'\n[project.entry-points."maquette.templates"]\n{package} = "{package}.model"\n'
    is_open = answers.license != "proprietary"
    expression = answers.license if is_open else "LicenseRef-Proprietary"
    author = f"authors = [{{ name = {_quoted(answers.author)} }}]"
    return filled(
        "shared/pyproject.toml.txt",
        name=answers.name,
        package=package,
        description=_quoted(described(answers.template).summary),
        license=f'license = "{expression}"\nlicense-files = ["LICENSE*"]',
        python=answers.python,
        authors=author if answers.author else "authors = []",
        dependencies="\n".join(f'    "{each}",' for each in code.dependencies),
        entry_points=entry if _is_linked(answers) else "",
        packages=", ".join(f'"{each}"' for each in packages),
    )


def _licenses(answers: Answers) -> dict[str, str]:
    ours = distribution("maquette").read_text("licenses/LICENSE") or ""
    if answers.license == OURS:
        return {"LICENSE": ours}
    author = answers.author or f"The authors of {answers.name}"
    own = filled(f"licenses/{answers.license}.txt", year=answers.year, author=author)
    return {"LICENSE": own + LICENSE_NOTICE, "LICENSE-maquette": ours}


def _quoted(text: str) -> str:
    """Return a text as TOML has it."""
    return json.dumps(text, ensure_ascii=False)
