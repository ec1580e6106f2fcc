"""Opening exported files of any format."""

from __future__ import annotations

from pathlib import Path

from maquette.exporting.gate import Runnable


def opened(path: Path) -> Runnable:
    """Return an exported file that can be run.

    Args:
        path: A TFLite file, or the folder of a SavedModel, for which TensorFlow is loaded.
    """
    if path.is_dir():
        from maquette.quiet import load_tensorflow

        load_tensorflow()
        from maquette.exporting.saved_model import SavedModel

        return SavedModel(path)
    from maquette.exporting.litert import LiteRtFile

    return LiteRtFile(path)
