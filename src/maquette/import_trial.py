"""Importing modules in a child process, which a broken build may take down."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence

IMPORT_SECONDS = 180
CHILD = """
import importlib, json, sys, time, traceback
for name in sys.argv[1:]:
    start, facts = time.perf_counter(), {"module": name}
    try:
        module = importlib.import_module(name)
        root = sys.modules[name.partition(".")[0]]
        facts |= {"version": root.__version__, "file": root.__file__}
        if name == "tensorflow":
            facts["gpus"] = len(module.config.list_physical_devices("GPU"))
    except BaseException:
        facts["error"] = traceback.format_exc()
    print(json.dumps({**facts, "seconds": time.perf_counter() - start}), flush=True)
"""


def try_imports(modules: Sequence[str]) -> list[dict]:
    """Return the child's report on each module, up to one that ended the child.

    A report has `module`, and either `version`, `file` and `seconds`, or `error`.
    """
    command = [sys.executable, "-c", CHILD, *modules]
    # PYTHONSAFEPATH: a file here that hides a package has a check of its own
    env = {**os.environ, "PYTHONSAFEPATH": "1", "TF_CPP_MIN_LOG_LEVEL": "2"}
    try:
        done = subprocess.run(command, capture_output=True, timeout=IMPORT_SECONDS, env=env)
        code = done.returncode
        ending = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    except subprocess.TimeoutExpired as late:
        done, ending = late, f"no answer after {IMPORT_SECONDS} s"
    lines = (done.stdout or b"").splitlines()
    reports = [json.loads(line) for line in lines if line.startswith(b'{"module"')]
    if len(reports) < len(modules):
        last = last_error((done.stderr or b"").decode(errors="replace"))
        reports.append({"module": modules[len(reports)], "error": f"{ending}: {last}"})
    return reports


def last_error(text: str) -> str:
    """Return the last line that names an exception or AVX, or else the last line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()] or ["no message"]
    pattern = r"[\w.]+(Error|Exception|Exit): |.*to use AVX"
    named = [line for line in lines if re.match(pattern, line)]
    return (named or lines)[-1]
