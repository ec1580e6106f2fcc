"""What a project remembers of how it was made, in `.maquette/`.

`provenance.yaml` holds maquette's version, the template and its hash, the answers, and the SHA-256
of every file as written; `base/` holds these files, so that later changes of either side can be
told apart and merged.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

import maquette
from maquette.errors import UserError
from maquette.files import write_text
from maquette.gallery import template_path
from maquette.scaffolding.answers import Answers

FOLDER, RECORD, BASE = ".maquette", "provenance.yaml", "base"


@dataclass(frozen=True)
class Provenance:
    """How a project was made.

    Attributes:
        maquette: Version that made it.
        template_sha256: Hash of the template's file then.
        answers: What it was made from.
        files: SHA-256 of every file as written, by its path in the project.
    """

    maquette: str
    template_sha256: str
    answers: Answers
    files: Mapping[str, str]

    @classmethod
    def of(cls, answers: Answers, files: Mapping[str, bytes]) -> Provenance:
        """Return that of a project that this version of maquette makes.

        Args:
            answers: What it is made from.
            files: Content of its files, by path.
        """
        template = template_path(answers.template).read_bytes()
        hashes = {path: hashlib.sha256(files[path]).hexdigest() for path in sorted(files)}
        version = maquette.__version__
        return cls(version, hashlib.sha256(template).hexdigest(), answers, hashes)

    def to_dict(self) -> dict[str, Any]:
        """Return what `provenance.yaml` holds."""
        return {
            "maquette": self.maquette,
            "template": {"name": self.answers.template, "sha256": self.template_sha256},
            "answers": self.answers.model_dump(mode="json"),
            "files": dict(self.files),
        }


def write_provenance(project: Path, provenance: Provenance, files: Mapping[str, bytes]) -> None:
    """Write `.maquette/` in a project.

    Args:
        project: Folder of the project.
        provenance: How it was made.
        files: Content of its files, by path, as they were written.
    """
    folder = project / FOLDER
    for path, content in files.items():
        base = base_file(project, path)
        base.parent.mkdir(parents=True, exist_ok=True)
        base.write_bytes(content)
    text = yaml.safe_dump(provenance.to_dict(), sort_keys=False, allow_unicode=True)
    write_text(folder / RECORD, text)


def base_file(project: Path, path: str) -> Path:
    """Return where a file of a project lies as it was written.

    Its name is another one, so that no tool takes it for a part of the project.
    """
    return project / FOLDER / BASE / f"{path}.txt"


def read_provenance(project: Path) -> Provenance:
    """Read how a project was made.

    Raises:
        UserError: it is no project that maquette made, or its record is damaged.
    """
    file = project / FOLDER / RECORD
    if not file.is_file():
        raise UserError(f"{project} is no project made by `maquette new`: it has no {file.name}")
    try:
        record = yaml.safe_load(file.read_text(encoding="utf-8"))
        return Provenance(
            str(record["maquette"]),
            str(record["template"]["sha256"]),
            Answers(**record["answers"]),
            {str(path): str(digest) for path, digest in record["files"].items()},
        )
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError, AttributeError, UserError):
        raise UserError(f"{file} is damaged; restore it from version control") from None
