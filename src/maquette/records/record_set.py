"""A set of records, wherever it is from: its files, its features, and what they are opened as."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from maquette.images.data import ImageData
from maquette.records.features import Fields, Named, fields_of
from maquette.records.loading import SplitShard, load_images, load_texts
from maquette.records.tables import load_table
from maquette.tabular.data import TableData
from maquette.text.data import TextData

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True)
class RecordSet:
    """Files of records that belong together.

    Attributes:
        source: name or path of the data.
        shards: the files, each with its split.
        features: what each feature of the examples is.
        folder: where the names of classes lie.
        notes: lines for the user.
        supervised: names of input and target, where the data itself tells.
        total: number of examples, where it is known.
    """

    source: str
    shards: Sequence[SplitShard]
    features: Mapping[str, str]
    folder: Path
    notes: Sequence[str] = ()
    supervised: Sequence[str] = ()
    total: int | None = None

    def fields(self, kinds: Collection[str], named: Named) -> Fields:
        """Return which features matter; see `fields_of`."""
        return fields_of(self.features, self.folder, self.source, kinds, named, self.supervised)

    def load(
        self,
        kinds: Collection[str],
        named: Named,
        strict: bool = False,
        open_set: bool = False,
        columns: Sequence[str] = (),
        task: str | None = None,
        progress: Progress | None = None,
    ) -> ImageData | TextData | TableData:
        """Go through all records once.

        Args:
            kinds: which of "images", "text" and "table" would do.
            named: the features that the user named.
            strict: refuse examples of no use, in place of leaving them out.
            open_set: let each split have classes of its own; of images.
            columns: kinds of columns that the user chose; of a table.
            task: "classification", "regression" or `None`; of a table.
            progress: called with the number of examples read and their total, if it is known.

        Raises:
            UserError: a file is damaged, the features are not understood, there are too few
                examples, or `strict` and something would be left out.
        """
        fields = self.fields(kinds, named)
        common = {"notes": self.notes, "progress": progress, "total": self.total}
        where = (self.source, self.shards, fields)
        if fields.kind == "table":
            return load_table(*where, self.features, self.folder, columns, task, **common)
        if fields.kind == "text":
            return load_texts(*where, strict=strict, **common)
        return load_images(*where, strict=strict, open_set=open_set, **common)
