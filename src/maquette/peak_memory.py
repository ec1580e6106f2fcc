"""How much memory this process has had at once."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def peak_memory(fresh: bool = False) -> int | None:
    """Return the most bytes of memory that were resident at once, `None` where none can tell.

    Args:
        fresh: Begin to count anew, where the system can.
    """
    if not STATUS.is_file():
        return _largest_set()
    # Not `getrusage`: on Linux a new process begins with the figure of the one that started it.
    if fresh:
        with suppress(OSError):  # Then the peak of the imports counts as there before.
            CLEAR.write_text("5")
    lines = STATUS.read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def _largest_set() -> int | None:
    try:
        import resource
    except ImportError:  # Windows
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
