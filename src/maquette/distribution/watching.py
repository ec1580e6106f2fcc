"""Telling in one line why a training ended when JAX ends it because another process is lost.

JAX aborts such a process from native code, after a page of messages. So these go to a child
process, which waits for the end and says what it was.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys

DONE, GO_ON = "maquette-done", "maquette-run "
LOST = re.compile(r"stopped sending heartbeats\):\s*(\d+)|Task (\d+) heartbeat timeout")
LEADER = "coordination service"
KEPT_LINES = 200


class Watch:
    """Holds back what native code prints, until `end`; what it was is told if the process dies.

    Args:
        rank: Which process this is.
    """

    def __init__(self, rank: int):
        sys.stderr.flush()
        self._real = os.dup(2)
        self._child = subprocess.Popen(
            [sys.executable, "-m", __name__, str(rank)], stdin=subprocess.PIPE
        )
        sys.stderr = os.fdopen(os.dup(2), "w", buffering=1)
        os.dup2(self._child.stdin.fileno(), 2)

    def tell_run(self, run: str) -> None:
        """Tell how the training is gone on with."""
        os.write(2, f"\n{GO_ON}{run}\n".encode())

    def end(self) -> None:
        """Let native code print again."""
        os.write(2, f"\n{DONE}\n".encode())
        os.dup2(self._real, 2)
        self._child.stdin.close()
        self._child.wait()


def main() -> None:
    """Read what a process prints, and say why it ended if it did not say goodbye."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    lines, run = [], "RUN"
    for line in (raw.decode(errors="replace").rstrip("\n") for raw in sys.stdin.buffer):
        if line == DONE:
            return
        if line.startswith(GO_ON):
            run = line.removeprefix(GO_ON)
        else:
            lines = [*lines[-KEPT_LINES:], line]
    printed = "\n".join(lines).strip()
    if printed:  # Whoever killed it in silence knows.
        print(explained(printed, sys.argv[1], run), file=sys.stderr)


def explained(printed: str, rank: str, run: str) -> str:
    """Return why a process died, from what it printed.

    Args:
        printed: Its last lines.
        rank: Which process it was.
        run: The run to go on with.
    """
    go_on = f"start all again with: maquette train --resume {run}"
    if found := LOST.search(printed):
        lost = found[1] or found[2]
        return f"maquette: process {lost} was lost, so process {rank} ends; {go_on}"
    if LEADER in printed:
        return f"maquette: process 0 was lost, so process {rank} ends; {go_on}"
    return f"{printed}\nmaquette: process {rank} ended unexpectedly; {go_on}"


if __name__ == "__main__":
    main()
