"""Sets of tensorflow-datasets: images, texts or tables, prepared before or downloaded now.

    tfds:mnist                         all of its splits
    tfds:glue/sst2                     one of several configs
    tfds:tf_flowers:train[:50%]        a part, as `tfds.load` takes it; divided by us
    tfds:cifar10:3.0.2                 a version

What is prepared in TFDS_DATA_DIR, by default ~/tensorflow_datasets, is read without a network, as
TFRecord or as ArrayRecord; the code that made it is not needed. What is not prepared is downloaded
there by tensorflow-datasets, which checks its checksums. Input and target are those that the set
declares; `--image-column`, `--text-column` and `--target` name other features. Without a validation
split, 15 % of train are held out; a set of one split is divided by us.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

from maquette.errors import UserError, nearest
from maquette.images.data import ImageData
from maquette.quiet import load_tensorflow
from maquette.records.features import Named, described_features
from maquette.records.loading import SplitShard
from maquette.records.prepared import SCHEME, Asked, opened_builder
from maquette.records.record_set import RecordSet
from maquette.records.shards import is_shard, shard
from maquette.sources import Source
from maquette.splits import SPLIT_NAMES, UNDIVIDED, listed
from maquette.tabular.data import TableData
from maquette.text.data import TextData

KIND = ("images", "text", "table")
FORM = "tfds:NAME[/CONFIG][:SPLIT]"


def matches(source: str) -> bool:
    """Return whether `source` begins with `tfds:`."""
    return source.startswith(SCHEME)


def kind(source: Source, kinds: Collection[str]) -> str:
    """Return whether the set holds "images", "text" or a "table"."""
    named = Named(source.target, source.text, source.image)
    return _opened(source.name).fields(kinds, named).kind


def load(
    source: str,
    strict: bool = False,
    progress: Callable[[int, int | None], None] | None = None,
    kinds: Collection[str] = KIND,
    target: str | None = None,
    text_column: str | None = None,
    image_column: str | None = None,
    open_set: bool = False,
    columns: Sequence[str] = (),
    task: str | None = None,
) -> ImageData | TextData | TableData:
    """Go through all examples of a set once.

    Args:
        source: its name, as in `tfds:mnist`.
        strict: refuse examples of no use, in place of leaving them out.
        progress: called with the number of examples read and their total.
        kinds: which of "images", "text" and "table" would do.
        target: name of the feature that holds labels.
        text_column: name of the feature that holds texts.
        image_column: name of the feature that holds images.
        open_set: let each split have classes of its own; of images.
        columns: kinds of columns that the user chose; of a table.
        task: "classification" or "regression"; of a table.

    Raises:
        UserError: there is no such set, it is not prepared and cannot be, or its features are not
            understood.
    """
    named = Named(target, text_column, image_column)
    return _opened(source).load(kinds, named, strict, open_set, columns, task, progress)


def _opened(source: str) -> RecordSet:
    asked = Asked.of(source)
    load_tensorflow()
    builder = opened_builder(asked)
    shards, total, notes = _shards(builder, asked)
    folder = Path(builder.data_dir)
    supervised = [key for key in builder.info.supervised_keys or () if isinstance(key, str)]
    features = described_features(folder)
    return RecordSet(source, shards, features, folder, notes, supervised, total)


def _shards(builder: Any, asked: Asked) -> tuple[list[SplitShard], int, list[str]]:
    """Return the files of each split, the number of examples, and notes on what is not read."""
    splits, notes = _chosen(builder.info.splits, asked)
    shards, total = [], 0
    for split, name in splits.items():
        try:
            instructions = builder.info.splits[name].file_instructions
        except (ValueError, KeyError, AssertionError) as error:
            reason = " ".join(str(error).split())[:200]
            raise UserError(f"cannot read {name!r} of {asked.written}: {reason}") from None
        for file in instructions:
            path = Path(file.filename)
            if not is_shard(path.name):
                raise UserError(f"{path} is neither TFRecord nor ArrayRecord; prepare it as one")
            take = None if file.take == -1 else file.take
            shards.append(SplitShard(split, shard(path, file.skip, take)))
        total += builder.info.splits[name].num_examples
    return shards, total, notes


def _chosen(there: Collection[str], asked: Asked) -> tuple[dict[str, str], list[str]]:
    """Return the set's name of each split that is read, and notes on those that are not."""
    if asked.split:
        name = asked.split.partition("[")[0].partition("+")[0]
        if name not in there and name != "all":
            raise UserError(
                f"{asked.written} has no split {name!r}{nearest(name, there)}; there are "
                f"{', '.join(there)}"
            )
        return {UNDIVIDED: asked.split}, []
    known = {SPLIT_NAMES[name.casefold()]: name for name in there if name.casefold() in SPLIT_NAMES}
    if len(there) == 1 or "train" not in known:
        if len(there) != 1:
            raise UserError(
                f"cannot tell which split of {asked.written} to train on; there are "
                f"{', '.join(there)}; name one, as in tfds:{asked.set_name}:{next(iter(there))}"
            )
        return {UNDIVIDED: next(iter(there))}, []
    others = [name for name in there if name not in known.values()]
    return known, [f"left out other splits ({len(others)}): {listed(others)}"] if others else []
