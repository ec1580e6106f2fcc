"""Keeping native libraries from printing where a user reads results and mistakes."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_stream(stream: int = 2) -> Iterator[None]:
    """Hold back what native code prints to a stream; show it if an error is raised.

    Args:
        stream: 1 for the output stream, 2 for that of errors, the default.
    """
    (sys.stdout if stream == 1 else sys.stderr).flush()
    kept = os.dup(stream)
    with tempfile.TemporaryFile() as printed:
        os.dup2(printed.fileno(), stream)
        try:
            yield
        except BaseException:
            printed.seek(0)
            os.write(kept, printed.read())
            raise
        finally:
            os.dup2(kept, stream)
            os.close(kept)


def load_tensorflow() -> None:
    """Import TensorFlow without the lines that its libraries print whatever the log level.

    Its advice to who writes functions for it, such as on retracing, tells a user nothing either.
    """
    if "tensorflow" in sys.modules:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    _say_in_passing("loading TensorFlow ...")
    with quiet_stream():
        import tensorflow
    tensorflow.get_logger().setLevel("ERROR")
    _say_in_passing(" " * 22)


def _say_in_passing(message: str) -> None:
    """Write what the next line covers, on a terminal only."""
    if sys.stderr.isatty():
        print(message, end="\r", file=sys.stderr, flush=True)
