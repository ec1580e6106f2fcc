"""Hyperband's brackets, chosen so that a search of so many trials comes to their end."""

from __future__ import annotations

import math

from maquette.errors import UserError

LEAST_FACTOR, FEWEST_EPOCHS = 3, 3


def fitting_factor(epochs: int, trials: int) -> int:
    """Return the share of settings that a round keeps, as 1 in so many.

    The usual 3 makes a first bracket of 52 trials of at most 30 epochs: a search of 20 trials would
    end before any setting was trained for more than 2. A larger one makes smaller brackets.

    Args:
        epochs: Of the longest trials.
        trials: Of the search.

    Raises:
        UserError: there are too few epochs to divide, or too few trials for any bracket.
    """
    if epochs < FEWEST_EPOCHS:
        raise UserError(
            f"hyperband divides epochs among trials: --epochs {epochs} are too few; "
            f"{FEWEST_EPOCHS} would do"
        )
    sizes = {factor: first_bracket(epochs, factor) for factor in range(LEAST_FACTOR, epochs + 1)}
    fitting = [factor for factor, size in sizes.items() if size <= trials]
    if not fitting:
        raise UserError(
            f"hyperband with {epochs} epochs takes {min(sizes.values())} trials or more; "
            f"received {trials}"
        )
    return fitting[0]


def first_bracket(epochs: int, factor: int) -> int:
    """Return the number of trials in KerasTuner's first bracket, that of most rounds."""
    rounds, left = 0, epochs
    while left >= factor:
        rounds, left = rounds + 1, left / factor
    last = math.ceil(1 + math.log(epochs, factor)) / (rounds + 1)
    return sum(math.ceil(last * factor**number) for number in range(rounds + 1))
