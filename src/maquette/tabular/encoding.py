"""Layers that take the codes of columns to features, and raw columns to codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import keras
import numpy as np
from keras import ops

from maquette.tabular.bins import BINS, EDGES, FEATURES, bins_of
from maquette.tabular.columns import (
    FIRST,
    MEASURED,
    MISSING,
    NAMED,
    NOTHING,
    OTHER,
    TEXT_LENGTH,
    Column,
)
from maquette.tabular.data import TableData, TableSpec
from maquette.tabular.target import Target

NAMED_FEATURES, WORD_FEATURES = 8, 32
MINUTES_OF_DAY, DAYS_OF_YEAR = 1440, 365.2425
FIRST_WEEKDAY = 3  # 1970 began on a Thursday
# Weekday, hour, and twelfth of the year, each with one more for a date that is missing.
PARTS_OF_DATE = (1 + 7, 1 + 24, 1 + 12)
INFINITE = 0x7F800000  # bits of a float32; those of NaN are above


@keras.saving.register_keras_serializable("maquette")
class EncodedColumns(keras.layers.Layer):
    """Features of columns: bins of numbers and dates, learned vectors of categories and words.

    Input shape: `(batch, codes)`, int32, as `columns.encoded` returns them.
    Output shape: `(batch, features)`.

    Args:
        columns: What the codes are of, each as a dictionary of the fields of `Column`.
        target: What is predicted from them, a dictionary of the fields of `Target`.
        words: Size of the vocabulary of texts.
    """

    def __init__(
        self,
        columns: Sequence[dict[str, Any]],
        target: dict[str, Any],
        words: int = 0,
        **options: Any,
    ):
        super().__init__(**options)
        self.words = words
        self.target = Target(**{**target, "classes": tuple(target["classes"])})
        self.columns = [Column(**{**c, "words": tuple(c["words"])}) for c in columns]
        kinds = [column.kind for column in self.columns]
        self.measured = sum(kind in MEASURED for kind in kinds)
        self.dates, self.texts = kinds.count("date"), kinds.count("text")
        sizes = [FIRST + (len(c.words) or 1) for c in self.columns if c.kind in NAMED]
        self.sizes = [*PARTS_OF_DATE * self.dates, *sizes]

    def build(self, shape):
        self.edges = self.add_weight(
            (self.measured, EDGES), "zeros", dtype="int32", trainable=False, name="edges"
        )
        self.bins = self.add_weight(
            (self.measured * (1 + BINS), FEATURES), "zeros", trainable=False, name="bins"
        )
        if self.sizes:
            self.vectors = self.add_weight(
                (sum(self.sizes), NAMED_FEATURES),
                keras.initializers.RandomNormal(stddev=0.5),
                name="vectors",
            )
        if self.texts:
            self.word_vectors = self.add_weight(
                (self.words, WORD_FEATURES),
                keras.initializers.RandomNormal(stddev=0.5),
                name="word_vectors",
            )

    def adapt(self, codes: np.ndarray) -> None:
        """Set the bins by training codes, `(n, codes)`."""
        found = [
            bins_of(codes[:, place], column.kind == "date")
            for place, column in enumerate(self.columns[: self.measured])
        ]
        if found:
            self.edges.assign(np.stack([edges for edges, _ in found]))
            self.bins.assign(np.concatenate([features for _, features in found]))

    def call(self, codes):
        parts = []
        if self.measured:
            parts.append(self._of_measured(codes[:, : self.measured]))
        if self.sizes:
            parts.append(self._of_named(codes))
        if self.texts:
            parts.append(self._of_texts(codes[:, -self.texts * TEXT_LENGTH :]))
        return ops.concatenate(parts, axis=-1)

    def _of_measured(self, codes):
        reached = ops.cast(codes[:, :, None] >= self.edges, "int32")  # (batch, columns, edges)
        number = 1 + ops.sum(reached, axis=-1)
        number = ops.where(codes == MISSING, ops.zeros_like(number), number)
        first = np.arange(self.measured, dtype=np.int32) * (1 + BINS)
        features = ops.take(self.bins, number + first, axis=0)  # (batch, columns, FEATURES)
        return ops.reshape(features, (-1, self.measured * FEATURES))

    def _of_named(self, codes):
        named = len(self.sizes) - len(PARTS_OF_DATE) * self.dates
        dates = codes[:, self.measured - self.dates : self.measured]
        parts = [_parts(dates[:, place]) for place in range(self.dates)]
        ids = [ops.stack(part, axis=-1) for part in parts]
        ids += [codes[:, self.measured : self.measured + named]] if named else []
        first = np.cumsum([0, *self.sizes[:-1]]).astype(np.int32)
        places = ops.concatenate(ids, axis=-1) + first  # (batch, sizes)
        vectors = ops.take(self.vectors, places, axis=0)
        return ops.reshape(vectors, (-1, len(self.sizes) * NAMED_FEATURES))

    def _of_texts(self, codes):
        ids = ops.reshape(codes, (-1, self.texts, TEXT_LENGTH))
        vectors = ops.take(self.word_vectors, ids, axis=0)  # (batch, texts, words, features)
        is_word = ops.cast(ids != 0, vectors.dtype)[..., None]
        # A division would not survive int8; what divides is looked up.
        shares = 1 / np.maximum(np.arange(1 + TEXT_LENGTH, dtype=np.float32), 1)
        count = ops.sum(ops.cast(ids != 0, "int32"), axis=-1, keepdims=True)  # (batch, texts, 1)
        share = ops.take(ops.cast(shares, vectors.dtype), count, axis=0)
        mean = ops.sum(vectors * is_word, axis=2) * share
        return ops.reshape(mean, (-1, self.texts * WORD_FEATURES))

    def compute_output_shape(self, shape):
        width = self.measured * FEATURES + len(self.sizes) * NAMED_FEATURES
        return (shape[0], width + self.texts * WORD_FEATURES)

    def get_config(self):
        columns = [asdict(column) for column in self.columns]
        own = {"columns": columns, "target": asdict(self.target), "words": self.words}
        return {**super().get_config(), **own}


def _parts(minutes):
    """Return weekday, hour and twelfth of the year of dates, 0 where they are missing."""
    day = ops.floor_divide(minutes, MINUTES_OF_DAY)
    weekday = ops.mod(day + FIRST_WEEKDAY, 7)
    hour = ops.floor_divide(ops.mod(minutes, MINUTES_OF_DAY), 60)
    # Whole numbers alone: day * 1000 stays below 2**31 until the year 7800.
    year = int(DAYS_OF_YEAR * 1000)
    twelfth = ops.floor_divide(ops.mod(day * 1000, year) * 12, year)
    return [
        ops.where(minutes == MISSING, ops.zeros_like(part), 1 + part)
        for part in (weekday, hour, twelfth)
    ]


class CodesOfColumns(keras.layers.Layer):
    """The codes of raw columns, as exported files take them.

    Input: a list of tensors `(batch, 1)`, one for each column; of texts the numbers of their words,
    `(batch, TEXT_LENGTH)`.
    Output shape: `(batch, codes)`, int32.

    Args:
        columns: What they are.
    """

    def __init__(self, columns: Sequence[Column]):
        super().__init__(dtype="int32", trainable=False, autocast=False)
        self.columns = list(columns)

    def call(self, inputs):
        read = {"number": _ordered, "boolean": _booleans}
        codes = [
            _places(x, column.words)
            if column.kind == "category"
            else read.get(column.kind, _same)(x)
            for x, column in zip(inputs, self.columns, strict=True)
        ]
        return ops.concatenate(codes, axis=-1)

    def compute_output_spec(self, inputs):
        width = sum(column.width for column in self.columns)
        return keras.KerasTensor((inputs[0].shape[0], width), "int32")


def columns_layer(data: TableData | TableSpec) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Return the input of codes, `(batch, codes)`, and the features of the columns.

    Args:
        data: A table, whose training rows decide on the bins; or its description, of a model whose
            weights are known.
    """
    codes = keras.Input(
        (sum(column.width for column in data.columns),), dtype="int32", name="codes"
    )
    layer = EncodedColumns(
        [asdict(column) for column in data.columns],
        asdict(data.target),
        len(data.vocabulary or ()),
        name="columns",
    )
    features = layer(codes)
    if hasattr(data, "training_codes"):
        layer.adapt(data.training_codes)
    return codes, features


def raw_codes(columns: Sequence[Column], inputs: dict[str, keras.KerasTensor]) -> keras.KerasTensor:
    """Return the codes of raw columns, `(batch, codes)`."""
    return CodesOfColumns(columns)([inputs[column.input] for column in columns])


def column_inputs(columns: Sequence[Column]) -> dict[str, keras.KerasTensor]:
    """Return the inputs of an endpoint for raw columns, by name."""
    types = {"number": "float32", "boolean": "float32", "category": "string"}
    return {
        column.input: keras.Input(
            (column.width,), dtype=types.get(column.kind, "int32"), name=column.input
        )
        for column in columns
    }


def _same(x):
    return x


def _ordered(numbers):
    """Return whole numbers in the order of float32 ones; see `columns.ordered`."""
    bits = ops.view(numbers, "int32")
    sizes = ops.minimum(bits, -1) + (2**31 - 1) + 1  # of negative numbers: their bits but the sign
    codes = ops.where(bits < 0, -sizes, bits)
    is_number = ops.where(bits < 0, sizes, bits) <= INFINITE
    return ops.where(is_number, codes, ops.full_like(codes, MISSING))


def _booleans(numbers):
    """Return 2 for true, which is 1.0, 1 for false, which is 0.0, and 0 for anything else."""
    bits = ops.view(numbers, "int32")
    one, zero = np.array([1.0, 0.0], np.float32).view(np.int32)
    return 2 * ops.cast(bits == one, "int32") + ops.cast(bits == zero, "int32")


def _places(names, words: Sequence[str]):
    import tensorflow as tf  # Keras has no operations on strings.

    is_word = tf.cast(tf.equal(names, tf.constant(words)), tf.int32)  # (batch, words)
    places = tf.range(FIRST, FIRST + len(words))
    place = tf.reduce_sum(is_word * places, axis=-1, keepdims=True)
    other = tf.where(tf.equal(names, ""), NOTHING, OTHER)
    return tf.where(place > 0, place, other)
