"""What runs are worth: `evaluate`, `predict`, `compare`."""

from __future__ import annotations

from collections.abc import Sequence

import maquette
from maquette.parsing import parse
from maquette.printing import print_json, print_metrics, print_table
from maquette.quiet import load_tensorflow
from maquette.template_options import evaluate_options
from maquette.verb_options import ColumnOptions, CompareOptions, EvaluateOptions, PredictOptions


def evaluate_verb(words: Sequence[str]) -> None:
    """Score a run on its test data, or on other data."""
    options = parse(evaluate_options(words), words, "maquette evaluate", evaluate_verb.__doc__)
    own = {k: v for k, v in options if k not in EvaluateOptions.model_fields}
    own |= {name: getattr(options, name) for name in ColumnOptions.model_fields}
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
