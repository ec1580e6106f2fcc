"""From options to a trained run: `train`, `launch`, `tune`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import maquette
from maquette.distribution.launching import launch, set_environment, split_words
from maquette.errors import GateError
from maquette.parsing import given, parse
from maquette.printing import print_json, print_metrics, print_table
from maquette.quiet import load_tensorflow
from maquette.template_options import ask_for_template, train_options, tune_options
from maquette.verb_options import LaunchOptions, ResumeOptions, ResumeTuneOptions, TimeOptions


def train_verb(words: Sequence[str]) -> None:
    """Train a template: maquette train TEMPLATE [options]."""
    if any(word.partition("=")[0] == "--resume" for word in words):
        options = dict(parse(ResumeOptions, words, "maquette train", train_verb.__doc__))
        set_environment(options)
        load_tensorflow()
        run = maquette.resume(options.pop("resume"), **options)
    elif not words or words[0].startswith("-"):
        ask_for_template(words)
        return
    else:
        options = train_options(words[0], words[1:])
        set_environment(options)
        load_tensorflow()
        if options.pop("find_learning_rate"):
            _find_learning_rate(words[0], options)
            return
        run = maquette.train(words[0], **options)
    if run is None:  # Another process has it.
        return
    split = "test" if "test" in run.metrics else next(iter(run.metrics))
    print_metrics(run.metrics[split]["metrics"], split)
    print(f"report: {run.path / 'report.html'}")
    print(run.path)


def _find_learning_rate(template: str, options: dict[str, Any]) -> None:
    without = {"name", "callbacks", "deterministic", "precision", "second_training", "devices"}
    without |= TimeOptions.model_fields.keys()
    options = {name: value for name, value in options.items() if name not in without}
    out = Path(options.pop("out")) / template
    found = maquette.find_learning_rate(template, out=out, **options)
    print(f"lowest loss at {found.best:.2g}, steepest fall at {found.steepest:.2g}")
    print(f"picture: {out / 'learning_rate.png'}")
    if found.suggestion is None:
        raise GateError("no rate made the loss fall; look at the data, or try more --batch-size")
    print(f"suggested for the stage {found.stage}: {found.suggestion:.2g}")


def launch_verb(words: Sequence[str]) -> None:
    """Train in several processes: maquette launch --processes N -- train TEMPLATE [options]."""
    own, command = split_words(words)
    options = parse(LaunchOptions, own, "maquette launch", launch_verb.__doc__)
    sys.exit(launch(command, options.processes, options.port))


def tune_verb(words: Sequence[str]) -> None:
    """Search for good options of a template: maquette tune TEMPLATE [options]."""
    if given({"resume"}, words):
        options = dict(parse(ResumeTuneOptions, words, "maquette tune", tune_verb.__doc__))
    elif words and not words[0].startswith("-"):
        options = {"template": words[0], **tune_options(words[0], words[1:])}
    else:
        ask_for_template(words, "tune")
        return
    as_json = options.pop("as_json")
    load_tensorflow()
    search = maquette.tune(**options)
    if options.get("worker"):
        print(search.path)
        return
    from maquette.tuning import results

    if as_json:
        print_json(results.as_json(search))
        return
    if search.record.cheapest is not None:
        print_table(results.cost_table(search), "What the trials cost")
    if mattered := search.what_mattered:
        print_table(mattered, "What mattered")
    print("\n".join([*results.summary(search), str(search.path)]))
