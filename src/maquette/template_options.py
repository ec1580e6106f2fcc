"""Options that depend on a template: those of the verb and the template's own, in one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import create_model

from maquette.configuration import read_config
from maquette.errors import UserError
from maquette.gallery import config_class, show, template_names
from maquette.parsing import HELP, given, parse, values_of
from maquette.run import Run
from maquette.template_files import recorded_template
from maquette.verb_options import CheckOptions, EvaluateOptions, TrainOptions, TuneOptions


def ask_for_template(words: Sequence[str], verb: str = "train") -> None:
    """Tell which templates there are to choose from.

    Raises:
        UserError: no help was asked for.
    """
    there_are = f"there are {', '.join(template_names())}"
    if not HELP & set(words):
        raise UserError(f"missing TEMPLATE, as in maquette {verb} TEMPLATE; {there_are}")
    print(f"usage: maquette {verb} TEMPLATE [options]\n\n{there_are}\n\n"
          f"Each has its own options: maquette {verb} TEMPLATE --help")  # fmt: skip


def train_options(template: str, words: Sequence[str]) -> dict[str, Any]:
    """Return all options of a training: those of the template, and those that all share."""
    own = config_class(template)
    combined = type("Options", (own, TrainOptions), {"__doc__": own.__doc__})
    request = read_config(next(iter(values_of("--config", words)), None), template)
    default = combined(**dict(own(**request.options)), data=request.data, seed=request.seed)
    prog = f"maquette train {template}"
    options = parse(combined, words, prog, show(template).summary, default)
    # The file's options are in already.
    return {name: value for name, value in options if name != "config"}


def tune_options(template: str, words: Sequence[str]) -> dict[str, Any]:
    """Return the options of a search, and those of the template that were given: they are fixed."""
    own = config_class(template)
    combined = type("Options", (TuneOptions, own), {"__doc__": own.__doc__})
    request = read_config(next(iter(values_of("--config", words)), None), template)
    fields = own.model_fields.keys() - TuneOptions.model_fields.keys()
    of_file = {n: v for n, v in own(**request.options) if n in fields}
    default = combined(**of_file, data=request.data, seed=request.seed)
    prog = f"maquette tune {template}"
    options = parse(combined, words, prog, f"Tune {show(template).summary}", default)
    kept = TuneOptions.model_fields.keys() | given(fields, words)
    return {name: value for name, value in options if name in kept}


def check_options(words: Sequence[str]) -> type[CheckOptions]:
    """Return the verb's options and those of the template that the words name, if they do."""
    template = next(iter(values_of("--template", words)), None)
    if template is None:
        return CheckOptions
    own = config_class(template)
    return type("Options", (own, CheckOptions), {"__doc__": own.__doc__})


def evaluate_options(words: Sequence[str]) -> type[EvaluateOptions]:
    """Return the verb's options and those of the template of the run that the words name."""
    record = next((w for w in words if (Path(w) / "config.yaml").is_file()), None)
    if record is None:
        return EvaluateOptions
    run = Run(record)
    config = config_class(recorded_template(run.record))
    chosen = config(**run.record["config"])
    fields = {
        name: (Annotated[field.rebuild_annotation(), field], getattr(chosen, name))
        for name, field in config.model_fields.items()
        if name in config.for_evaluation()
    }
    return create_model("Options", __base__=EvaluateOptions, **fields)
