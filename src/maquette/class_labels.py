"""Labels as arrays hold them: numbers, strings or one-hot rows, and the classes that they name."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from maquette.errors import UserError
from maquette.text.table_files import label_of, number_or_word


def one_each(y: np.ndarray, source: str = "y") -> np.ndarray:
    """Return labels, one value each: as they are, or the index where they are one-hot.

    Args:
        y: shape (n,), (n, 1) or, one-hot, (n, classes).
        source: what it is, for messages.

    Raises:
        UserError: the shape or the values are others.
    """
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim == 2 and y.dtype.kind in "buif" and _is_one_hot(y):
        return y.argmax(axis=1)
    if y.ndim != 1:
        raise UserError(
            f"{source} has shape {y.shape}; expected one label each, (n,), or one-hot, (n, classes)"
        )
    is_whole = y.dtype.kind == "f" and np.isfinite(y).all() and (y == np.rint(y)).all()
    return y.astype(np.int64) if is_whole else y


def classes_and_indices(
    labels: Sequence, source: str, names: Sequence[str] | None = None
) -> tuple[list[str], np.ndarray]:
    """Return the classes, and each label as a position in them.

    Args:
        labels: one for each example: a number, a string, bytes or a truth value.
        source: what they are of, for messages.
        names: of the classes, where the labels are their numbers; by default the values of the
            labels are the classes, whole numbers in their order.

    Returns:
        The classes, and int32, shape `(len(labels),)`.

    Raises:
        UserError: a label is no name or whole number, or not the number of one of the names.
    """
    values, inverse = np.unique(np.asarray(labels), return_inverse=True)
    texts = [_text(value) for value in values.tolist()]
    bad = next((v for v, text in zip(values.tolist(), texts, strict=True) if not text), None)
    if bad is not None:
        raise UserError(f"{source} has the label {bad!r}; expected names or whole numbers")
    if names is not None:
        numbered = values.dtype.kind in "biu"
        if numbered and values[0] >= 0 and values[-1] < len(names):
            return list(names), values.astype(np.int32)[inverse]
        if numbered or not {*texts} <= {*names}:
            wrong = texts[-1] if numbered else next(text for text in texts if text not in names)
            raise UserError(f"{source} has the label {wrong!r}, none of its {len(names)} classes")
    classes = list(names) if names is not None else sorted(set(texts), key=number_or_word)
    position = {name: index for index, name in enumerate(classes)}
    return classes, np.array([position[text] for text in texts], np.int32)[inverse]


def _is_one_hot(y: np.ndarray) -> bool:
    return bool(np.isin(y, (0, 1)).all() and (y.sum(axis=1) == 1).all())


def _text(value: object) -> str:
    return label_of(value.decode("utf-8", "replace") if isinstance(value, bytes) else value)
