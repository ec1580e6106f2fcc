"""The command line: `maquette VERB ...`, each verb a thin layer over a function of the library."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from shlex import quote
from typing import Any

import maquette
from maquette.callback_gallery import list_callbacks
from maquette.distribution.launching import launch, set_environment, split_words
from maquette.errors import GateError, UserError, nearest
from maquette.parsing import HELP, given, parse
from maquette.printing import print_json, print_metrics, print_table
from maquette.quiet import load_tensorflow
from maquette.template_options import (
    ask_for_template,
    evaluate_options,
    train_options,
    tune_options,
)
from maquette.verb_options import (
    BenchmarkOptions,
    CompareOptions,
    DoctorOptions,
    EvaluateOptions,
    ExportOptions,
    LaunchOptions,
    ListOptions,
    PredictOptions,
    QuickstartOptions,
    ResumeOptions,
    ResumeTuneOptions,
    ShowOptions,
    TimeOptions,
    VerifyOptions,
)


def list_verb(words: Sequence[str]) -> None:
    """List the templates."""
    options = parse(ListOptions, words, "maquette list", list_verb.__doc__)
    cards = list_callbacks() if options.callbacks else maquette.list()
    if options.as_json:
        print_json([card.to_dict() for card in cards])
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
        print_json({**card.to_dict(), "options": schema})
        return
    print(f"{card.text}\n\nOptions:")
    width = max(len(name) for name in fields) + 2
    for name, field in fields.items():
        option = "--" + name.replace("_", "-")
        print(f"  {option:<{width}}  {field.description} (default: {field.default})")
    print(f"\nFile: {template_path(options.template)}")


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


def evaluate_verb(words: Sequence[str]) -> None:
    """Score a run on its test data, or on other data."""
    options = parse(evaluate_options(words), words, "maquette evaluate", evaluate_verb.__doc__)
    own = {k: v for k, v in options if k not in EvaluateOptions.model_fields}
    run = maquette.Run(options.run)
    load_tensorflow()
    result = maquette.evaluate(run, options.data, options.split, **own)
    if options.as_json:
        print_json(result)
        return
    print_metrics(result["metrics"], f"{result['split']} of {result['data']}")
    for title, rows in result["tables"].items():
        print_table(rows, title)


def predict_verb(words: Sequence[str]) -> None:
    """Predict from files with a trained run."""
    options = parse(PredictOptions, words, "maquette predict", predict_verb.__doc__)
    run = maquette.Run(options.run)
    load_tensorflow()
    rows = maquette.predict(run, options.files)
    if options.as_json:
        print_json(rows)
        return
    print_table([{k: v for k, v in row.items() if not isinstance(v, dict)} for row in rows])


def compare_verb(words: Sequence[str]) -> None:
    """Compare runs: options, results, and whether a difference is more than chance."""
    from maquette.comparing.compare import distinct_runs

    options = parse(CompareOptions, words, "maquette compare", compare_verb.__doc__)
    runs = distinct_runs(options.runs)
    load_tensorflow()
    chosen = {k: v for k, v in options if k not in ("runs", "as_json")}
    result = maquette.compare([*runs.values()], **chosen)
    if options.as_json:
        print_json(result)
        return
    from maquette.reporting.comparison_text import shown_tables

    for title, rows in shown_tables(result).items():
        print_table(rows, title)
    print("\n".join([*result["verdicts"], *filter(None, [result["without_test"]])]))


def export_verb(words: Sequence[str]) -> None:
    """Export a run to SavedModel and TFLite, each file checked against the original."""
    from maquette.reporting.report import candidates, export_rows

    options = parse(ExportOptions, words, "maquette export", export_verb.__doc__)
    run = maquette.Run(options.run)
    load_tensorflow()
    failure = None
    try:
        rows = maquette.export(run, **{k: v for k, v in options if k not in ("run", "as_json")})
    except GateError as error:
        rows, failure = error.rows, error
    if options.as_json:
        print_json(rows)
    else:
        if options.quantize:
            print_table(export_rows(candidates(run)), "Candidates")
        print_table(export_rows(rows))
        print(run.path / "export")
        web = run.path / "export" / "web"
        if options.demo and web.is_dir():
            print(f"to see the page: python -m http.server -d {quote(str(web))}")
    if failure:
        raise failure


def benchmark_verb(words: Sequence[str]) -> None:
    """Score and time every exported file of a run on its test data."""
    options = parse(BenchmarkOptions, words, "maquette benchmark", benchmark_verb.__doc__)
    run = maquette.Run(options.run)
    load_tensorflow()
    failure = None
    try:
        result = maquette.benchmark(run)
    except GateError as error:
        result, failure = error.rows, error
    if options.as_json:
        print_json(result)
    else:
        from maquette.reporting.benchmark_plots import benchmark_rows, summary

        print(summary(result))
        print_table(benchmark_rows(result))
        print(run.path / "export" / "benchmark.png")
    if failure:
        raise failure


def verify_verb(words: Sequence[str]) -> None:
    """Check that exported files still answer what Keras answered, on any machine."""
    options = parse(VerifyOptions, words, "maquette verify", verify_verb.__doc__)
    failure = None
    try:
        rows = maquette.verify(options.path)
    except GateError as error:
        rows, failure = error.rows, error
    if options.as_json:
        print_json(rows)
    else:
        print_table([{**row, "failure": row["failure"] or "none"} for row in rows])
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
        print_json([asdict(check) for check in checks])
    else:
        print(format_checks(checks))
    if any(check.status == "problem" for check in checks):
        sys.exit(1)


VERBS: dict[str, Callable[[Sequence[str]], None]] = {
    "list": list_verb,
    "show": show_verb,
    "train": train_verb,
    "launch": launch_verb,
    "tune": tune_verb,
    "evaluate": evaluate_verb,
    "predict": predict_verb,
    "compare": compare_verb,
    "export": export_verb,
    "verify": verify_verb,
    "benchmark": benchmark_verb,
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


if __name__ == "__main__":
    main()
