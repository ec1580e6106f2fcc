"""maquette: Keras application templates, from your data to a server or a phone.

Every verb of the command line is a function here. Importing this package is quick: TensorFlow is
loaded by the first function that needs it.
"""

from importlib import import_module
from typing import Any

__version__ = "0.5.1"

_HOMES = {
    "GateError": ("errors", "GateError"),
    "Run": ("run", "Run"),
    "UserError": ("errors", "UserError"),
    "benchmark": ("exporting.benchmark", "benchmark"),
    "check": ("checking.check", "check"),
    "compare": ("comparing.compare", "compare"),
    "diff": ("updating.diff", "diff"),
    "doctor": ("installation", "doctor"),
    "evaluate": ("evaluation", "evaluate"),
    "export": ("exporting.export", "export"),
    "find_learning_rate": ("rate_finding", "find_learning_rate"),
    "list": ("gallery", "list_templates"),
    "new": ("scaffolding.new", "new"),
    "new_from_run": ("scaffolding.new", "new_from_run"),
    "new_template": ("starting", "new_template"),
    "predict": ("prediction", "predict"),
    "quickstart": ("tour", "quickstart"),
    "resume": ("training", "resume"),
    "show": ("gallery", "show"),
    "train": ("training", "train"),
    "tune": ("tuning.tune", "tune"),
    "update": ("updating.update", "update"),
    "verify": ("exporting.verify", "verify"),
}

__all__ = [*_HOMES, "__version__"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'maquette' has no attribute {name!r}")
    module, attribute = _HOMES[name]
    return getattr(import_module(f"maquette.{module}"), attribute)


def __dir__() -> list[str]:
    return sorted(__all__)
