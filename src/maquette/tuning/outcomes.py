"""What a trial leaves in the folder of its search until its end is recorded.

A worker may be another process than the one that records; both see this folder.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from maquette.files import TEMPORARY, write_text

BEST = "best"
RUN, OUTCOME = f"{TEMPORARY}run-", f"{TEMPORARY}outcome-"


def put_outcome(folder: Path, trial_id: str, **details: Any) -> None:
    """Leave what KerasTuner has no field for: seconds, the best epoch, an error."""
    write_text(folder / f"{OUTCOME}{trial_id}", json.dumps(details))


def take_outcome(folder: Path, trial_id: str) -> dict[str, Any]:
    """Return what was left, and remove it."""
    path = folder / f"{OUTCOME}{trial_id}"
    if not path.is_file():
        return {}
    details = json.loads(path.read_text(encoding="utf-8"))
    path.unlink()
    return details


def replace_folder(new: Path, old: Path) -> None:
    """Put a folder in the place of another."""
    former = old.with_name(f"{TEMPORARY}former")
    if old.exists():
        old.replace(former)
    new.replace(old)
    shutil.rmtree(former, ignore_errors=True)
