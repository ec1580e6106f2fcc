"""Keeping native libraries from printing where a user reads results and mistakes."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Hold back what native code prints to the error stream; show it if an error is raised."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as printed:
        os.dup2(printed.fileno(), 2)
        try:
            yield
        except BaseException:
            printed.seek(0)
            os.write(kept, printed.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def load_tensorflow() -> None:
    """Import TensorFlow without the lines that its libraries print whatever the log level."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    _say_in_passing("loading TensorFlow ...")
    with quiet_stderr():
        import tensorflow  # noqa: F401
    _say_in_passing(" " * 22)


def _say_in_passing(message: str) -> None:
    """Write what the next line covers, on a terminal only."""
    if sys.stderr.isatty():
        print(message, end="\r", file=sys.stderr, flush=True)
