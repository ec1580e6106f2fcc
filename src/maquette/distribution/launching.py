"""Starting the processes of one training on this machine. It imports neither TensorFlow nor JAX."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib.util import find_spec
from threading import Thread
from typing import IO, Any

from maquette.addresses import LOOPBACK, Address
from maquette.distribution.environment import ADDRESS, COUNT, RANK
from maquette.errors import UserError

PROGRAM = [sys.executable, "-m", "maquette"]
POLL_SECONDS, GRACE_SECONDS = 0.1, 3.0


def split_words(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the words before and after the first `--`."""
    words = list(words)
    at = words.index("--") if "--" in words else len(words)
    return words[:at], words[at + 1 :]


def set_environment(options: dict[str, Any]) -> None:
    """Take the options about processes out of those of a training, into the environment."""
    coordinator, count, rank = (options.pop(k) for k in ("coordinator", "processes", "rank"))
    if coordinator is not None:
        os.environ[ADDRESS] = str(Address.of(coordinator))
    for name, number in ((COUNT, count), (RANK, rank)):
        if number is not None:
            os.environ[name] = str(number)


def launch(command: Sequence[str], processes: int, port: int | None = None) -> int:
    """Run `maquette train` in several processes that train one model, and return the exit code.

    What each of them prints gets its rank in front. When one fails, all are ended.

    Args:
        command: What follows `maquette`, e.g. `["train", "mlp"]`.
        processes: How many.
        port: Where rank 0 listens on the loopback interface. Defaults to any that is free.

    Returns:
        That of the process that failed, otherwise 0.

    Raises:
        KeyboardInterrupt: it was interrupted or terminated.
        UserError: the command is no training, the port is taken, or JAX is not installed.
    """
    if list(command[:1]) != ["train"]:
        raise UserError(
            "launch starts trainings, as in maquette launch --processes 2 -- train mlp; received "
            f"{' '.join(command) or 'nothing'!r} after --"
        )
    if find_spec("jax") is None:
        raise UserError('several processes need JAX: pip install "maquette[jax]"')
    address = Address(LOOPBACK, port or _free_port())
    address.require_free()
    before = signal.signal(signal.SIGTERM, _interrupt)
    crew = [_started(command, rank, processes, address) for rank in range(processes)]
    try:
        return _ended(crew)
    except KeyboardInterrupt:
        for process in crew:
            process.send_signal(signal.SIGINT)
        _wait(crew, GRACE_SECONDS)  # One may wait for another in vain.
        raise
    finally:
        for process in crew:
            process.kill()
        _wait(crew, GRACE_SECONDS)
        signal.signal(signal.SIGTERM, before)


def _interrupt(*signal: Any) -> None:
    raise KeyboardInterrupt


class _Started(subprocess.Popen):
    """A process whose lines are passed on with its rank in front."""

    def __init__(self, command: Sequence[str], rank: int, environment: dict[str, str]):
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        words = [*PROGRAM, *command]
        # Ctrl-C reaches them once, through us.
        super().__init__(words, env=environment, start_new_session=True, **pipes)
        self.rank = rank
        self.pumps = [
            Thread(target=_pass_on, args=(source, target, rank), daemon=True)
            for source, target in ((self.stdout, sys.stdout), (self.stderr, sys.stderr))
        ]
        for pump in self.pumps:
            pump.start()


def _started(command: Sequence[str], rank: int, processes: int, address: Address) -> _Started:
    own = {ADDRESS: str(address), COUNT: str(processes), RANK: str(rank)}
    # A process has the accelerator of its rank; on a processor this is of no effect.
    defaults = {"KERAS_BACKEND": "jax", "JAX_LOCAL_DEVICE_IDS": str(rank)}
    return _Started(command, rank, {**defaults, **os.environ, **own, "PYTHONUNBUFFERED": "1"})


def _pass_on(source: IO[bytes], target: IO[str], rank: int) -> None:
    for line in source:
        print(f"[{rank}] {line.decode(errors='replace')}", end="", file=target, flush=True)


def _ended(crew: Sequence[_Started]) -> int:
    """Wait for all to end, or for one to fail, and return its exit code."""
    while True:
        codes = [process.poll() for process in crew]
        failed = [process for process in crew if process.returncode]
        if failed:
            return _told(failed[0], len(crew))
        if None not in codes:
            _wait(crew, 0)
            return 0
        time.sleep(POLL_SECONDS)


def _told(failed: _Started, processes: int) -> int:
    """Tell which process failed, and return its exit code."""
    code = failed.returncode
    how = f"was ended by signal {-code}" if code < 0 else f"failed with exit code {code}"
    _wait([failed], 0)
    again = f"maquette launch --processes {processes} -- train --resume RUN"
    go_on = f"; go on with: {again}" if code < 0 else ""
    print(f"maquette: process {failed.rank} {how}; all are ended{go_on}", file=sys.stderr)
    return code if code > 0 else 128 - code


def _wait(crew: Sequence[_Started], seconds: float) -> None:
    """Wait for processes to end, and for what they printed."""
    until = time.monotonic() + seconds
    for process in crew:
        while process.poll() is None and time.monotonic() < until:
            time.sleep(POLL_SECONDS)
        for pump in process.pumps:
            pump.join(1.0)


def _free_port() -> int:
    with socket.create_server((LOOPBACK, 0)) as server:
        return server.getsockname()[1]
