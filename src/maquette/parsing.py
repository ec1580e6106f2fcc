"""From command-line words to checked options, with mistakes reported in one line."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Sequence
from typing import TypeVar

import tyro

from maquette.contract import Options
from maquette.errors import UserError

Parsed = TypeVar("Parsed", bound=Options)
HELP = {"-h", "--help"}


def parse(
    options: type[Parsed],
    words: Sequence[str],
    prog: str,
    description: str,
    default: Parsed | None = None,
) -> Parsed:
    """Parse command-line words into options.

    Args:
        options: The class to parse into; its fields are the options.
        words: What stood on the command line.
        prog: Name of the command in the help text.
        description: What the command does.
        default: Values of the options that are not given.

    Raises:
        UserError: an option is unknown, or its value is not what it takes.
        SystemExit: help was asked for and printed.
    """
    arguments = {"prog": prog, "description": description, "args": list(words)}
    if default is not None:
        arguments["default"] = default
    if HELP & set(words):
        return tyro.cli(options, **arguments)
    printed = io.StringIO()
    try:
        with contextlib.redirect_stderr(printed), contextlib.redirect_stdout(printed):
            return tyro.cli(options, **arguments)
    except SystemExit:
        raise UserError(f"{one_line(printed.getvalue())}; see {prog} --help") from None


def one_line(box: str) -> str:
    """Return the message of tyro's box of several lines as one line."""
    text = " ".join(re.sub(r"[─│╭╮╰╯|+]+|-{4,}", " ", box).split())
    text = re.sub(r"^(Unrecognized options|Parsing error|Value error|Invalid choice) ", "", text)
    text = re.sub(r"^Missing argument ", "", text)
    text = re.sub(r"^Required options Missing from [^:]*:", "missing", text)
    text, _, _ = text.partition(" For full helptext")
    text, _, suggestions = text.partition(" Perhaps you meant: ")
    text, _, _ = text.partition(" Argument helptext")
    named = re.findall(r"--[a-z][\w-]*", suggestions)
    hint = f"; perhaps you meant {' or '.join(dict.fromkeys(named))}" if named else ""
    return text.replace("(required)", "").strip().rstrip(".") + hint
