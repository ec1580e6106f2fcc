"""From command-line words to checked options, with mistakes reported in one line."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Collection, Sequence
from itertools import takewhile
from typing import TypeVar

import tyro

from maquette.contract import RENAMED_OPTIONS, Options
from maquette.errors import UserError, nearest

Parsed = TypeVar("Parsed", bound=Options)
HELP = {"-h", "--help"}
KINDS = {"INT": "a whole number", "FLOAT": "a number"}
KINDS_OF_MANY = {"INT": "whole numbers", "FLOAT": "numbers"}


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
        raise UserError(f"{explain(printed.getvalue(), words)}; see {prog} --help") from None


def values_of(option: str, words: Sequence[str]) -> list[str]:
    """Return the values that stand after an option, where it was given last."""
    values: list[str] = []
    for index, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name.replace("_", "-") == option:
            following = takewhile(lambda w: not w.startswith("--"), words[index + 1 :])
            values = [value] if equals else list(following)
    return values


def given(options: Collection[str], words: Sequence[str]) -> set[str]:
    """Return those of the options that were given, whatever their value.

    Args:
        options: Names of options.
        words: What stood on the command line.
    """
    names = {word.partition("=")[0].replace("_", "-") for word in words if word.startswith("--")}
    return {
        option
        for option in options
        if {f"--{option}".replace("_", "-"), f"--no-{option}".replace("_", "-")} & names
    }


def explain(box: str, words: Sequence[str]) -> str:
    """Return what tyro says in a box of several lines as one line: what was received, what fits.

    Args:
        box: What tyro printed.
        words: What stood on the command line.
    """
    text = " ".join(re.sub(r"[─│╭╮╰╯]+|-{4,}", " ", box).split())
    for pattern, explanation in EXPLANATIONS.items():
        if found := re.search(pattern, text):
            return explanation(found, words)
    return text.partition(" For full helptext")[0]


def _unknown(found: re.Match, words: Sequence[str]) -> str:
    word = found[1]
    if not word.startswith("-"):
        return f"unexpected {word!r}"
    if new_name := RENAMED_OPTIONS.get(word.partition("=")[0].strip("-").replace("-", "_")):
        return f"{word} is called {new_name} now"
    _, _, suggestions = found.string.partition(" Perhaps you meant: ")
    return f"unknown option {word}" + nearest(word, re.findall(r"--[a-z][\w-]*", suggestions))


def _wrong_value(found: re.Match, words: Sequence[str]) -> str:
    option, many, kind = found.groups()
    expected = (KINDS_OF_MANY if many else KINDS)[kind]
    return f"{option} takes {expected}; received {' '.join(map(repr, values_of(option, words)))}"


def _no_value(found: re.Match, words: Sequence[str]) -> str:
    option = found[1]
    return f"{option} needs a value" if option.startswith("-") else f"missing {option.upper()}"


def _wrong_choice(found: re.Match, words: Sequence[str]) -> str:
    received, option = found[1], found[2]
    choices = sorted(set(re.findall(r"'([^']*)'", found[3])) - {"None"})
    hint = nearest(received, choices)
    return f"{option} takes one of {', '.join(choices)}; received {received!r}{hint}"


def _missing(found: re.Match, words: Sequence[str]) -> str:
    return f"missing {found[1]}, {found[2][:1].lower()}{found[2][1:]}"


EXPLANATIONS = {
    r"Unrecognized options: (\S+?)(?:,? |$)": _unknown,
    r"Error parsing (--\S+):.* Argument helptext: \S+ (\[?)(?:\{None\}\|)?(INT|FLOAT)": (
        _wrong_value
    ),
    r"Missing value for argument '(\S+)'": _no_value,
    r"invalid choice '(.*)' for argument '(\S+)'\. Expected one of \((.*?)\)": _wrong_choice,
    r"Missing from [^:]*: (\S+) (.*?)\.? \(required\)": _missing,
}
