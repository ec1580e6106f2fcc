"""A trained run that goes with a project: its options, its data reference, model and exports."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from maquette.errors import UserError
from maquette.files import sha256, write_text
from maquette.run import MODEL, Run
from maquette.run_record import RECORD
from maquette.scaffolding.answers import Answers
from maquette.template_files import recorded_template

LEFT_BEHIND = ("report.html", "state")


@dataclass(frozen=True)
class Trained:
    """What a project takes from a run.

    Attributes:
        path: Folder of the run.
        record: What its `config.yaml` holds.
    """

    path: Path
    record: dict[str, Any]

    @classmethod
    def of(cls, path: str | Path) -> Trained:
        """Open a run.

        Raises:
            UserError: it is no run, its training did not finish, or its model was changed.
        """
        run = Run(path)
        if not run.is_finished:
            raise UserError(f"the training of {run.path} did not finish; finish it first")
        model = run.path / MODEL
        if not model.is_file() or sha256(model) != run.record.get("model_sha256"):
            raise UserError(f"{model} is not the file that the training wrote")
        return cls(run.path, run.record)

    @property
    def template(self) -> str:
        """Name by which its template is found here.

        Raises:
            UserError: it came from a package that is not installed.
        """
        return recorded_template(self.record)

    @property
    def name(self) -> str:
        """Name of the run."""
        return self.path.absolute().name

    @property
    def data(self) -> str:
        """The data source that it was trained on."""
        return str(self.record["data"]["source"])

    @property
    def seed(self) -> int:
        """Its seed."""
        return self.record["seed"]

    @property
    def options(self) -> dict[str, Any]:
        """All of its options."""
        return self.record["config"]

    def copy_to(self, project: Path, answers: Answers) -> None:
        """Copy the run into a project, as one of the project's own.

        Args:
            project: Folder of the project.
            answers: What it is made from.
        """
        runs = project / "saved_models"
        runs = runs / answers.package if answers.form == "linked" else runs
        ignored = shutil.ignore_patterns(*LEFT_BEHIND)
        target = shutil.copytree(self.path, runs / self.name, ignore=ignored)
        record = {**self.record, "template": answers.package}
        if answers.form == "linked":
            record["package"] = {"name": answers.name, "version": "0.1.0"}
        write_text(target / RECORD, yaml.safe_dump(record, sort_keys=False, allow_unicode=True))
