"""Records of runs that an older version wrote, as this version writes them."""

from __future__ import annotations

from typing import Any

from maquette.sources import compose
from maquette.text.table_files import names_tables

OLD_COLUMNS = {"text_column": "text", "label_column": "label"}  # with what they were by default


def migrated(record: dict[str, Any]) -> dict[str, Any]:
    """Return the record of a run with the columns of its data in the source.

    Until 0.4 they were options of the template.

    Args:
        record: What `config.yaml` holds, of any version.
    """
    config, data = record.get("config"), record.get("data")
    if not isinstance(config, dict) or not isinstance(data, dict):
        return record
    if not OLD_COLUMNS.keys() <= config.keys():
        return record
    kept = {name: value for name, value in config.items() if name not in OLD_COLUMNS}
    named = {name: config[name] for name, usual in OLD_COLUMNS.items() if config[name] != usual}
    source = data.get("source")
    if isinstance(source, str) and names_tables(source):
        source = compose(source, named.get("label_column"), named.get("text_column"))
    return {**record, "config": kept, "data": {**data, "source": source}}
