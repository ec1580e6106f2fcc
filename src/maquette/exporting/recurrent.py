"""Recurrent layers for export: their loop over time, written with operators that phones have."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

import keras
import tensorflow as tf
from keras.src import backend

# What a loop hands on is float, and an int8 file quantises all of it anew in each turn. More steps
# a turn make short sequences slower again: the runtime plans the memory of the whole turn.
STEPS_PER_TURN = 4


@contextmanager
def phone_recurrence(written_out: bool = False, met: set[str] | None = None) -> Iterator[None]:
    """Trace recurrent layers so that they convert to builtin TFLite operators.

    Keras collects the outputs of the steps in a `TensorArray`, which TFLite lacks for a batch of
    any size, and on a GPU it calls cuDNN. What is traced inside this context computes the same in
    a loop that carries plain tensors and takes some steps in each turn. Batch and time may be of
    any size.

    `keras.ops.flip`, by which `Bidirectional` turns the backward outputs round, becomes a gather:
    the converter gives input and output of a reversal different int8 scales, but the bytes are
    only copied, so that the result is wrong.

    Example:
        >>> with phone_recurrence():
        ...     function.get_concrete_function(ids=tf.TensorSpec((None, None), tf.int32))

    Args:
        written_out: Whether to write all steps out, without a loop.
        met: Takes in `"loops"` once a loop was traced or written out.
    """
    met = set() if met is None else met
    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(backend, "rnn", _recurrence(written_out, met)))
        for fused in ("lstm", "gru"):
            stack.enter_context(mock.patch.object(backend, fused, _not_fused))
        stack.enter_context(mock.patch.object(backend.numpy, "flip", flip))
        yield


def _recurrence(written_out: bool, met: set[str]) -> Callable:
    """Return what layers call instead of `keras.src.backend.rnn`."""

    def recur(step_function: Callable, inputs: tf.Tensor, initial_states: Any, **options: Any):
        steps = inputs.shape[0 if options.get("time_major") else 1]
        if steps != 1:
            met.add("loops")
        if written_out and steps is None:
            raise ValueError("the number of steps is not fixed, so they cannot be written out")
        options["unroll"] = written_out or options.get("unroll", False)
        return recurrence(step_function, inputs, initial_states, **options)

    return recur


def _not_fused(*args: Any, **kwargs: Any) -> None:
    # The layers answer this error by calling `backend.rnn`.
    raise NotImplementedError


def flip(x: tf.Tensor, axis: int | Sequence[int] | None = None) -> tf.Tensor:
    """Return a tensor in reverse order along one axis, some, or all."""
    x = tf.convert_to_tensor(x)
    axes = range(len(x.shape)) if axis is None else [axis] if isinstance(axis, int) else axis
    for each in axes:
        x = tf.gather(x, tf.range(tf.shape(x)[each] - 1, -1, -1), axis=each)
    return x


def recurrence(
    step_function: Callable,
    inputs: tf.Tensor,
    initial_states: Sequence[Any],
    go_backwards: bool = False,
    mask: tf.Tensor | None = None,
    constants: Sequence[tf.Tensor] | None = None,
    unroll: bool = False,
    input_length: int | None = None,
    time_major: bool = False,
    zero_output_for_mask: bool = False,
    return_all_outputs: bool = True,
) -> tuple[tf.Tensor, tf.Tensor, Any]:
    """Return the last output, the outputs and the last states, as `keras.src.backend.rnn` does.

    Args:
        step_function: Maps the inputs of one step and a list of states to an output and states.
        inputs: Shape `(batch, time, ...)`, or `(time, batch, ...)` with `time_major`.
        initial_states: Tensors of shape `(batch, ...)`, perhaps nested.
        go_backwards: Whether the last step comes first, also in the outputs.
        mask: Shape `(batch, time)` or `(batch, time, 1)`. Where it is false, the step leaves the
            states as they are. Defaults to no mask.
        constants: Tensors given to each step after the states.
        unroll: Whether to write the steps out, without a loop.
        input_length: Not used; the length is that of `inputs`.
        time_major: Whether the first axis is time, not the batch.
        zero_output_for_mask: Whether masked steps return zeros, not the output before them.
        return_all_outputs: Whether to return the outputs of all steps, or only of the last.
    """
    if not time_major:
        inputs = _swap_batch_and_time(inputs)  # (time, batch, ...)
        mask = None if mask is None else _swap_batch_and_time(mask)
    if mask is not None:
        mask = tf.cast(mask if len(mask.shape) == 3 else tf.expand_dims(mask, -1), tf.bool)

    def one(x: tf.Tensor, states: list) -> tuple[tf.Tensor, list]:
        nested = keras.tree.pack_sequence_as(initial_states, states)
        output, new = step_function(x, (*nested, *(constants or ())))
        return output, keras.tree.flatten(new)

    steps = _Steps(one, inputs, mask, go_backwards, zero_output_for_mask)
    states = keras.tree.flatten(initial_states)
    first, _ = one(inputs[0], states)
    output = tf.zeros((tf.shape(inputs)[1], *first.shape[1:]), first.dtype)
    output = tf.ensure_shape(output, first.shape)
    # Calibration for int8 crashes on loops of one step.
    run = _steps_written_out if unroll or inputs.shape[0] == 1 else _loop
    output, outputs, states = run(steps, output, states, return_all_outputs)
    outputs = outputs if time_major else _swap_batch_and_time(outputs)  # (batch, time, ...)
    return output, outputs, keras.tree.pack_sequence_as(initial_states, states)


@dataclass(frozen=True)
class _Steps:
    """The steps of a recurrent layer.

    Args:
        one: Maps the inputs of one step and a list of states to an output and states.
        inputs: Shape `(time, batch, ...)`.
        mask: Shape `(time, batch, 1)`, or `None`.
        go_backwards: Whether the last step comes first.
        zeros_for_mask: Whether masked steps return zeros, not the output before them.
    """

    one: Callable
    inputs: tf.Tensor
    mask: tf.Tensor | None
    go_backwards: bool
    zeros_for_mask: bool

    @property
    def count(self) -> int | tf.Tensor:
        """How many there are; a tensor where it is not known yet."""
        return tf.shape(self.inputs)[0] if self.inputs.shape[0] is None else self.inputs.shape[0]

    def take(
        self, times: tf.Tensor, output: tf.Tensor, states: list, early: bool = False
    ) -> tuple[list, list]:
        """Return the outputs of some steps, and the states after the last.

        Args:
            times: Of the steps.
            output: Of the step before them.
            states: After the step before them.
            early: Whether times may be below 0; such steps leave output and states as they are.
        """
        count = times.shape[0]
        index = self.count - 1 - times if self.go_backwards else times
        index = tf.clip_by_value(index, 0, self.count - 1) if early else index
        rows = tf.unstack(tf.gather(self.inputs, index), count)  # (batch, ...) each
        real = None if self.mask is None else tf.gather(self.mask, index)  # (count, batch, 1)
        if early:
            begun = tf.reshape(times >= 0, (count, 1, 1))
            real = begun if real is None else tf.logical_and(real, begun)
        outputs = []
        for x, there in zip(
            rows, [None] * count if real is None else tf.unstack(real, count), strict=True
        ):
            output, states = self._step(x, there, output, states)
            outputs.append(output)
        return outputs, states

    def _step(
        self, x: tf.Tensor, real: tf.Tensor | None, before: tf.Tensor, states: list
    ) -> tuple[tf.Tensor, list]:
        output, new = self.one(x, states)
        if real is None:
            return output, new
        masked = tf.zeros((), output.dtype) if self.zeros_for_mask else before
        kept = [_where(real, a, b) for a, b in zip(new, states, strict=True)]
        return _where(real, output, masked), kept


def _steps_written_out(
    steps: _Steps, output: tf.Tensor, states: list, keep_all: bool
) -> tuple[tf.Tensor, tf.Tensor, list]:
    outputs, states = steps.take(tf.range(steps.count), output, states)
    return outputs[-1], tf.stack(outputs if keep_all else outputs[-1:]), states


def _loop(
    steps: _Steps, output: tf.Tensor, states: list, keep_all: bool
) -> tuple[tf.Tensor, tf.Tensor, list]:
    length, fixed = steps.count, isinstance(steps.count, int)
    count = min(STEPS_PER_TURN, length) if fixed else STEPS_PER_TURN
    # The first turn begins so early that the last one ends with the last step.
    start = -(-length % count)
    kept = [_no_outputs(length, output)] if keep_all else []

    def body(time: tf.Tensor, output: tf.Tensor, *carried: tf.Tensor) -> tuple:
        outputs, states = carried[: len(kept)], carried[len(kept) :]
        early = not fixed or start < 0
        taken, new_states = steps.take(time + tf.range(count), output, list(states), early)
        # Scattering into place would be shorter, but is wrong in int8.
        rolled = [tf.concat([each, tf.stack(taken)], 0)[count:] for each in outputs]
        new, old = (taken[-1], *rolled, *new_states), (output, *carried)
        return (time + count, *(tf.ensure_shape(a, b.shape) for a, b in zip(new, old, strict=True)))

    begin = tf.convert_to_tensor(start, tf.int32)
    _, output, *carried = tf.while_loop(
        lambda time, *_: time < length, body, (begin, output, *kept, *states)
    )
    outputs = carried[0] if keep_all else tf.expand_dims(output, 0)
    return output, outputs, carried[len(kept) :]


def _no_outputs(length: int | tf.Tensor, output: tf.Tensor) -> tf.Tensor:
    """Return room for the outputs of all steps, shape `(time, batch, ...)`."""
    outputs = tf.zeros(tf.concat([[length], tf.shape(output)], 0), output.dtype)
    outputs.set_shape((length if isinstance(length, int) else None, *output.shape))
    return outputs


def _swap_batch_and_time(tensor: tf.Tensor) -> tf.Tensor:
    return tf.transpose(tensor, (1, 0, *range(2, len(tensor.shape))))


def _where(condition: tf.Tensor, new: tf.Tensor, old: tf.Tensor) -> tf.Tensor:
    """Choose per example; a product with the mask would lose much in int8."""
    for _ in range(len(new.shape) - len(condition.shape)):
        condition = tf.expand_dims(condition, -1)
    return tf.where(condition, new, old)
