"""Several processes, on one machine or on several, that train one model together under JAX."""

from __future__ import annotations

import atexit
import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from maquette.addresses import Address
from maquette.distribution.environment import ADDRESS, COUNT, RANK
from maquette.distribution.watching import Watch
from maquette.errors import GateError, UserError
from maquette.files import TEMPORARY
from maquette.progress import console, say
from maquette.quiet import quiet_stream

BIND = "JAX_COORDINATOR_BIND_ADDRESS"
HEARTBEAT_SECONDS = 10
LOOPBACK = ("127.0.0.1", "localhost", "::1", "[::1]")
NOT_TRAINED_ON = ("figures", "judge", "export")


@dataclass(frozen=True)
class Processes:
    """The processes of a training, seen from one of them.

    Args:
        rank: Which one this is, from 0; rank 0 writes the run.
        count: How many there are.
    """

    rank: int = 0
    count: int = 1

    @contextmanager
    def folder(self, out: str | Path) -> Iterator[str | Path]:
        """Yield the folder of all runs; other ranks than 0 get one that is thrown away."""
        if self.rank == 0:
            yield out
            return
        with tempfile.TemporaryDirectory(prefix=TEMPORARY) as scratch:
            yield scratch

    @contextmanager
    def copy(self, run: Path) -> Iterator[Path]:
        """Yield the folder of a run to go on with; other ranks than 0 get a copy of their own."""
        with self.folder(run) as folder:
            if self.rank:
                folder = Path(folder) / run.name
                shutil.copytree(run, folder, ignore=shutil.ignore_patterns(*NOT_TRAINED_ON))
            self.meet("copied")  # Rank 0 deletes old states as it goes on.
            yield folder

    def meet(self, name: str) -> None:
        """Wait until all processes are here."""
        if self.count > 1:
            from jax.experimental import multihost_utils

            with quiet_stream(1):  # The first meeting is announced from native code.
                multihost_utils.sync_global_devices(name)

    def require_same(self, request: Any) -> None:
        """Raise a `UserError` where another process was asked for another training.

        Args:
            request: Plain values that tell what is trained.
        """
        different = self._different(json.dumps(request, sort_keys=True).encode())
        if different:
            raise UserError(
                f"process {different[0]} has other options or data than process 0; give all "
                "processes the same"
            )

    def part(self, weights: Sequence[np.ndarray]) -> None:
        """End the training together; then each process is on its own."""
        if self.count == 1:
            return
        import jax

        for rank in self._different(b"".join(w.tobytes() for w in weights)):
            say(f"warning: the weights of process {rank} differ; the run has those of process 0")
        jax.distributed.shutdown()
        _session.part()

    def _different(self, content: bytes) -> list[int]:
        """Return the ranks whose content is another than that of rank 0."""
        if self.count == 1:
            return []
        from jax.experimental import multihost_utils

        self.meet("compare")
        digest = np.frombuffer(hashlib.sha256(content).digest(), np.uint8)
        every = np.asarray(multihost_utils.process_allgather(digest))
        return [rank for rank in range(self.count) if (every[rank] != every[0]).any()]


class _Session:
    """The processes that this one has joined, which it does once in its life."""

    def __init__(self):
        self.processes: Processes | None = None
        self.watch: Watch | None = None
        self.depth = 0
        self.exit_code = 0

    def part(self) -> None:
        """Be alone from now on."""
        self.processes = Processes()
        self._let_print()

    def fail(self, error: BaseException) -> None:
        """Prepare to leave the others at the end of the process, without waiting for them."""
        if all_processes().count == 1:
            return
        if not isinstance(error, UserError | GateError | KeyboardInterrupt):
            time.sleep(2 * HEARTBEAT_SECONDS)  # If another one is lost, JAX ends this one first.
        interrupted = isinstance(error, KeyboardInterrupt)
        self.exit_code = 130 if interrupted else getattr(error, "exit_code", 1)
        self._let_print()

    def leave(self) -> None:
        """End the process; JAX would wait minutes for all to end."""
        if self.exit_code:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(self.exit_code)

    def _let_print(self) -> None:
        if self.watch is not None:
            self.watch.end()
            self.watch = None


_session = _Session()


def all_processes() -> Processes:
    """Return the processes that train together now; this one alone if none has been joined."""
    return _session.processes or Processes()


def tell_run(path: Path) -> None:
    """Tell where the run lies, while it can still be told."""
    if _session.watch is not None and all_processes().rank == 0:
        say(f"training in {path}; if a process is lost, go on with: maquette train --resume {path}")
        _session.watch.tell_run(str(path))


@contextmanager
def together() -> Iterator[Processes]:
    """Train with the other processes that the environment tells of, if it does.

    It is read as `keras.distribution.initialize` reads it: `KERAS_DISTRIBUTION_JOB_ADDRESSES`,
    the address of rank 0, `KERAS_DISTRIBUTION_NUM_PROCESSES`, `KERAS_DISTRIBUTION_PROCESS_ID`.
    Processes that have been initialized already are joined as they are.

    Raises:
        UserError: the variables cannot be used, the backend is another than JAX, or this process
            has trained before.
    """
    wanted, address = _wanted(os.environ)
    if wanted.count > 1 and keras.backend.backend() != "jax":
        raise UserError("several processes train under JAX; set KERAS_BACKEND=jax")
    if _session.processes is None:
        _session.processes = _join(wanted, address)
    elif _session.depth == 0 and wanted.count > 1:
        raise UserError("a process that has trained joins no others; start all of them anew")
    _session.depth += 1
    try:
        yield _session.processes
    except BaseException as error:
        _session.fail(error)
        raise
    finally:
        _session.depth -= 1


def _join(wanted: Processes, address: Address) -> Processes:
    if keras.backend.backend() != "jax":
        return wanted
    import jax

    if not jax.distributed.is_initialized():
        if wanted.count == 1:
            return wanted
        _initialize(wanted, address)
        processes = wanted
    else:
        processes = Processes(jax.process_index(), jax.process_count())
    console.quiet = processes.rank > 0
    return processes


def _wanted(environment: Any) -> tuple[Processes, Address]:
    """Return which process this is to be, and the address of rank 0."""
    numbers = [environment.get(COUNT, "1"), environment.get(RANK, "0")]
    if not all(number.isdecimal() for number in numbers):
        raise UserError(f"{COUNT} and {RANK} are whole numbers; received {' and '.join(numbers)}")
    count, rank = map(int, numbers)
    if count > 1 and ADDRESS not in environment:
        raise UserError(
            f"{count} processes need the address of rank 0; give --coordinator HOST:PORT, or set "
            f"{ADDRESS}"
        )
    if rank >= count:
        raise UserError(f"{count} processes have the ranks 0 to {count - 1}; received {rank}")
    return Processes(rank, count), Address.of(environment.get(ADDRESS, "1").partition(",")[0])


def _initialize(processes: Processes, address: Address) -> None:
    import jax

    if address.host in LOOPBACK:  # JAX would listen to all networks.
        os.environ.setdefault(BIND, str(address))
    _session.watch = Watch(processes.rank)
    atexit.register(_session.leave)
    # Keras' own function leaves the loss of a process unnoticed for 100 seconds.
    jax.distributed.initialize(
        str(address), processes.count, processes.rank, heartbeat_timeout_seconds=HEARTBEAT_SECONDS
    )
