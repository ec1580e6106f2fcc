"""Models that look words up in a table of vectors, for servers and phones."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from maquette.text.vocabulary import RESERVED

MOST_NEIGHBOURS = 10


@keras.saving.register_keras_serializable("maquette")
class Cosines(keras.layers.Layer):
    """The cosines of vectors with all vectors of a table; negative ones are 0.

    Args:
        embedding: The table.

    Input shape: `(batch,)`, ids, and their vectors, `(batch, dimension)`.
    Output shape: `(batch, words)`; 0 for the word itself.
    """

    def __init__(self, embedding: keras.layers.Embedding, **kwargs):
        super().__init__(trainable=False, **kwargs)
        self.embedding = embedding

    def call(self, ids, vectors):
        table = self.embedding.embeddings
        lengths = ops.sqrt(ops.sum(ops.square(table), axis=-1) + 1e-12)  # (words,)
        products = ops.matmul(unit(vectors), ops.transpose(table))  # (batch, words)
        # An int8 TFLite file would compute 0.5 for each 0 of a one_hot.
        is_other = ops.not_equal(ops.expand_dims(ids, 1), ops.arange(table.shape[0]))
        return ops.relu(products / lengths) * ops.cast(is_other, products.dtype)


def unit(vectors):
    """Return vectors of length 1 that point the same way."""
    return vectors / ops.sqrt(ops.sum(ops.square(vectors), axis=-1, keepdims=True) + 1e-12)


def lookups(table: np.ndarray) -> dict[str, keras.Model]:
    """Return what word vectors are asked for, as models.

    `vectors` takes ids to vectors; `neighbours` takes ids to the ids of the nearest words and
    their cosines, negative ones being 0; `similarity` takes two ids to their cosine.

    Args:
        table: Vectors in the order of the ids, shape `(words, dimension)`.
    """
    embedding = keras.layers.Embedding(*table.shape, name="table")
    embedding.build()
    embedding.set_weights([table])
    ids, first, second = (
        keras.Input((), dtype="int32", name=name) for name in ("ids", "first", "second")
    )
    vectors = embedding(ids)  # (batch, dimension)
    count = min(MOST_NEIGHBOURS, table.shape[0] - len(RESERVED) - 1)
    similarity, neighbours = ops.top_k(Cosines(embedding)(ids, vectors), count)
    cosine = ops.sum(unit(embedding(first)) * unit(embedding(second)), axis=-1)  # (batch,)
    return {
        "vectors": keras.Model({"ids": ids}, {"vectors": vectors}),
        "neighbours": keras.Model(
            {"ids": ids}, {"neighbours": neighbours, "similarity": similarity}
        ),  # (batch, count) each
        "similarity": keras.Model({"first": first, "second": second}, {"similarity": cosine}),
    }
