"""Texts to word ids inside a model, for servers."""

from __future__ import annotations

import keras

from maquette.text.vocabulary import Vocabulary


class WordIds(keras.layers.Layer):
    """The numbers of a text's words, in TensorFlow operations that a SavedModel holds whole.

    Args:
        vocabulary: The words that have a number.
        length: Words that are read of a text.

    Input shape: `(batch,)`, strings in UTF-8.
    Output shape: `(batch, length)`, int32, 0 after a text's end.
    """

    def __init__(self, vocabulary: Vocabulary, length: int):
        super().__init__(dtype="int32", trainable=False)
        self.vocabulary, self.length = vocabulary, length
        self.table = vocabulary.table  # A SavedModel keeps only tables that a layer holds.

    def call(self, texts):
        return self.vocabulary.padded_ids(texts, self.length)

    def compute_output_spec(self, texts):
        return keras.KerasTensor((*texts.shape, self.length), "int32")
