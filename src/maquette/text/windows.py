"""Which words of a text stand near which, in blocks, so that matrices do the work."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from maquette.text.vocabulary import PADDING

BLOCK = 32  # words


def in_blocks(ids: Any, window: int) -> tuple[Any, Any]:
    """Cut texts into blocks of words, each with the words around it.

    Args:
        ids: `(batch, length)`, 0 where no word is.
        window: Most words on each side.

    Returns:
        The words, `(batch, blocks, size)`, and those from `window` before to `window` after the
        block, `(batch, blocks, size + 2 * window)`.
    """
    size = max(BLOCK, 2 * window)
    batch, length = ops.shape(ids)
    after = -length % size + 2 * size - window
    padded = ops.pad(ids, ((0, 0), (window, after)), constant_values=PADDING)
    blocks = ops.reshape(padded, (batch, -1, size))  # (batch, blocks + 2, size)
    around = ops.concatenate([blocks[:, :-2], blocks[:, 1:-1, : 2 * window]], axis=-1)
    return around[..., window : window + size], around


def pairs_of(words: Any, around: Any, reach: Any) -> Any:
    """Return which words of a block are pairs with which around it.

    Args:
        words: Ids, `(batch, blocks, size)`.
        around: Ids, `(batch, blocks, size + 2 * window)`.
        reach: How many words to each side are context, `(batch, blocks, size)`.

    Returns:
        1 for a pair, otherwise 0, `(batch, blocks, size, size + 2 * window)`.
    """
    size, width = words.shape[-1], around.shape[-1]
    window = (width - size) // 2
    distances = np.abs(np.arange(width) - window - np.arange(size)[:, None])
    distances[distances == 0] = width
    near = distances <= np.arange(window + 1)[:, None, None]  # (window + 1, size, width)
    near = ops.convert_to_tensor(near.reshape(-1, width), keras.config.floatx())
    reach = ops.where(ops.equal(words, PADDING), 0, reach)
    is_near = ops.take(near, reach * size + np.arange(size, dtype="int32"), axis=0)
    return is_near * ops.cast(ops.not_equal(around, PADDING), is_near.dtype)[..., None, :]
