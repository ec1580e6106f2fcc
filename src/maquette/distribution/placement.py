"""What a training runs on: one device, several of one machine, or those of several processes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import keras

from maquette.distribution.processes import Processes
from maquette.errors import UserError
from maquette.progress import say

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True)
class Placement:
    """Where a model is built and fitted.

    Args:
        scope: Returns the context to build, compile and fit it in.
        replicas: Devices that share each batch.
    """

    scope: Callable[[], AbstractContextManager] = nullcontext
    replicas: int = 1


def placement(devices: int, processes: Processes) -> Placement:
    """Return where to train: on some devices of each process.

    Where the machine has no accelerator and too few devices, its processor stands in for several.

    Args:
        devices: Devices of each process.
        processes: The processes that train together.

    Raises:
        UserError: there are fewer devices, or the backend knows no such training.
    """
    backend = keras.backend.backend()
    if backend == "jax":
        _leave_accelerators_to_jax()
    if devices == processes.count == 1:
        return Placement()
    if backend not in _PLACEMENTS:
        raise UserError(f"several devices need TensorFlow or JAX; the backend is {backend}")
    return _PLACEMENTS[backend](devices, processes)


def _leave_accelerators_to_jax() -> None:
    """Keep TensorFlow, which reads the data, from taking all their memory."""
    import tensorflow as tf

    with suppress(RuntimeError):  # Too late in a process in which it has taken it.
        tf.config.set_visible_devices([], "GPU")


def _on_jax(devices: int, processes: Processes) -> Placement:
    import jax

    from maquette.distribution.shared_batches import SharedBatches

    if devices > 1:
        with suppress(RuntimeError):  # Too late where JAX is in use; what there is has to do.
            jax.config.update("jax_num_cpu_devices", devices)
    own = {rank: [] for rank in range(processes.count)}
    for device in sorted(jax.devices(), key=lambda d: (d.process_index, d.id)):
        own[device.process_index].append(f"{device.platform}:{device.id}")
    fewest = min(map(len, own.values()))
    if fewest < devices:
        raise _too_few(devices, fewest, jax.devices()[0].platform)
    if devices > 1 and jax.devices()[0].platform == "cpu":
        say(f"note: no accelerator; the processor stands in for {devices} devices")
    names = [name for mine in own.values() for name in mine[:devices]]
    return Placement(SharedBatches(names).scope, len(names))


def _on_tensorflow(devices: int, processes: Processes) -> Placement:
    import tensorflow as tf

    accelerators = tf.config.list_physical_devices("GPU")
    if accelerators:
        if len(accelerators) < devices:
            raise _too_few(devices, len(accelerators), "gpu")
        names = tuple(f"GPU:{index}" for index in range(devices))
    else:
        names = tuple(f"CPU:{index}" for index in range(_virtual_on_tensorflow(devices)))
    return Placement(_strategy(names).scope, devices)


@cache
def _strategy(names: tuple[str, ...]) -> tf.distribute.Strategy:
    """Return the one strategy of these devices; the collectives of two would be confused."""
    import tensorflow as tf

    return tf.distribute.MirroredStrategy(names)


def _virtual_on_tensorflow(devices: int) -> int:
    """Divide the processor into devices, where TensorFlow has not looked at it yet."""
    import tensorflow as tf

    (processor,) = tf.config.list_physical_devices("CPU")
    parts = [tf.config.LogicalDeviceConfiguration()] * devices
    try:
        tf.config.set_logical_device_configuration(processor, parts)
    except RuntimeError:
        existing = len(tf.config.list_logical_devices("CPU"))
        if existing < devices:
            raise _too_few(devices, existing, "cpu") from None
    say(f"note: no accelerator; the processor stands in for {devices} devices")
    return devices


def _too_few(wanted: int, existing: int, platform: str) -> UserError:
    late = (
        "; they are divided when a process begins, so start a new one" if platform == "cpu" else ""
    )
    return UserError(f"--devices {wanted}: this machine has {existing} of kind {platform}{late}")


_PLACEMENTS = {"jax": _on_jax, "tensorflow": _on_tensorflow}
