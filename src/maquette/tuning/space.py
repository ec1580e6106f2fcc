"""What a search draws from: the hyperparameters of a template that change an option not fixed."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Mapping
from typing import Any

import keras_tuner as kt
from keras_tuner.engine.hyperparameters import Boolean, Choice, Float, Int

from maquette.errors import UserError, nearest

DRAWS = 32  # Random settings that tell which hyperparameters there are, and what each changes.


class SearchSpace:
    """The tunable part of a template's `search_space`.

    A hyperparameter that changes nothing but fixed options is left out; it would be tried in vain.

    Example:
        >>> space = SearchSpace(template.search_space, fixed={"dropout"})
        >>> [hp.name for hp in space.hyperparameters.space]
        ['layers', 'units', 'learning_rate', 'weight_decay']

    Args:
        search_space: The template's function: hyperparameters to options.
        fixed: Names of options that are not tuned.
        only: Names of those that are; empty for all.

    Raises:
        UserError: there is no such option to tune.
    """

    def __init__(
        self,
        search_space: Callable[[kt.HyperParameters], dict[str, Any]],
        fixed: Collection[str],
        only: Collection[str] = (),
    ):
        self._search_space, self._fixed, self._only = search_space, frozenset(fixed), only
        every = self._discovered()
        tuned = search_space(every.copy())
        unknown = next((name for name in only if name not in tuned), None)
        if unknown is not None:
            known = f"there are {', '.join(tuned)}{nearest(unknown, tuned)}"
            raise UserError(f"no option {unknown!r} to tune; {known}")
        self.hyperparameters = kt.HyperParameters()
        self.hyperparameters.merge([hp for hp in every.space if self._changes_an_option(hp, every)])

    def options(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the options that values of the hyperparameters stand for, without fixed ones."""
        drawn = self.hyperparameters.copy()
        drawn.values = dict(values)
        return self._tuned(drawn)

    def _tuned(self, drawn: kt.HyperParameters) -> dict[str, Any]:
        options = self._search_space(drawn)
        tuned = self._only or options
        return {n: value for n, value in options.items() if n in tuned and n not in self._fixed}

    def _discovered(self) -> kt.HyperParameters:
        """Return all hyperparameters that the template asks for, whatever the others are."""
        every = kt.HyperParameters()
        self._search_space(every)
        for seed in range(DRAWS):
            drawn = random_setting(every, random.Random(seed))
            self._search_space(drawn)
            every.merge(drawn, overwrite=False)
        return every

    def _changes_an_option(self, hp: Any, every: kt.HyperParameters) -> bool:
        for seed in range(DRAWS):
            setting = random_setting(every, random.Random(seed))
            seen = set()
            for value in hp.values if hp.name in setting.values else ():
                setting.values[hp.name] = value
                seen.add(repr(self._tuned(setting.copy())))
            if len(seen) > 1:
                return True
        return False


def random_setting(space: kt.HyperParameters, rng: random.Random) -> kt.HyperParameters:
    """Return a copy of a space with a random value for each hyperparameter that is active."""
    setting = kt.HyperParameters()
    for hp in space.space:
        setting.merge([hp])
        if setting.is_active(hp):
            setting.values[hp.name] = hp.random_sample(rng.randrange(1, 2**31))
    return setting


def position(hp: Any, value: Any) -> float:
    """Return where a value lies on the scale of its hyperparameter, 0..1.

    A value of a list or of steps lies in the middle of its share of the scale. KerasTuner's
    `value_to_prob` divides by the step without rounding, and takes 0.3 in steps of 0.1 for 0.2.
    """
    if isinstance(hp, Float | Int) and hp.step is None:
        return hp.value_to_prob(value)
    values = list(hp.values)
    if has_order(hp):
        index = min(range(len(values)), key=lambda i: abs(values[i] - value))
    else:
        index = values.index(value)
    return (index + 0.5) / len(values)


def has_order(hp: Any) -> bool:
    """Return whether values that lie near each other are alike."""
    return not isinstance(hp, Boolean) and not (isinstance(hp, Choice) and not hp.ordered)
