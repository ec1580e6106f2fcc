"""The command line: `maquette VERB ...`, each verb a thin layer over a function of the library."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Sequence

import maquette
from maquette.errors import GateError, UserError, nearest
from maquette.parsing import HELP
from maquette.verbs.browsing import doctor_verb, list_verb, quickstart_verb, show_verb
from maquette.verbs.checking import check_verb
from maquette.verbs.judging import compare_verb, evaluate_verb, predict_verb
from maquette.verbs.scaffolding import new_verb
from maquette.verbs.shipping import benchmark_verb, export_verb, verify_verb
from maquette.verbs.training import launch_verb, train_verb, tune_verb
from maquette.verbs.updating import diff_verb, update_verb

VERBS: dict[str, Callable[[Sequence[str]], None]] = {
    "list": list_verb,
    "show": show_verb,
    "check": check_verb,
    "train": train_verb,
    "launch": launch_verb,
    "tune": tune_verb,
    "evaluate": evaluate_verb,
    "predict": predict_verb,
    "compare": compare_verb,
    "export": export_verb,
    "verify": verify_verb,
    "benchmark": benchmark_verb,
    "new": new_verb,
    "diff": diff_verb,
    "update": update_verb,
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
