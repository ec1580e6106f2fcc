"""Asking on the terminal what a project's owner alone knows."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from rich.prompt import Prompt

from maquette.errors import UserError
from maquette.progress import console, say

QUESTIONS = {
    "name": "Name of the project",
    "data": "Data: an embedded set, or the path of your own",
    "license": "License",
    "python": "Lowest version of Python",
}


def is_possible() -> bool:
    """Return whether somebody is there to be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask(
    missing: dict[str, Any],
    choices: dict[str, tuple[str, ...]],
    check: dict[str, Callable[[str], object]],
) -> dict[str, str]:
    """Return answers to the questions of some names.

    Args:
        missing: What stands for no answer, by name.
        choices: The only answers there are, by name.
        check: What raises a `UserError` where an answer will not do; it is asked for again.

    Raises:
        UserError: the input ended.
        KeyboardInterrupt: the user gave up.
    """
    answers = {}
    try:
        for name, default in missing.items():
            answers[name] = _ask(name, default, choices.get(name), check.get(name))
    except EOFError:
        raise UserError("the input ended before all was answered; nothing was written") from None
    return answers


def _ask(
    name: str, default: Any, choices: tuple[str, ...] | None, check: Callable[[str], object] | None
) -> str:
    while True:
        words = {"choices": list(choices)} if choices else {}
        answer = Prompt.ask(QUESTIONS[name], console=console, default=default, **words).strip()
        try:
            if check:
                check(answer)
            return answer
        except UserError as error:
            say(str(error))
