"""Batches as a pure function of (seed, epoch, index).

A training batch depends on the seed and its step number alone, not on what was read before it or
by how many threads, so that a run can go on from any step to the same bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from os import cpu_count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import keras
import numpy as np
import tensorflow as tf

from maquette.files import TEMPORARY
from maquette.orders import SHUFFLED, Order, positions
from maquette.progress import track

# From the indices of a batch to those of this process, and whether these are only a share.
Share = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]
MEMORY_BUDGET = 1 << 28  # bytes; what is larger stays on disk
READ_AHEAD = 1 << 28  # bytes of batches that are made before they are needed
READ_AT_ONCE = 256  # examples
LARGE = 1 << 12  # bytes of an example; those of a file then come about as fast as from memory


class Readable(Protocol):
    """What an array and a set of files have in common: a shape, a dtype, reading by indices.

    What is costly to read may have `on_disk(label)` as well: it returns the same from a cache as
    far as there is room, and `is_on_disk` then tells whether all of it is there.
    """

    shape: tuple[int, ...]
    dtype: np.dtype

    def __getitem__(self, indices: np.ndarray) -> np.ndarray: ...


@dataclass(frozen=True)
class Examples:
    """Numbered pairs of an input and a target, in memory or read on demand.

    Args:
        x: Inputs, shape `(n, ...)`.
        y: Targets, shape `(n, ...)`.
        order: Which of them a training step sees. Defaults to all of them once an epoch.
        transform: Changes a training batch: a function of `x`, `y` and a seed of shape `(2,)`
            that is different in each step, made of stateless operations.
    """

    x: Readable
    y: np.ndarray
    order: Order = SHUFFLED
    transform: Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tuple] | None = None

    def __len__(self) -> int:
        return len(self.y)

    def steps(self, batch_size: int) -> int:
        """Return the number of training batches in an epoch."""
        return self.order.steps(len(self), batch_size)

    def batch_length(self, step: int, batch_size: int) -> int:
        """Return the number of examples in the training batch of a step."""
        step = tf.constant(step, tf.int64)
        return len(self.order.indices(step, len(self), batch_size, 0))

    def in_order(self, batch_size: int, share: Share | None = None) -> tf.data.Dataset:
        """Return all examples once, in order, as batches `(x, y)`.

        Args:
            batch_size: Examples in a batch.
            share: Of several processes that train together, which examples are this one's.
        """

        def indices(step: tf.Tensor) -> tf.Tensor:
            return positions(step, batch_size, len(self))

        steps = tf.data.Dataset.range(-(-len(self) // batch_size))
        return _fetch(steps.map(indices), self, batch_size, share)

    def shuffled(
        self, batch_size: int, seed: int, first_step: int = 0, share: Share | None = None
    ) -> tf.data.Dataset:
        """Return an endless stream of training batches `(x, y)`.

        Args:
            batch_size: Examples in a batch.
            seed: Decides the order and all random changes.
            first_step: Position to start from, counted in batches over all epochs.
            share: As in `in_order`. A batch to be transformed is read whole.
        """

        def indices(step: tf.Tensor) -> tf.Tensor:
            return self.order.indices(step, len(self), batch_size, seed)

        steps = tf.data.Dataset.range(first_step, np.iinfo(np.int64).max)
        if self.transform is None:
            return _fetch(steps.map(indices), self, batch_size, share)
        batches = _fetch(steps.map(indices), self, batch_size)
        seeds = steps.map(lambda step: tf.stack([tf.constant(seed, tf.int64), step]))
        return tf.data.Dataset.zip(batches, seeds).map(
            lambda batch, step_seed: self.transform(*batch, step_seed),
            num_parallel_calls=_batches_ahead(self.x, batch_size),
            deterministic=True,
        )

    def sample(self, count: int) -> Examples:
        """Return at most `count` examples, evenly spread over all, read into memory."""
        indices = np.unique(np.linspace(0, len(self) - 1, min(count, len(self))).astype(int))
        return replace(self, x=self.x[indices], y=self.y[indices])

    def kept(self, label: str, budget: int = MEMORY_BUDGET) -> Examples:
        """Return the examples with their inputs where they are read fast, epoch after epoch.

        What takes time to read is kept in the cache on the disk, if it is worth it and there is
        room. Small examples are read into memory where they fit the budget; large ones stay on
        the disk, where the system keeps in memory what it has room for. What is read is the same
        to the bit.

        Args:
            label: Shown beside the progress.
            budget: Bytes that the inputs may take in memory.
        """
        if isinstance(self.x, np.ndarray):
            return self
        source = self.x.on_disk(label) if hasattr(self.x, "on_disk") else self.x
        size = _nbytes(source.shape[1:], source.dtype)
        is_read_fast = size >= LARGE and getattr(source, "is_on_disk", False)
        if is_read_fast or len(self) * size > budget:
            return replace(self, x=source)
        x = np.empty(source.shape, source.dtype)
        starts = range(0, len(x), READ_AT_ONCE)
        for start in track(starts, label, len(starts)):
            indices = np.arange(start, min(start + READ_AT_ONCE, len(x)))
            x[indices] = source[indices]
        return replace(self, x=x)


def predict(
    model: keras.Model, examples: Examples, batch_size: int, label: str
) -> Iterator[np.ndarray]:
    """Yield a model's outputs batch by batch, in order.

    Args:
        model: Maps a batch of inputs to one array.
        examples: What to predict from; the targets are not used.
        batch_size: Examples per step.
        label: Shown beside the progress.
    """
    batches = track(examples.in_order(batch_size), label, -(-len(examples) // batch_size))
    for x, _ in batches:
        # A smaller last batch would have the model traced a second time, which takes seconds.
        missing = [(0, batch_size - len(x))] + [(0, 0)] * (len(x.shape) - 1)
        yield np.asarray(model.predict_on_batch(np.pad(x, missing)))[: len(x)]


@contextmanager
def cached_features(
    model: keras.Model,
    examples: dict[str, Examples],
    batch_size: int,
    folder: Path,
    budget: int = MEMORY_BUDGET,
) -> Iterator[dict[str, Examples]]:
    """Run `model` once over each set of examples and yield the outputs as examples.

    Past the budget the outputs lie in temporary files in `folder` until the context ends.

    Args:
        model: Maps a batch of inputs to one array.
        examples: Sets of examples by name.
        batch_size: Examples per step.
        folder: Where temporary files go.
        budget: Bytes that the outputs of all sets may take in memory.
    """
    width = model.output_shape[1:]
    needed = sum(_nbytes((len(e), *width), np.float32) for e in examples.values())
    with TemporaryDirectory(prefix=TEMPORARY, dir=folder) as files:

        def allocate(name: str, shape: tuple[int, ...]) -> np.ndarray:
            if needed <= budget:
                return np.empty(shape, np.float32)
            return np.lib.format.open_memmap(Path(files) / f"{name}.npy", "w+", np.float32, shape)

        yield {
            name: Examples(
                _outputs(model, e, batch_size, allocate(name, (len(e), *width)), name),
                e.y,
                e.order,
            )
            for name, e in examples.items()
        }


def _outputs(
    model: keras.Model, examples: Examples, batch_size: int, out: np.ndarray, name: str
) -> np.ndarray:
    """Fill `out` with the model's outputs, in order."""
    start = 0
    for outputs in predict(model, examples, batch_size, f"features of {name}"):
        out[start : start + len(outputs)] = outputs
        start += len(outputs)
    return out


def _fetch(
    indices: tf.data.Dataset, examples: Examples, batch_size: int, share: Share | None = None
) -> tf.data.Dataset:
    """Map index batches to batches of `(x, y)`; where there are shares, x tells if it is one."""
    read_x, read_y = _reader(examples.x), _reader(examples.y)

    def read(i: tf.Tensor) -> tuple:
        if share is None:
            return read_x(i), read_y(i)
        own, is_share = share(i)
        return {"x": read_x(own), "is_share": is_share}, read_y(own)

    ahead = _batches_ahead(examples.x, batch_size)
    batches = indices.map(read, num_parallel_calls=ahead, deterministic=True)
    return batches.prefetch(min(ahead, 2))


def _batches_ahead(x: Readable, batch_size: int) -> int:
    """Return how many batches to make at once: as many as processors, but of bounded size."""
    nbytes = _nbytes((batch_size, *x.shape[1:]), x.dtype)
    return max(1, min(cpu_count(), READ_AHEAD // max(nbytes, 1)))


def _reader(array: Readable) -> Callable[[tf.Tensor], tf.Tensor]:
    in_memory = isinstance(array, np.ndarray) and not isinstance(array, np.memmap)
    if in_memory:
        tensor = tf.convert_to_tensor(array)
        return lambda indices: tf.gather(tensor, indices)

    def read(indices: tf.Tensor) -> tf.Tensor:
        batch = tf.numpy_function(lambda i: array[i], [indices], array.dtype, stateful=False)
        batch.set_shape((None, *array.shape[1:]))
        return batch

    return read


def _nbytes(shape: tuple[int, ...], dtype: np.dtype) -> int:
    return int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
