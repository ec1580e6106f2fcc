"""The converter's process, seen from outside: it may crash or hang, and says why it failed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

LONGEST_CONVERSION = 1800  # seconds
PAUSE = 0.02  # seconds


class Converter:
    """A child process that converts one file after another; after a crash a new one goes on.

    Example:
        >>> with Converter(folder) as converter:
        ...     failure = converter.make(request, folder / "model.tflite")

    Args:
        folder: Where it may leave its messages.
    """

    def __init__(self, folder: Path):
        self._messages = folder / "converter.log"
        self._child: subprocess.Popen | None = None

    def __enter__(self) -> Converter:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def make(self, request: dict[str, Any], path: Path) -> str:
        """Convert to a file, and return an empty string, or why there is none.

        Args:
            request: What `maquette.exporting.convert` asks for, but the path.
            path: The file to write.
        """
        child = self._running()
        try:
            child.stdin.write(json.dumps({**request, "path": str(path)}) + "\n")
            child.stdin.flush()
        except BrokenPipeError:
            pass  # The child's exit code tells more.
        failure = self._wait(child, path)
        if child.poll() is not None:
            self._end()
        return failure

    def _running(self) -> subprocess.Popen:
        if self._child is None:
            environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", "CUDA_VISIBLE_DEVICES": ""}
            command = [sys.executable, "-m", "maquette.exporting.convert"]
            with self._messages.open("w", encoding="utf-8") as messages:
                self._child = subprocess.Popen(
                    command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=messages,
                    text=True, env=environment,
                )  # fmt: skip
        return self._child

    def _wait(self, child: subprocess.Popen, path: Path) -> str:
        """Return an empty string once the file is there, or why it will not come."""
        refused, began = path.with_suffix(".refused"), time.monotonic()
        while time.monotonic() - began < LONGEST_CONVERSION:
            ended = child.poll() is not None  # Asked first: its last act may be the file.
            if path.exists():
                return ""
            if refused.exists():
                return refused.read_text(encoding="utf-8")
            if ended:
                return self._fate(child.returncode)
            time.sleep(PAUSE)
        self._end()
        return f"the converter took longer than {LONGEST_CONVERSION} s"

    def _fate(self, code: int) -> str:
        if code < 0:
            return f"the converter crashed (signal {-code})"
        text = self._messages.read_text(encoding="utf-8", errors="replace")
        lines = [line.strip() for line in text.splitlines() if "Error" in line]
        return lines[-1][:300] if lines else f"the converter ended with {code}, without a file"

    def _end(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child.communicate()
            self._child = None
