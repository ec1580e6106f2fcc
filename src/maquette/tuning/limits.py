"""When a search ends before its last trial: its time is over, or trials only fail."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import takewhile

from maquette.tuning.journal import FAILED, TrialRecord

FAILURES_IN_A_ROW = 5


@dataclass
class Limits:
    """What a search may take.

    Args:
        max_minutes: Of all trials together; `None` for no limit.
        failures_in_a_row: After so many, no more trials begin.
    """

    max_minutes: float | None = None
    failures_in_a_row: int = FAILURES_IN_A_ROW
    began: float = field(default_factory=time.monotonic)
    interrupted: bool = False

    def seconds_left(self) -> float | None:
        """Return the time that is left; `None` where there is no limit."""
        if self.max_minutes is None:
            return None
        return max(0.0, 60 * self.max_minutes - (time.monotonic() - self.began))

    def reached(self, trials: Sequence[TrialRecord]) -> str:
        """Return why no more trials should begin, in a line, or an empty string."""
        if self.interrupted:
            return "interrupted"
        if self.seconds_left() == 0:
            return f"the time is over: {self.max_minutes:g} minutes"
        failed = list(takewhile(lambda trial: trial.status == FAILED, reversed(trials)))
        if len(failed) >= self.failures_in_a_row:
            return f"{len(failed)} trials failed in a row, the last: {failed[0].error}"
        return ""

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Interrupt what is under way when the time is over, as Ctrl-C does."""
        seconds = self.seconds_left()
        if seconds is None or threading.current_thread() is not threading.main_thread():
            yield
            return
        timer = threading.Timer(seconds, press_ctrl_c)
        timer.daemon = True
        timer.start()
        try:
            with interruptible():
                yield
        finally:
            timer.cancel()


@contextmanager
def interruptible() -> Iterator[None]:
    """Let `press_ctrl_c` work where the shell had Ctrl-C ignored, as behind `&` in a script."""
    is_main = threading.current_thread() is threading.main_thread()  # Others cannot set it.
    if not is_main or signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def press_ctrl_c() -> None:
    """Interrupt the main thread."""
    if hasattr(signal, "pthread_kill"):  # Wakes the main thread also where it waits.
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
    else:
        signal.raise_signal(signal.SIGINT)
