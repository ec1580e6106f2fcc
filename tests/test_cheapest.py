"""The front of costs, the cheapest trial within the noise, and their picture, by numbers."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.tuning.cheapest import cheapest, front, fronts
from maquette.tuning.cost import Cost, Estimate
from maquette.tuning.journal import TrialRecord
from maquette.tuning.pareto import pareto


def trial(number: int, right: str | list[float], megabytes: float, ms: float, **given):
    """A trial by the scores of its examples; with digits, these are right (1) or wrong (0)."""
    cost = Cost(int(1e6 * megabytes), ms, "accuracy", False, Estimate(0), None, "images", right)
    scores = cost.each()
    of_file = Estimate.of(scores) if isinstance(right, str) else None
    cost = Cost(**{**cost.__dict__, "keras": Estimate.of(scores), "int8": of_file, **given})
    return TrialRecord(number, {"width": number}, "done", 0.9, 1, cost=cost)


ALL, MANY = "1" * 200, "1" * 197 + "0" * 3
HALF = "1" * 100 + "0" * 100
FAILED = TrialRecord(7, {"width": 7}, "failed", error="the int8 file does not do")
UNMEASURED = TrialRecord(8, {"width": 8}, "done", 0.99, 1)


def test_the_cheapest_is_the_smallest_or_fastest_that_is_no_worse_beyond_chance():
    trials = [trial(0, ALL, 9, 3), trial(1, MANY, 5, 8), trial(2, MANY, 7, 2), trial(3, HALF, 1, 1)]
    by_size, by_latency = cheapest(trials, "size"), cheapest(trials, "latency")
    assert (by_size.trial.number, by_size.best.number) == (1, 0)
    assert by_latency.trial.number == 2
    assert (by_size.contrast.test, by_size.contrast.n) == ("McNemar's exact test", 200)
    assert "no evidence of a difference between trial 1 and trial 2" in by_size.sentence()
    assert "int8 accuracy 100.0 % against 98.5 % of 200 validation images" in by_size.sentence()


def test_the_best_is_chosen_where_all_that_costs_less_is_worse_beyond_chance():
    choice = cheapest([trial(0, HALF, 1, 1), trial(1, ALL, 9, 9), trial(2, ALL, 9.5, 9)], "size")
    assert (choice.trial.number, choice.best.number, choice.contrast) == (1, 1, None)
    assert (
        "it is the best, and those that cost less (1) are worse beyond chance" in choice.sentence()
    )


def test_of_trials_that_cost_the_same_the_better_one_is_chosen():
    trials = [trial(0, MANY, 5, 5), trial(1, ALL, 5, 5), trial(2, ALL, 9, 5)]
    assert cheapest(trials, "size").trial.number == 1
    assert cheapest([trial(4, ALL, 5, 5), trial(5, ALL, 5, 5)], "size").trial.number == 4


def test_one_trial_is_its_own_choice():
    choice = cheapest([trial(0, HALF, 5, 5)], "latency")
    assert choice.trial.number == 0
    assert choice.sentence() == (
        "trial 1: int8 file of 5 MB, 5 ms; it is the best, and none costs less"
    )


def test_trials_that_failed_or_were_not_measured_are_never_chosen():
    assert cheapest([FAILED, UNMEASURED], "size") is None
    assert cheapest([], "size") is None
    assert cheapest([FAILED, UNMEASURED, trial(0, HALF, 5, 5)], "size").trial.number == 0
    assert fronts([FAILED, UNMEASURED]) == {"size": [], "latency": []}


def test_trials_judged_on_other_examples_are_not_taken_for_equals():
    assert cheapest([trial(0, ALL, 5, 5), trial(1, "1" * 199 + "", 1, 1)], "size").best.number == 1
    assert cheapest([trial(0, ALL, 5, 5), trial(1, "1" * 98 + "0", 1, 1)], "size").trial.number == 0


def test_scores_of_which_less_is_better_are_compared_by_their_ranks():
    rng = np.random.default_rng(0)
    nats = rng.normal(100, 5, 60)
    near, far = nats + rng.normal(0.01, 0.5, 60), nats + rng.normal(4, 0.5, 60)
    given = {"metric": "negative_elbo", "lower_is_better": True}
    trials = [
        trial(number, list(scores), megabytes, 1, **given)
        for number, (scores, megabytes) in enumerate([(nats, 9), (near, 5), (far, 1)])
    ]
    choice = cheapest(trials, "size")
    assert (choice.best.number, choice.trial.number) == (0, 1)
    assert choice.contrast.test == "Wilcoxon's signed-rank test"
    assert [t.number for t in fronts(trials)["size"]] == [2, 1, 0]


@pytest.mark.parametrize(
    ("costs", "worths", "expected"),
    [
        ([3, 1, 2], [0.9, 0.5, 0.8], [1, 2, 0]),
        ([3, 1, 2], [0.9, 0.5, 0.4], [1, 0]),
        ([1, 1, 2], [0.5, 0.6, 0.6], [1]),
        ([1, 1], [0.5, 0.5], [0, 1]),
        ([5], [0.1], [0]),
        ([], [], []),
    ],
)
def test_the_front_holds_what_no_other_point_beats(costs, worths, expected):
    assert front(costs, worths) == expected


def test_shares_have_wilson_intervals():
    share = Estimate.of(np.arange(263) < 81)  # Newcombe (1998), table I.
    assert (round(share.low, 4), round(share.high, 4)) == (0.2553, 0.3662)
    assert Estimate.of(np.array([1.5])) == Estimate(1.5, None, None)


def test_the_picture_shows_intervals_names_the_trials_and_marks_the_chosen_one():
    trials = [trial(0, ALL, 9, 3), trial(1, MANY, 5, 8), trial(2, HALF, 7, 9), FAILED]
    figure = pareto(trials, trials[1], "size")
    for panel, cost in zip(figure.axes, ([9, 5, 7], [3, 8, 9]), strict=True):
        assert [text.get_text() for text in panel.texts] == ["0", "1", "2"]
        points = [bars.lines[0] for bars in panel.containers]
        assert [float(point.get_xdata()[0]) for point in points] == cost
        sizes = [point.get_markersize() for point in points]
        assert sizes.index(max(sizes)) == 1
        ends = panel.containers[2].lines[2][0].get_segments()[0][:, 1]
        assert ends == pytest.approx([0.431, 0.569], abs=1e-3)
    more = [trial(number, HALF, 9, 9) for number in range(3, 12)]
    of_many = pareto([*trials[:3], *more], trials[1], "size")
    assert [text.get_text() for text in of_many.axes[0].texts] == ["0", "1"]
