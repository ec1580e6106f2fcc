"""The command line: `maquette VERB ...`, each verb a thin layer over a function of the library."""

from __future__ import annotations

import io
import json
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import create_model

import maquette
from maquette.errors import GateError, UserError, nearest
from maquette.parsing import HELP, parse, values_of
from maquette.quiet import load_tensorflow
from maquette.verb_options import (
    DoctorOptions,
    EvaluateOptions,
    ExportOptions,
    ListOptions,
    PredictOptions,
    QuickstartOptions,
    ShowOptions,
    TrainOptions,
)


def list_verb(words: Sequence[str]) -> None:
    """List the templates."""
    options = parse(ListOptions, words, "maquette list", list_verb.__doc__)
    cards = maquette.list()
    if options.as_json:
        _print_json([card.to_dict() for card in cards])
        return
    width = max(len(card.name) for card in cards)
    for card in cards:
        print(f"{card.name:<{width}}  {card.summary}")


def show_verb(words: Sequence[str]) -> None:
    """Show a template's card and its options."""
    from maquette.gallery import config_class, template_path

    options = parse(ShowOptions, words, "maquette show", show_verb.__doc__)
    card = maquette.show(options.template)
    fields = config_class(options.template).model_fields
    if options.as_json:
        schema = config_class(options.template).model_json_schema()["properties"]
        _print_json({**card.to_dict(), "options": schema})
        return
    print(f"{card.text}\n\nOptions:")
    width = max(len(name) for name in fields) + 2
    for name, field in fields.items():
        option = "--" + name.replace("_", "-")
        print(f"  {option:<{width}}  {field.description} (default: {field.default})")
    print(f"\nFile: {template_path(options.template)}")


def train_verb(words: Sequence[str]) -> None:
    """Train a template: maquette train TEMPLATE [options]."""
    if not words or words[0].startswith("-"):
        _ask_for_template(words)
        return
    options = _train_options(words[0], words[1:])
    load_tensorflow()
    run = maquette.train(words[0], **options)
    split = next(name for name in ("test", "validation", "train") if name in run.metrics)
    _print_metrics(run.metrics[split]["metrics"], split)
    print(f"report: {run.path / 'report.html'}")
    print(run.path)


def _ask_for_template(words: Sequence[str]) -> None:
    from maquette.gallery import template_names

    there_are = f"there are {', '.join(template_names())}"
    if not HELP & set(words):
        raise UserError(f"missing TEMPLATE, as in maquette train TEMPLATE; {there_are}")
    print(f"usage: maquette train TEMPLATE [options]\n\n{there_are}\n\n"
          "Each has its own options: maquette train TEMPLATE --help")  # fmt: skip


def _train_options(template: str, words: Sequence[str]) -> dict[str, Any]:
    """Return all options of a training: those of the template, and those that all share."""
    from maquette.configuration import read_config
    from maquette.gallery import config_class, show

    own = config_class(template)
    combined = type("Options", (own, TrainOptions), {"__doc__": own.__doc__})
    request = read_config(next(iter(values_of("--config", words)), None), template)
    default = combined(**dict(own(**request.options)), data=request.data, seed=request.seed)
    prog = f"maquette train {template}"
    options = parse(combined, words, prog, show(template).summary, default)
    # The file's options are in already.
    return {name: value for name, value in options if name != "config"}


def evaluate_verb(words: Sequence[str]) -> None:
    """Score a run on its test data, or on other data."""
    options = parse(_evaluate_options(words), words, "maquette evaluate", evaluate_verb.__doc__)
    own = {k: v for k, v in options if k not in EvaluateOptions.model_fields}
    run = maquette.Run(options.run)
    load_tensorflow()
    result = maquette.evaluate(run, options.data, options.split, **own)
    if options.as_json:
        _print_json(result)
        return
    _print_metrics(result["metrics"], f"{result['split']} of {result['data']}")
    for title, rows in result["tables"].items():
        _print_table(rows, title)


def _evaluate_options(words: Sequence[str]) -> type[EvaluateOptions]:
    """Return the verb's options and those of the template of the run that the words name."""
    from maquette.gallery import config_class

    record = next((w for w in words if (Path(w) / "config.yaml").is_file()), None)
    if record is None:
        return EvaluateOptions
    run = maquette.Run(record)
    config = config_class(run.record["template"])
    chosen = config(**run.record["config"])
    fields = {
        name: (Annotated[field.rebuild_annotation(), field], getattr(chosen, name))
        for name, field in config.model_fields.items()
        if name in config.for_evaluation()
    }
    return create_model("Options", __base__=EvaluateOptions, **fields)


def predict_verb(words: Sequence[str]) -> None:
    """Predict from files with a trained run."""
    options = parse(PredictOptions, words, "maquette predict", predict_verb.__doc__)
    run = maquette.Run(options.run)
    load_tensorflow()
    rows = maquette.predict(run, options.files)
    if options.as_json:
        _print_json(rows)
        return
    _print_table([{k: v for k, v in row.items() if not isinstance(v, dict)} for row in rows])


def export_verb(words: Sequence[str]) -> None:
    """Export a run to SavedModel and TFLite, each file checked against the original."""
    from maquette.reporting.report import export_rows

    options = parse(ExportOptions, words, "maquette export", export_verb.__doc__)
    run = maquette.Run(options.run)
    load_tensorflow()
    failure = None
    try:
        rows = maquette.export(run, options.formats, options.max_drop)
    except GateError as error:
        rows, failure = error.rows, error
    if options.as_json:
        _print_json(rows)
    else:
        _print_table(export_rows(rows))
        print(run.path / "export")
    if failure:
        raise failure


def quickstart_verb(words: Sequence[str]) -> None:
    """Fine-tune a digit recogniser, check it, and export it for a phone, in a few minutes."""
    options = parse(QuickstartOptions, words, "maquette quickstart", quickstart_verb.__doc__)
    load_tensorflow()
    print(maquette.quickstart(options.out))


def doctor_verb(words: Sequence[str]) -> None:
    """Check the installation, and say what is wrong and the line that mends it."""
    from dataclasses import asdict

    from maquette.installation import format_checks

    options = parse(DoctorOptions, words, "maquette doctor", doctor_verb.__doc__)
    checks = maquette.doctor()
    if options.as_json:
        _print_json([asdict(check) for check in checks])
    else:
        print(format_checks(checks))
    if any(check.status == "problem" for check in checks):
        sys.exit(1)


VERBS: dict[str, Callable[[Sequence[str]], None]] = {
    "list": list_verb,
    "show": show_verb,
    "train": train_verb,
    "evaluate": evaluate_verb,
    "predict": predict_verb,
    "export": export_verb,
    "quickstart": quickstart_verb,
    "doctor": doctor_verb,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line: exit 0 done, 1 the work failed its gate, 2 the request was wrong."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    try:
        try:
            _dispatch(words)
        finally:
            _flush()
    except (UserError, GateError) as error:
        _fail(str(error), error.exit_code, debug)
    except KeyboardInterrupt:
        _fail("interrupted", 130, debug)
    except BrokenPipeError:
        pass  # The reader has seen enough.
    except Exception as error:
        reason = str(error).strip().partition("\n")[0] or "no further message"
        _fail(f"unexpected {type(error).__name__}: {reason} (--debug shows where)", 1, debug)


def _dispatch(words: Sequence[str]) -> None:
    if not words or words[0] in HELP:
        print(_usage())
    elif words[0] == "--version":
        print(f"maquette {maquette.__version__}")
    elif words[0] in VERBS:
        VERBS[words[0]](words[1:])
    else:
        raise UserError(
            f"no verb {words[0]!r}{nearest(words[0], VERBS)}; there are {', '.join(VERBS)}"
        )


def _usage() -> str:
    verbs = "\n".join(f"  {name:<11} {verb.__doc__}" for name, verb in VERBS.items())
    return (
        "usage: maquette VERB [options]\n\n"
        f"{verbs}\n\n"
        "Examples:\n"
        "  maquette quickstart\n"
        "  maquette train transfer --data photos/ --name holiday\n"
        "  maquette export saved_models/transfer/holiday\n\n"
        "maquette VERB --help tells a verb's options; --debug shows where an error arose."
    )


def _flush() -> None:
    """Write what is left to write, so that it fails here and not at the end of the program."""
    try:
        print(end="", flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise


def _fail(message: str, code: int, debug: bool) -> None:
    if debug:
        traceback.print_exc()
    print("maquette: " + " ".join(message.split()), file=sys.stderr)
    sys.exit(code)


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))


def _print_metrics(metrics: dict[str, float], where: str) -> None:
    print(f"on {where}: " + "  ".join(f"{name} {value:.4f}" for name, value in metrics.items()))


def _print_table(rows: Sequence[dict[str, Any]], title: str = "") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False)
    for name in rows[0]:
        numeric = any(isinstance(row[name], int | float) for row in rows)
        table.add_column(name, justify="right" if numeric else "left")
    for row in rows:
        table.add_row(*map(_cell, row.values()))
    # A file must get whole lines, whatever its width.
    width = None if sys.stdout.isatty() else 10_000
    # Rich ends the program in a way of its own when a pipe closes early, so it does not write.
    text = io.StringIO()
    Console(file=text, width=width, highlight=False, markup=False).print(table)
    print("\n".join(line.rstrip() for line in text.getvalue().splitlines()))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.4f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
