"""Data parallelism under JAX in which each batch may be divided among the devices or not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import tensorflow as tf


class SharedBatches(keras.distribution.DataParallel):
    """Divide each batch among the devices of all processes, evenly or not at all.

    Losses, noise and the statistics of batch normalization are those of the whole batch. A batch
    whose examples cannot be divided evenly, such as the last one of an epoch, is computed whole on
    each device, so that the outcome is always that of one device.

    Every process has its share of each batch: one that `share` has told it to read, or a part of
    the whole batch that it has read.

    Example:
        >>> with SharedBatches(keras.distribution.list_devices()).scope():
        ...     model = build()
        ...     model.fit(dataset)

    Args:
        devices: Names of the devices, the same number of each process, in the order of these.
    """

    def __init__(self, devices: Sequence[str]):
        super().__init__(devices=list(devices), auto_shard_dataset=False)
        self.is_divided: bool | None = None

    def distribute_dataset(self, dataset: Any) -> Any:
        """Return the dataset as batches of which this process has its share."""
        return _Shares(dataset, self)

    def get_data_layout(self, data_shape: Sequence[int]) -> Any:
        """Return how an array is laid out: by examples, or whole on each device."""
        if self.is_divided is None:
            return self.layout(len(data_shape), self.share_of(data_shape[0]) is not None)
        # Keras asks once in an epoch, for the first batch, and takes the answer for all.
        return SimpleNamespace(backend_layout=_LayoutOfEachBatch(self, len(data_shape)))

    def layout(self, rank: int, is_divided: bool) -> keras.distribution.TensorLayout:
        """Return the layout of an array with `rank` axes."""
        first = self.batch_dim_name if is_divided else None
        axes = [first, *[None] * (rank - 1)][:rank]
        return keras.distribution.TensorLayout(axes, self.device_mesh)

    def share(self, indices: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the examples of a batch that this process reads, and whether they are a share.

        Args:
            indices: Of the whole batch, in a function of `tf.data`.
        """
        count = tf.shape(indices)[0]
        size = count // self.num_processes
        is_share = tf.equal(count % self.num_model_replicas, 0)
        start = self.data_shard_id * size
        return tf.cond(is_share, lambda: indices[start : start + size], lambda: indices), is_share

    def share_of(self, count: int) -> slice | None:
        """Return which of the examples of a batch are this process's; `None` if not divided."""
        if count % self.num_model_replicas:
            return None
        size = count // self.num_processes
        return slice(self.data_shard_id * size, (self.data_shard_id + 1) * size)


class _LayoutOfEachBatch(keras.distribution.TensorLayout):
    """A layout that is looked up whenever an array is put on the devices."""

    def __init__(self, distribution: SharedBatches, rank: int):
        super().__init__([None] * rank, distribution.device_mesh)
        self._distribution = distribution

    @property
    def backend_layout(self) -> Any:
        divided = bool(self._distribution.is_divided)
        return self._distribution.layout(len(self.axes), divided).backend_layout


class _Shares:
    """A dataset whose batches are cut to the share of this process."""

    def __init__(self, dataset: Any, distribution: SharedBatches):
        self._dataset = dataset
        self._distribution = distribution

    def __getattr__(self, name: str) -> Any:
        return getattr(self._dataset, name)

    def __iter__(self) -> Iterator[Any]:
        try:
            for x, *others in self._dataset:
                is_read_as_share = isinstance(x, dict) and "is_share" in x
                yield self._told(x, others) if is_read_as_share else self._cut((x, *others))
        finally:
            self._distribution.is_divided = None

    def _told(self, x: dict[str, Any], others: list[Any]) -> tuple:
        self._distribution.is_divided = bool(x["is_share"])
        return x["x"], *others

    def _cut(self, batch: tuple) -> tuple:
        share = self._distribution.share_of(len(batch[0]))
        self._distribution.is_divided = share is not None
        return batch if share is None else tuple(np.asarray(array)[share] for array in batch)
