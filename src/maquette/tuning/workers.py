"""A search by several processes: a chief hands out trials, workers train them.

KerasTuner's own chief and workers talk over an unencrypted port without a password: whoever
reaches it can take and end trials. Chief and workers need the same search folder.
"""

from __future__ import annotations

import os
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from maquette.addresses import Address
from maquette.errors import GateError, UserError
from maquette.progress import say
from maquette.tuning.limits import interruptible, press_ctrl_c

PULSE_SECONDS, SILENCE_SECONDS = 5.0, 60.0


@contextmanager
def as_chief(address: Address | None) -> Iterator[None]:
    """Let tuners of this process be chiefs; without an address they have no workers."""
    if address is None:
        yield
        return
    with _environment("chief", address):
        yield


@contextmanager
def as_worker(address: Address) -> Iterator[None]:
    """Let tuners of this process be workers; stop them when their chief is gone.

    Raises:
        UserError: no chief listens there.
        GateError: the chief is gone.
    """
    if not address.answers():
        raise UserError(f"no chief at {address}; start one with: maquette tune ... --chief PORT")
    with _environment(f"worker-{uuid.uuid4().hex[:8]}", address), _watching(address):
        yield


@contextmanager
def _environment(name: str, address: Address) -> Iterator[None]:
    wanted = {
        "KERASTUNER_TUNER_ID": name,
        "KERASTUNER_ORACLE_IP": address.host,
        "KERASTUNER_ORACLE_PORT": str(address.port),
    }
    before = {key: os.environ.get(key) for key in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for key, value in before.items():
            os.environ.pop(key)
            if value is not None:
                os.environ[key] = value


@contextmanager
def _watching(address: Address) -> Iterator[None]:
    """Stop the work of the main thread when the chief has not answered for long."""
    last, gone = time.monotonic(), threading.Event()

    def watch() -> None:
        nonlocal last
        if address.answers():
            last = time.monotonic()
        elif time.monotonic() - last > SILENCE_SECONDS / 2 and not gone.is_set():
            gone.set()
            press_ctrl_c()

    try:
        with interruptible(), _repeating(watch, PULSE_SECONDS):
            yield
    except KeyboardInterrupt:
        if gone.is_set():
            raise GateError(f"the chief at {address} is gone") from None
        raise


@contextmanager
def pulse(oracle: Any, trial_id: str) -> Iterator[None]:
    """Tell the chief again and again that a trial is under way."""
    with _repeating(lambda: oracle.get_trial(trial_id), PULSE_SECONDS):
        yield


@contextmanager
def giving_up_the_silent(oracle: Any, on_tick: Any) -> Iterator[None]:
    """In a chief, take the trials of workers that have not told of themselves for long."""

    def look() -> None:
        for worker in oracle.give_up_silent(SILENCE_SECONDS):
            say(f"{worker} is silent; another will run its trial")
        on_tick()

    with _repeating(look, 1.0):
        yield


@contextmanager
def _repeating(action: Any, seconds: float) -> Iterator[None]:
    """Do something again and again in a thread of its own until the context ends."""
    ended = threading.Event()

    def repeat() -> None:
        while not ended.wait(seconds):
            action()

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(1.0)  # It may wait for a chief that is gone.
