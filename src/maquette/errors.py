"""The two ways a request can end badly, and their exit codes."""


class UserError(Exception):
    """The request was wrong: bad option, bad file, bad data. The command line exits with 2.

    The message is one line: what was received, and what would do.
    """

    exit_code = 2


class GateError(Exception):
    """The work was done but failed its checks. The command line exits with 1.

    Args:
        message: One line: which check failed, and by how much.
        rows: What was found all the same, e.g. the table of an export.
    """

    exit_code = 1

    def __init__(self, message: str, rows: list[dict] | None = None):
        super().__init__(message)
        self.rows = rows or []


def nearest(word: str, choices) -> str:
    """Return `"; perhaps you meant 'x'"` for the choice closest to `word`, or an empty string."""
    from difflib import get_close_matches

    match = get_close_matches(word, list(choices), n=1)
    return f"; perhaps you meant {match[0]!r}" if match else ""
