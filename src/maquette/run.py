"""A run: the folder that a training leaves, `saved_models/<template>/<name>/`.

It holds `config.yaml` (all that is needed to do it again), `model.keras`, `history.csv`,
`metrics.json`, `figures/`, `report.html` and, after an export, `export/`; until the training comes
to its end, also `state/`, to go on from.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import shutil
import time
import warnings
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from maquette.errors import UserError
from maquette.files import folder_written_whole, require_writable, sha256, write_text, written_whole
from maquette.gallery import load_template
from maquette.run_record import RECORD, damaged, read_record, write_record
from maquette.states import StateFolder
from maquette.template_files import recorded_template

if TYPE_CHECKING:
    import keras

    from maquette.contract import Template, TemplateConfig
    from maquette.tasks.task import Task

MODEL, HISTORY, METRICS = "model.keras", "history.csv", "metrics.json"
STATES = "state"


class Run:
    """A training's folder, opened for reading.

    Args:
        path: The folder.

    Raises:
        UserError: it is no folder, no run, or was made by a newer version of maquette.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        if not self.path.is_dir():
            raise UserError(f"no run folder {str(path)!r}; `maquette train` prints it at its end")
        self.record = read_record(self.path)

    @classmethod
    def create(
        cls,
        out: str | Path,
        template: str,
        name: str | None,
        record: dict,
        texts: Mapping[str, str] = MappingProxyType({}),
    ) -> Run:
        """Make the folder of a new run with its `config.yaml`.

        Args:
            out: Folder of all runs.
            template: Name of the template.
            name: Name of the run; defaults to the date and time.
            record: What `config.yaml` will hold.
            texts: What the model knows of its data and is too long for `config.yaml`, by the name
                of the file.

        Raises:
            UserError: the folder exists, or cannot be written.
        """
        path = new_run_path(out, template, name)
        with folder_written_whole(path) as temporary:
            for file, text in texts.items():
                write_text(temporary / file, text)
            hashes = {file: sha256(temporary / file) for file in texts}
            write_record(temporary, {**record, "data": {**record["data"], "files": hashes}})
        return cls(path)

    @cached_property
    def template(self) -> Template:
        """The template that made the run."""
        return load_template(recorded_template(self.record))

    @cached_property
    def task(self) -> Task:
        """The one of the template's tasks that the run is for."""
        try:
            return self.template.task_named(self.record.get("task"))
        except KeyError:
            raise damaged(self.path / RECORD) from None

    @cached_property
    def config(self) -> TemplateConfig:
        """The resolved options of the run."""
        return self.template.Config(**self.record["config"])

    def judged_with(self, options: dict[str, Any]) -> Run:
        """Return the run with other values of options that do not concern the training.

        Raises:
            UserError: an option is unknown, out of range, or decides what is trained.
        """
        config = type(self.config)(**{**self.config.model_dump(), **options})
        fixed = [name for name in options if name not in config.for_evaluation()]
        if fixed:
            option = "--" + fixed[0].replace("_", "-")
            raise UserError(f"{option} was decided when {self.path} was trained; train again")
        run = Run(self.path)
        run.__dict__["config"] = config
        return run

    @cached_property
    def description(self) -> Any:
        """What the model knows of its data, e.g. its classes."""
        data = self.record["data"]
        texts = {name: self._read_text(name, sha) for name, sha in data.get("files", {}).items()}
        try:
            return self.task.described(data["description"], texts)
        except (KeyError, TypeError):
            raise damaged(self.path / RECORD) from None

    def _read_text(self, name: str, expected: str) -> str:
        if not _is_plain(name):
            raise damaged(self.path / RECORD)
        path = self.path / name
        if not path.is_file() or sha256(path) != expected:
            raise UserError(f"{path} is not the file that the training wrote; train again")
        return path.read_text(encoding="utf-8")

    @cached_property
    def model(self) -> keras.Model:
        """The trained model: built by the template, its weights read from `model.keras`.

        No code or layer is read from the file, only numbers.

        Raises:
            UserError: the training did not finish, or the file has changed since, or it is of
                another model than `config.yaml` describes.
        """
        path = self.path / MODEL
        if not path.is_file():
            raise UserError(
                f"{self.path} has no {MODEL}: its training did not finish; go on with: "
                f"maquette train --resume {self.path}"
            )
        if sha256(path) != self.record.get("model_sha256"):
            raise UserError(f"{path} is not the file that the training wrote: its sha256 differs")
        model = self.template.build(self.config, self.description)
        try:
            with warnings.catch_warnings(action="ignore"):
                model.load_weights(path)
        except ValueError:
            raise UserError(
                f"{path} does not fit the model that {RECORD} describes; restore {RECORD}, or "
                f"use maquette {self.record['maquette']}, which made the run"
            ) from None
        return model

    @cached_property
    def states(self) -> StateFolder:
        """The states to go on from; none once the training came to its end."""
        return StateFolder(self.path / STATES)

    @property
    def is_finished(self) -> bool:
        """Whether the training came to its end and was judged."""
        return (self.path / METRICS).is_file() and not self.states

    @cached_property
    def history(self) -> list[dict[str, Any]]:
        """One row per epoch: stage, epoch, seconds, and the values of that epoch."""
        with (self.path / HISTORY).open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        return [
            {k: v if k == "stage" else float(v) for k, v in row.items() if v != ""} for row in rows
        ]

    @property
    def metrics(self) -> dict[str, Any]:
        """What `metrics.json` holds: metrics and tables by split; empty if it was never judged."""
        if not (self.path / METRICS).is_file():
            return {}
        return json.loads((self.path / METRICS).read_text(encoding="utf-8"))

    def save_model(self, model: keras.Model) -> None:
        """Write `model.keras` and record its sha256.

        It is written without optimizer and loss, so that Keras alone can load it.
        """
        saved = self.template.build(self.config, self.description)
        saved.set_weights(model.get_weights())
        saved.compiled, saved.optimizer = False, None
        with written_whole(self.path / MODEL) as temporary:
            saved.save(temporary)
        self.record["model_sha256"] = sha256(self.path / MODEL)
        write_record(self.path, self.record)
        self.__dict__["model"] = saved

    def remove(self) -> None:
        """Delete the folder of a run that did not come to a model."""
        shutil.rmtree(self.path)
        with contextlib.suppress(OSError):  # Other runs of the template may lie beside it.
            self.path.parent.rmdir()

    def save_history(self, rows: Sequence[dict[str, Any]]) -> None:
        """Write `history.csv`, one row per epoch."""
        columns = list(dict.fromkeys(key for row in rows for key in row))
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_text(self.path / HISTORY, text.getvalue())

    def save_metrics(self, metrics: dict[str, Any]) -> None:
        """Write `metrics.json`."""
        write_text(self.path / METRICS, json.dumps(metrics, indent=2) + "\n")

    def save_figures(self, figures: dict[str, Any]) -> None:
        """Write each figure as a PNG file in `figures/`."""
        for name, figure in figures.items():
            with written_whole(self.path / "figures" / f"{name}.png") as temporary:
                figure.savefig(temporary, dpi=110)


def new_run_path(out: str | Path, template: str, name: str | None) -> Path:
    """Return the path of a run that does not exist yet.

    Raises:
        UserError: the name is no plain file name, the run exists, or `out` cannot be written to.
    """
    folder = Path(out) / template
    require_writable(folder)
    if name is None:
        stamp = time.strftime("%Y%m%d-%H%M%S")
        candidates = [stamp, *(f"{stamp}-{number}" for number in range(2, 100))]
        return next(folder / c for c in candidates if not (folder / c).exists())
    if not _is_plain(name):
        raise UserError(f"--name must be a plain folder name; received {name!r}")
    if (folder / name).exists():
        raise UserError(f"the run {folder / name} exists; choose another --name")
    return folder / name


def _is_plain(name: str) -> bool:
    # File systems take 255 bytes, and temporary names are a little longer than the name.
    fits = name.isprintable() and 0 < len(name.encode()) <= 200
    return fits and Path(name).name == name and not name.startswith(".")
