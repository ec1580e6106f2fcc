"""What TensorFlow's replicas need that one device does not; elsewhere there is nothing to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras

from maquette.errors import UserError

if TYPE_CHECKING:
    from maquette.pipeline import Examples, Share


def replicas() -> int:
    """Return how many replicas of TensorFlow share a batch here; 1 outside a strategy's scope."""
    if keras.backend.backend() != "tensorflow":
        return 1
    import tensorflow as tf

    return tf.distribute.get_strategy().num_replicas_in_sync


def own_share() -> Share | None:
    """Return what tells this process which examples of a batch to read, where there are others."""
    distribution = keras.distribution.distribution()
    return distribution.share if getattr(distribution, "num_processes", 1) > 1 else None


def share_loss(model: keras.Model) -> None:
    """Let a model's own loss be the mean over all replicas.

    The gradients of replicas are added up. The losses of Keras are divided for that; what a model
    returns from a `compute_loss` of its own is not.
    """
    count, own = replicas(), model.compute_loss
    if count == 1 or type(model).compute_loss is keras.Model.compute_loss:
        return

    def compute_loss(*args: Any, **kwargs: Any) -> Any:
        return own(*args, **kwargs) / count

    model.compute_loss = compute_loss


def require_share_for_each(train: Examples, batch_size: int) -> None:
    """Raise a `UserError` where some replica would get no example of a batch.

    Args:
        train: The training examples.
        batch_size: Examples per step.
    """
    count, steps = replicas(), train.steps(batch_size)
    if count == 1:
        return
    smallest = min(train.batch_length(step, batch_size) for step in (0, steps - 1))
    if smallest < count:
        raise UserError(
            f"{count} devices on TensorFlow need an example each of every batch, and one of "
            f"{smallest} is left; choose another --batch-size, or set KERAS_BACKEND=jax"
        )


def shared_batch_size(count: int, batch_size: int) -> int:
    """Return the largest batch size up to the one given that leaves no replica without an example.

    Args:
        count: Examples, divided into batches in order.
        batch_size: The size wanted.
    """
    least = replicas()
    sizes = range(batch_size, least - 1, -1)
    return next((size for size in sizes if not 0 < count % size < least), batch_size)
