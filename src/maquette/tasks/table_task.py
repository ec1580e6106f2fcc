"""What all tasks on tables share: opening, describing and encoding them, and reading rows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from maquette.errors import UserError
from maquette.sources import open_source
from maquette.tabular.columns import TEXT_LENGTH, Column
from maquette.tabular.data import Row, TableData, TableSpec, TableSplit, require_columns
from maquette.tabular.dividing import require_trainable
from maquette.tabular.target import Target
from maquette.tasks.task import Probe, Task
from maquette.tasks.tensors import Tensor
from maquette.text.tables import TABLE_SUFFIXES, is_table, read_table
from maquette.text.vocabulary import RESERVED, Vocabulary

if TYPE_CHECKING:
    import keras

    from maquette.contract import TemplateConfig
    from maquette.pipeline import Examples
    from maquette.run import Run

COLUMNS, VOCABULARY = "columns.json", "vocabulary.txt"
MISSING = {
    "number": "NaN where it is missing",
    "boolean": "1 for yes, 0 for no, NaN where it is missing",
    "date": "minutes since the beginning of 1970, -2147483648 where it is missing",
    "category": "an empty text where it is missing",
}


class TableTask(Task):
    """Base of the tasks on rows of a table.

    Models take the codes of rows, `(batch, codes)`, int32; endpoints take raw columns by name.

    It reads the options `columns` and `task`.
    """

    kinds: ClassVar = frozenset({"table"})
    not_in: ClassVar = frozenset({"onnx", "openvino"})  # They see no bits of a float.

    def open(self, source: str, config: TemplateConfig, strict: bool = False) -> TableData:
        """Open a table: an embedded set by name, a file, or a folder of files.

        Raises:
            UserError: the source does not exist, or is no table with something to predict.
        """
        return open_source(source, self.kinds, strict, columns=config.columns, task=config.task)

    def suits(self, data: TableData) -> bool:
        """Return whether what is to be predicted is for this task, of classes and numbers.

        Raises:
            UserError: it is, and no model can be trained on it.
        """
        if data.target.is_number is not self.predicts_number:
            return False
        require_trainable(data)
        return True

    def describe(self, data: TableData) -> dict[str, Any]:
        """Return the target and the kinds of the columns in plain values."""
        kinds = {name: found.kind for name, found in data.findings.items()}
        return {"target": data.target.name, "classes": list(data.classes), "columns": kinds}

    def texts(self, data: TableData) -> dict[str, str]:
        """Return all that is known of the columns, and the words of texts."""
        return self.assets(data.spec)

    def described(self, description: dict[str, Any], texts: dict[str, str]) -> TableSpec:
        """Return the `TableSpec` of what `describe` and `texts` returned."""
        known = json.loads(texts[COLUMNS])
        target = {**known["target"], "classes": tuple(known["target"]["classes"])}
        columns = [Column(**{**each, "words": tuple(each["words"])}) for each in known["columns"]]
        vocabulary = VOCABULARY in texts and Vocabulary.from_text(texts[VOCABULARY], VOCABULARY)
        return TableSpec(tuple(columns), Target(**target), vocabulary or None)

    def adapt(self, data: TableData, spec: TableSpec) -> TableData:
        """Return the rows with the run's columns and classes.

        Raises:
            UserError: a column is missing, or a class is not known.
        """
        return data.as_run_sees_it(spec)

    def examples(self, model: keras.Model, data: TableData, split: str) -> Examples:
        """Return a split's codes, with class indices or standardised numbers."""
        from maquette.pipeline import Examples

        part = data.splits[split]
        return Examples(data.spec.encode(part.rows), self.targets(data, part))

    def files(self, paths: Sequence[Path]) -> list[Path]:
        """Return the paths of tables, each folder replaced by the tables in it."""
        found = [f for p in paths for f in (sorted(p.iterdir()) if p.is_dir() else [p])]
        tables = [file for file in found if is_table(file.name)]
        others = [path for path in paths if not path.is_dir() and path not in tables]
        if others:
            suffixes = ", ".join(TABLE_SUFFIXES)
            raise UserError(f"{others[0]} is no table; rows to predict from are in {suffixes}")
        return tables

    def rows(self, run: Run, files: Sequence[Path]) -> tuple[list[str], list[Row]]:
        """Return where each row of some tables stands, and its values.

        Raises:
            UserError: a file is no table, or lacks a column of the run.
        """
        names, rows = [], []
        for file in files:
            table = read_table(file)
            require_columns(str(file), set(table.columns), run.description)
            names += [f"{file}:{line}" for line, _ in table.rows]
            rows += [values for _, values in table.rows]
        return names, rows

    def probes(self, run: Run, data: TableData, split: str, count: int) -> dict[str, Probe]:
        """Return raw columns of rows, with what they should give."""
        whole = data.splits[split]
        chosen = whole.subset(np.linspace(0, len(whole) - 1, min(count, len(whole))).astype(int))
        inputs = raw_inputs(data.spec, chosen.rows)
        return {self.endpoint: Probe(inputs, chosen.labels)}

    def assets(self, spec: TableSpec) -> dict[str, str]:
        """Return `columns.json`, all that is known of the columns, and `vocabulary.txt`."""
        columns = [asdict(column) for column in spec.columns]
        known = {"target": asdict(spec.target), "columns": columns}
        texts = {COLUMNS: json.dumps(known, indent=1, ensure_ascii=False) + "\n"}
        return texts | ({VOCABULARY: spec.vocabulary.to_text()} if spec.vocabulary else {})

    def tensors(self, spec: TableSpec) -> dict[str, Tensor]:
        """Return what each column is."""
        return {column.input: _tensor(column, spec.vocabulary) for column in spec.columns}

    def targets(self, data: TableData, split: TableSplit) -> np.ndarray:
        """Return what the model is trained to give."""
        return split.labels


def raw_inputs(spec: TableSpec, rows: Sequence[Row]) -> dict[str, np.ndarray]:
    """Return raw columns as endpoints take them, by the name of the input."""
    inputs = {}
    for column in spec.columns:
        values = [row.get(column.name) for row in rows]
        is_text = column.kind == "text"
        inputs[column.input] = (
            column.codes(values, spec.vocabulary) if is_text else column.raw(values)
        )
    return inputs


def shown_row(row: Row, columns: Sequence[Column]) -> dict[str, str]:
    """Return the values of a row as a table can show them."""
    return {c.name: str("" if row.get(c.name) is None else row[c.name])[:40] for c in columns}


def _tensor(column: Column, vocabulary: Vocabulary | None) -> Tensor:
    if column.kind == "text":
        words = (*RESERVED, *vocabulary.words)
        told = f"Ids of the words of {column.name}."
        return Tensor(told, "words", words=words, length=TEXT_LENGTH)
    kind = "string" if column.kind == "category" else "number"
    return Tensor(f"{column.name}, {MISSING[column.kind]}.", kind)
