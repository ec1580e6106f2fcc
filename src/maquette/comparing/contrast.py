"""The difference of two means, how sure it is, and what that says in plain language."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

LEVEL = 0.05


@dataclass(frozen=True)
class Contrast:
    """The difference of two means as a test found it.

    Attributes:
        first: Mean of the first.
        second: Mean of the second.
        difference: First less second.
        low: Lower end of the 95 % interval of the difference.
        high: Upper end.
        p: Probability of a difference at least as large by chance alone; NaN where the values have
            no spread to tell it from.
        effect_size: Positive where the test found the first to be the greater.
        effect: Name of the effect size.
        n: Pairs of a paired test; values of both together of an unpaired one.
        test: Name of the test.
        shares: Whether the means are shares of items, to be shown in percent.
    """

    first: float
    second: float
    difference: float
    low: float
    high: float
    p: float
    effect_size: float
    effect: str
    n: int
    test: str
    shares: bool = False

    @property
    def significant(self) -> bool:
        """Whether one is better beyond chance, at the level 0.05."""
        # A test of ranks can side with the lower mean, where a few items are very much worse.
        return self.p < LEVEL and self.difference * self.effect_size > 0

    def corrected(self, p: float) -> Contrast:
        """Return the contrast with a p-value that takes the other tests into account."""
        return replace(self, p=float(p))

    def sentence(
        self,
        first: str,
        second: str,
        metric: str = "",
        of: str = "",
        *,
        lower_is_better: bool = False,
    ) -> str:
        """Return the verdict in plain language, the better one named first.

        Example:
            >>> mcnemar(right_a, right_b).sentence("cnn/a", "cnn/b", "accuracy", "of 750 images")
            'cnn/a is better than cnn/b: accuracy 98.2 % against 96.9 % of 750 images (...), ...'

        Args:
            first: Name of the first.
            second: Name of the second.
            metric: What the means are; stands before them.
            of: What they are the means of; stands behind them.
            lower_is_better: Whether the smaller mean is the better one.
        """
        contrast = self
        if self.difference and (self.difference > 0) == lower_is_better:
            contrast, first, second = self._swapped(), second, first
        means = " against ".join(
            contrast._shown(m, " %") for m in (contrast.first, contrast.second)
        )
        return (
            f"{contrast._judgement(first, second)}: {metric} {means} {of} ".replace("  ", " ")
            + f"({contrast._interval()}), {_shown_p(self.p)}"
        )

    def _swapped(self) -> Contrast:
        return replace(
            self,
            first=self.second,
            second=self.first,
            difference=-self.difference,
            low=-self.high,
            high=-self.low,
            effect_size=-self.effect_size,
        )

    def _judgement(self, better: str, worse: str) -> str:
        if self.significant:
            return f"{better} is better than {worse}"
        if math.isnan(self.p):
            return f"{better} and {worse} differ, but by values without any spread, so untested"
        if self.p < LEVEL:
            return f"{better} is better than {worse} on average, but {worse} on more of them"
        return f"no evidence of a difference between {better} and {worse}"

    def _shown(self, value: float, unit: str = "") -> str:
        if self.shares:
            return f"{100 * value:z.1f}{unit}"
        # The width of the interval tells how many digits mean something.
        width = self.high - self.low
        digits = 1 - math.floor(math.log10(width)) if width > 0 else 4
        return f"{value:z.{max(digits, 0)}f}"

    def _interval(self) -> str:
        difference = f"difference {self._shown(self.difference, ' points')}"
        if math.isnan(self.low):
            return difference
        return f"{difference}, 95 % interval {self._shown(self.low)} to {self._shown(self.high)}"


def _shown_p(p: float) -> str:
    if math.isnan(p):
        return "no p-value"
    return "p < 0.0001" if p < 1e-4 else f"p = {p:.2g}"
