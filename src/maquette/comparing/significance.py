"""Whether a difference is more than chance: paired and unpaired tests with their effect sizes.

All functions take plain arrays. The tests are those of `scipy.stats`; intervals are of 95 %.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats

from maquette.comparing.contrast import LEVEL, Contrast
from maquette.errors import UserError

FEWEST_DISCORDANT = 25
ROUNDING = 1e-12


def compare_means(a: Sequence[float], b: Sequence[float], paired: bool) -> Contrast:
    """Compare the means of two groups, e.g. of one metric over several seeds, by a t-test.

    Example:
        >>> compare_means([0.971, 0.974, 0.969], [0.962, 0.959, 0.965], paired=True).p

    Args:
        a: Values of the first group, two or more.
        b: Values of the second; as many and in the same order where they are pairs.
        paired: Whether `a[i]` and `b[i]` belong together, e.g. have the same seed. Otherwise it is
            Welch's test, which takes different variances and numbers of values.

    Returns:
        The contrast; its effect size is Cohen's d, of pairs that of their differences. Where the
        values have no spread, a t-test would be sure of any difference, however few they are: p
        and the interval are NaN then.

    Raises:
        UserError: there are fewer than two values, or pairs are not complete.
    """
    a, b = _groups(a, b, paired)
    variances = [(a - b).var(ddof=1)] if paired else [a.var(ddof=1), b.var(ddof=1)]
    spread = float(np.sqrt(np.mean(variances)))
    difference = float(a.mean() - b.mean())
    found = {"low": np.nan, "high": np.nan, "p": np.nan, "effect_size": np.nan}
    if spread > ROUNDING * np.abs([*a, *b]).max():
        result = stats.ttest_rel(a, b) if paired else stats.ttest_ind(a, b, equal_var=False)
        low, high = map(float, result.confidence_interval(1 - LEVEL))
        p, effect_size = float(result.pvalue), difference / spread
        found = {"low": low, "high": high, "p": p, "effect_size": effect_size}
    elif np.isclose(a.mean(), b.mean(), rtol=ROUNDING):
        found |= {"p": 1.0, "effect_size": 0.0}
    return Contrast(
        first=float(a.mean()),
        second=float(b.mean()),
        difference=difference,
        **found,
        effect="Cohen's d of the differences" if paired else "Cohen's d",
        n=len(a) if paired else len(a) + len(b),
        test="paired t-test" if paired else "Welch's t-test",
    )


def _groups(a: Sequence[float], b: Sequence[float], paired: bool) -> tuple[np.ndarray, np.ndarray]:
    received = f"received {len(a)} and {len(b)}"
    if min(len(a), len(b)) < 2:
        raise UserError(f"a t-test takes two or more values of each; {received}")
    if paired and len(a) != len(b):
        raise UserError(f"a paired test takes as many values of each; {received}")
    return np.asarray(a, np.float64), np.asarray(b, np.float64)


def mcnemar(first: np.ndarray, second: np.ndarray) -> Contrast:
    """Compare how many of the same items two classifiers have right, by McNemar's test (1947).

    Only items that one has right and the other wrong tell of a difference. Fewer than 25 of them
    are tested exactly, by the binomial distribution, more by chi-squared with Edwards' continuity
    correction.

    Args:
        first: Whether the first has each item right, boolean, `(items,)`.
        second: The same of the second, in the same order.

    Returns:
        The contrast of their shares, with Newcombe's interval (1998, method 10 of paired data);
        its effect size is Cohen's g, the share that one wins of the items they differ on, less
        one half.
    """
    first, second = np.asarray(first, bool), np.asarray(second, bool)
    wins, losses = int(np.sum(first & ~second)), int(np.sum(~first & second))
    differing = wins + losses
    if differing < FEWEST_DISCORDANT:
        p = stats.binomtest(wins, differing, 0.5).pvalue if differing else 1.0
    else:
        p = stats.chi2.sf((abs(wins - losses) - 1) ** 2 / differing, df=1)
    low, high = newcombe_interval(first, second)
    return Contrast(
        first=float(first.mean()),
        second=float(second.mean()),
        difference=(wins - losses) / len(first),
        low=low,
        high=high,
        p=float(p),
        effect_size=wins / differing - 0.5 if differing else 0.0,
        effect="Cohen's g",
        n=len(first),
        test="McNemar's exact test" if differing < FEWEST_DISCORDANT else "McNemar's test",
        shares=True,
    )


def newcombe_interval(first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """Return the 95 % interval of a difference of paired proportions.

    Newcombe (1998), Improved confidence intervals for the difference between binomial proportions
    based on paired data, method 10: Wilson's intervals of both, joined by their correlation.

    Args:
        first: Boolean, `(items,)`.
        second: Boolean, in the same order.
    """
    both, neither = int(np.sum(first & second)), int(np.sum(~first & ~second))
    wins, losses = int(np.sum(first & ~second)), int(np.sum(~first & second))
    shares = first.mean(), second.mean()
    (low_1, high_1), (low_2, high_2) = (wilson_interval(part) for part in (first, second))
    phi = _correlation(both, wins, losses, neither)
    difference = shares[0] - shares[1]
    below = _joined(shares[0] - low_1, high_2 - shares[1], phi)
    above = _joined(high_1 - shares[0], shares[1] - low_2, phi)
    return float(difference - below), float(difference + above)


def wilson_interval(right: np.ndarray) -> tuple[float, float]:
    """Return the 95 % interval of a proportion (Wilson 1927).

    Args:
        right: Boolean, `(items,)`.
    """
    interval = stats.binomtest(int(right.sum()), len(right)).proportion_ci(method="wilson")
    return interval.low, interval.high


def _correlation(both: int, wins: int, losses: int, neither: int) -> float:
    margins = (both + wins) * (losses + neither) * (both + losses) * (wins + neither)
    if margins == 0:
        return 0.0
    product, half = both * neither - wins * losses, (both + wins + losses + neither) / 2
    # Newcombe's continuity correction of positive correlations.
    return (max(product - half, 0) if product > 0 else product) / float(margins) ** 0.5


def _joined(first: float, second: float, phi: float) -> float:
    return float(np.sqrt(max(first**2 - 2 * phi * first * second + second**2, 0)))


def paired_scores(first: np.ndarray, second: np.ndarray) -> Contrast:
    """Compare the scores of the same items by Wilcoxon's signed-rank test (1945).

    Args:
        first: Score of each item under the first model, `(items,)`.
        second: The same under the second, in the same order.

    Returns:
        The contrast of their means, with the interval that Student's t gives of the mean
        difference; its effect size is the rank-biserial correlation (Kerby 2014): the share of
        ranks in favour of the first, less that in favour of the second.
    """
    first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    differences = first - second
    changed = differences[differences != 0]
    ranks = stats.rankdata(np.abs(changed))
    low, high = mean_interval(differences)
    return Contrast(
        first=float(first.mean()),
        second=float(second.mean()),
        difference=float(differences.mean()),
        low=low,
        high=high,
        p=float(stats.wilcoxon(changed).pvalue) if len(changed) else 1.0,
        effect_size=float(np.sum(np.sign(changed) * ranks) / max(ranks.sum(), 1)),
        effect="rank-biserial correlation",
        n=len(first),
        test="Wilcoxon's signed-rank test",
    )


def holm(p_values: Sequence[float]) -> np.ndarray:
    """Return p-values corrected for their number by Holm's step-down method (1979).

    Args:
        p_values: One of each test, `(tests,)`. NaN, of what could not be tested, stays NaN.
    """
    p_values = np.asarray(p_values, np.float64)
    order = np.argsort(p_values, kind="stable")[: np.sum(~np.isnan(p_values))]
    steps = (len(order) - np.arange(len(order))) * p_values[order]
    corrected = np.full(len(p_values), np.nan)
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return corrected


def mean_interval(values: np.ndarray) -> tuple[float, float]:
    """Return the 95 % interval of the mean by Student's t; NaN for fewer than two values.

    Args:
        values: Independent of each other, shape `(n,)`.
    """
    count = len(values)
    if count < 2:
        return float("nan"), float("nan")
    margin = stats.t.ppf(1 - LEVEL / 2, count - 1) * stats.sem(values)
    return float(np.mean(values) - margin), float(np.mean(values) + margin)
