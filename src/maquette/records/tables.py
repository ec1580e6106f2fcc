"""From files of records to a table: an example is a row, a feature a column."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from maquette.records.features import CLASS, Fields, Values, class_names
from maquette.records.loading import AT_ONCE, SplitShard, parsed
from maquette.tabular.data import TableData
from maquette.tabular.dividing import from_rows

MOST_VALUES = 1024  # of a feature; one that holds more, such as pixels, makes no columns


def load_table(
    source: str,
    shards: Sequence[SplitShard],
    fields: Fields,
    features: Mapping[str, str],
    folder: Path,
    columns: Sequence[str] = (),
    task: str | None = None,
    notes: Sequence[str] = (),
    progress: Callable[[int, int | None], None] | None = None,
    total: int | None = None,
) -> TableData:
    """Read all records into memory as the rows of a table.

    A feature of several values is as many columns, `size_0`, `size_1` and so on. Numbers that stand
    for the names of classes become these names.

    Args:
        source: name or path of the data.
        shards: the files.
        fields: which feature is the target.
        features: what each feature is.
        folder: where the names of classes lie.
        columns: kinds of columns that the user chose.
        task: "classification", "regression" or `None`.
        notes: lines for the user.
        progress: called with the number of examples read and their total.
        total: their number, where it is known.

    Raises:
        UserError: a file is damaged, or the rows are not enough to learn from.
    """
    named = {name: class_names(folder, name) for name, what in features.items() if what == CLASS}
    rows, names, given = [], [], []
    for split, shard in shards:
        for index, record in enumerate(shard.scan()):
            rows.append(_row(parsed(record, f"{shard.path}:{index}"), named))
            names.append(f"{shard.path.name}:{index}")
            given.append(split)
            if progress and not len(rows) % AT_ONCE:
                progress(len(rows), total)
    return from_rows(source, rows, fields.target, names, given, columns, task, notes)


def _row(values: Values, named: Mapping[str, Sequence[str] | None]) -> dict[str, Any]:
    row = {}
    for feature, several in sorted(values.items()):
        if len(several) == 1:
            row[feature] = _plain(several[0], named.get(feature))
        elif len(several) <= MOST_VALUES:
            row |= {f"{feature}_{i}": _plain(value, None) for i, value in enumerate(several)}
    return row


def _plain(value: Any, classes: Sequence[str] | None) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if classes is not None and isinstance(value, int):
        return classes[value] if 0 <= value < len(classes) else None
    return value
