"""The quickstart: the main job from beginning to end, on data that comes with the samples."""

from __future__ import annotations

import time
from pathlib import Path

from maquette.exporting.export import export
from maquette.progress import say
from maquette.training import train

OPTIONS = {
    "image_size": 96,
    "head_epochs": 10,
    "epochs": 4,
    "learning_rate": 1e-3,
    "unfreeze": 1.0,
    "flip": False,
    "dropout": 0.0,
}


def quickstart(out: str | Path = "saved_models") -> str:
    """Fine-tune ImageNet weights to read handwritten digits, check the result, and export it.

    Args:
        out: Folder of all runs.

    Returns:
        A summary: test accuracy, size and accuracy of the int8 file, where the report lies, and
        what to try next.

    Raises:
        UserError: the samples are not installed, or `out` cannot be written to.
        GateError: an exported file failed its checks.
    """
    began = time.perf_counter()
    say("fine-tuning EfficientNet-Lite0 (ImageNet weights) on 3,500 handwritten digits")
    run = train("transfer", "mnist", out=out, **OPTIONS)
    say("exporting, and checking each file against the original")
    rows = {row["format"]: row for row in export(run)}
    float_file, int8_file = rows["float32"], rows["int8"]
    accuracy = run.metrics["test"]["metrics"]["accuracy"]
    minutes = (time.perf_counter() - began) / 60
    return (
        f"test accuracy    {accuracy:.4f}\n"
        f"int8 file        {run.path / 'export' / int8_file['file']}, "
        f"{int8_file['bytes'] / 1e6:.1f} MB, validation accuracy {int8_file['accuracy']:.4f} "
        f"(float {float_file['accuracy']:.4f})\n"
        f"report           {run.path / 'report.html'}\n"
        f"time             {minutes:.1f} minutes\n\n"
        f"Now with your own photos, one sub-folder per class:\n"
        f"  maquette train transfer --data photos/"
    )
