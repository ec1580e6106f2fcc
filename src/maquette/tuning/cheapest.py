"""The cheapest trial within the noise: what a phone should be given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from maquette.comparing.contrast import Contrast
from maquette.comparing.significance import mcnemar, paired_scores
from maquette.tuning.journal import DONE, TrialRecord

COSTS = {"size": "bytes", "latency": "latency_ms"}


@dataclass(frozen=True)
class Choice:
    """A trial to be chosen for what it costs.

    Args:
        trial: The cheapest of those that are no worse than the best beyond chance.
        best: The trial with the best mean over the validation examples.
        contrast: Of best and trial; `None` where they are the same.
        cheaper: How many cost less than the trial; all of them are worse.
    """

    trial: TrialRecord
    best: TrialRecord
    contrast: Contrast | None
    cheaper: int

    def sentence(self) -> str:
        """Return what was chosen and why, in a line."""
        cost, number = self.trial.cost, self.trial.number + 1
        chosen = f"trial {number}: int8 file of {cost.megabytes:.3g} MB, {cost.latency_ms:.3g} ms"
        if self.contrast is None:
            worse = f"those that cost less ({self.cheaper}) are worse beyond chance"
            return f"{chosen}; it is the best, and {worse if self.cheaper else 'none costs less'}"
        metric = ("int8 " if cost.int8 else "") + cost.metric.replace("_", " ")
        return f"{chosen}; " + self.contrast.sentence(
            f"trial {self.best.number + 1}",
            f"trial {number}",
            metric,
            f"of {self.contrast.n} validation {cost.examples}",
            lower_is_better=cost.lower_is_better,
        )


def cheapest(trials: Sequence[TrialRecord], by: str) -> Choice | None:
    """Return the cheapest trial whose score is not distinguishable from the best one's.

    Both are compared on the same validation examples: by McNemar's test where these are right or
    wrong, by Wilcoxon's where they have scores. A trial that costs the same and scores better wins.

    Example:
        >>> cheapest(search.trials, by="latency").trial.settings
        {'backbone': 'mobilenet'}

    Args:
        trials: Of a search; those that failed or have no scores of examples are left out.
        by: `"size"` or `"latency"`.

    Returns:
        The choice; `None` where there is no trial to choose from.
    """
    judged = [trial for trial in measured(trials) if trial.cost.scores]
    if not judged:
        return None
    best = min(judged, key=lambda trial: (-worth(trial), _price(trial, by)))
    contrasts = {t.number: _contrast(best, t) for t in judged if _same_examples(best, t)}
    within = [t for t in judged if t.number in contrasts and not contrasts[t.number].significant]
    chosen = min(within, key=lambda trial: (_price(trial, by), -worth(trial)))
    cheaper = sum(_price(trial, by) < _price(chosen, by) for trial in judged)
    return Choice(chosen, best, None if chosen is best else contrasts[chosen.number], cheaper)


def front(costs: Sequence[float], worths: Sequence[float]) -> list[int]:
    """Return which points no other one beats: costs no more, is worth no less, and differs.

    Args:
        costs: The less, the better.
        worths: The more, the better.

    Returns:
        Positions, the cheapest first.
    """
    points = list(zip(costs, worths, strict=True))
    kept = [
        index
        for index, (cost, value) in enumerate(points)
        if not any(c <= cost and v >= value and (c, v) != (cost, value) for c, v in points)
    ]
    return sorted(kept, key=lambda index: points[index])


def fronts(trials: Sequence[TrialRecord]) -> dict[str, list[TrialRecord]]:
    """Return the trials on the Pareto front of each cost, the cheapest first."""
    known = measured(trials)
    worths = [worth(trial) for trial in known]
    return {
        by: [known[index] for index in front([_price(trial, by) for trial in known], worths)]
        for by in COSTS
    }


def measured(trials: Sequence[TrialRecord]) -> list[TrialRecord]:
    """Return the trials whose cost is known."""
    return [trial for trial in trials if trial.status == DONE and trial.cost is not None]


def worth(trial: TrialRecord) -> float:
    """Return what a trial is to be chosen for, turned so that more is better."""
    value = trial.cost.worth.value
    return -value if trial.cost.lower_is_better else value


def _price(trial: TrialRecord, by: str) -> float:
    return getattr(trial.cost, COSTS[by])


def _contrast(best: TrialRecord, other: TrialRecord) -> Contrast:
    first, second = best.cost.each(), other.cost.each()
    test = mcnemar if first.dtype == bool else paired_scores
    return test(first, second)


def _same_examples(first: TrialRecord, second: TrialRecord) -> bool:
    return len(first.cost.scores) == len(second.cost.scores)
