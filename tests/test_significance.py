"""Tests of significance: published examples, scipy's numbers, and what the verdicts say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from maquette.comparing.significance import (
    compare_means,
    holm,
    mcnemar,
    mean_interval,
    newcombe_interval,
    paired_scores,
)
from maquette.errors import UserError

# Student's data of 1908: hours of sleep gained by two drugs, of the same ten patients.
SLEEP_1 = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
SLEEP_2 = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
# Hollander and Wolfe (1973), page 29: depression scales of nine patients at two visits.
VISIT_1 = [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30]
VISIT_2 = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29]


def answers(both: int, first: int, second: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    """Return which items two classifiers have right, of the four counts of a table."""
    counts = [both, first, second, neither]
    return np.repeat([1, 1, 0, 0], counts) > 0, np.repeat([1, 0, 1, 0], counts) > 0


def test_few_discordant_pairs_are_tested_exactly():
    # Fagerland, Lydersen and Laake (2013): airway hyper-responsiveness of Bentur et al. (2009).
    contrast = mcnemar(*answers(1, 1, 7, 12))
    assert contrast.p == pytest.approx(0.0703, abs=5e-5)
    assert contrast.test == "McNemar's exact test"
    assert contrast.n == 21
    # Two-sided exact p of 6 against 16, of the same authors' data of Cavo et al. (2012).
    assert mcnemar(*answers(59, 6, 16, 80)).p == pytest.approx(0.0525, abs=5e-5)


def test_many_discordant_pairs_are_tested_by_chi_squared_with_continuity_correction():
    # Agresti (1990), page 350: approval of the same 1600 people, asked twice.
    contrast = mcnemar(*answers(794, 150, 86, 570))
    assert contrast.p == pytest.approx(stats.chi2.sf(63**2 / 236, 1))
    assert contrast.p == pytest.approx(4.115e-5, rel=1e-3)
    assert contrast.test == "McNemar's test"
    assert contrast.difference == pytest.approx(0.04)
    assert contrast.effect_size == pytest.approx(150 / 236 - 0.5)


@pytest.mark.parametrize("discordant", [24, 25])
def test_both_forms_of_mcnemars_test_agree_where_one_takes_over_from_the_other(discordant):
    wins = 18
    contrast = mcnemar(*answers(50, wins, discordant - wins, 5))
    exact = stats.binomtest(wins, discordant).pvalue
    assert contrast.p == pytest.approx(exact, rel=0.1)
    assert ("exact" in contrast.test) == (discordant == 24)


def test_interval_of_paired_shares_is_newcombes():
    # Fagerland, Lydersen and Laake (2014): -0.507 to -0.026.
    low, high = newcombe_interval(*answers(1, 1, 7, 12))
    assert (low, high) == pytest.approx((-0.507, -0.026), abs=5e-4)


def test_interval_of_paired_shares_holds_the_difference_19_times_in_20():
    random, count, covered = np.random.default_rng(0), 100, 0
    for _ in range(400):
        hard = random.random(count) < 0.3
        first = random.random(count) < np.where(hard, 0.5, 0.95)
        second = random.random(count) < np.where(hard, 0.3, 0.9)
        low, high = newcombe_interval(first, second)
        covered += low <= 0.3 * 0.2 + 0.7 * 0.05 <= high
    assert 0.93 <= covered / 400 <= 0.985


def test_classifiers_with_the_same_answers_do_not_differ():
    right = np.array([True, True, False, True])
    contrast = mcnemar(right, right)
    assert (contrast.p, contrast.difference, contrast.effect_size) == (1, 0, 0)
    assert not contrast.significant
    perfect = mcnemar(np.ones(40, bool), np.ones(40, bool))
    assert perfect.low < 0 < perfect.high


def test_welchs_test_gives_the_published_numbers():
    contrast = compare_means(SLEEP_1, SLEEP_2, paired=False)
    assert contrast.p == pytest.approx(0.07939, abs=5e-6)
    assert (contrast.low, contrast.high) == pytest.approx((-3.3654832, 0.2054832))
    assert contrast.difference == pytest.approx(-1.58)
    assert contrast.effect_size == pytest.approx(-0.832, abs=5e-4)
    assert contrast.n == 20


def test_paired_t_test_gives_the_published_numbers():
    contrast = compare_means(SLEEP_1, SLEEP_2, paired=True)
    assert contrast.p == pytest.approx(0.002833, abs=5e-7)
    assert (contrast.low, contrast.high) == pytest.approx((-2.4598858, -0.7001142))
    assert contrast.effect_size == pytest.approx(-4.0621 / 10**0.5, abs=1e-4)
    assert contrast.n == 10


def test_groups_of_different_size_give_scipys_p_value():
    a, b = [0.91, 0.93, 0.92, 0.95], [0.90, 0.89]
    expected = stats.ttest_ind(a, b, equal_var=False).pvalue
    assert compare_means(a, b, paired=False).p == expected


@pytest.mark.parametrize("paired", [True, False])
def test_values_without_spread_give_no_certainty(paired):
    contrast = compare_means([0.98, 0.98], [0.97, 0.97], paired)
    assert np.isnan(contrast.p)
    assert not contrast.significant
    assert "without any spread" in contrast.sentence("a", "b")
    assert "nan" not in contrast.sentence("a", "b")
    same = compare_means([0.98, 0.98], [0.98, 0.98], paired)
    assert same.p == 1
    assert same.sentence("a", "b").startswith("no evidence of a difference")


@pytest.mark.parametrize(
    ("a", "b", "paired", "message"),
    [
        ([1.0], [1.0, 2.0], False, "two or more values of each; received 1 and 2"),
        ([1.0, 2.0, 3.0], [1.0, 2.0], True, "as many values of each; received 3 and 2"),
    ],
)
def test_too_few_values_are_refused(a, b, paired, message):
    with pytest.raises(UserError, match=message):
        compare_means(a, b, paired)


def test_signed_rank_test_gives_the_published_numbers():
    contrast = paired_scores(np.array(VISIT_1), np.array(VISIT_2))
    # The sum of the positive ranks is 40 of 45; half of p is 0.01953.
    assert contrast.p == pytest.approx(2 * 0.01953, abs=1e-5)
    assert contrast.effect_size == pytest.approx((40 - 5) / 45)
    paired = stats.ttest_rel(VISIT_1, VISIT_2).confidence_interval()
    assert (contrast.low, contrast.high) == pytest.approx((paired.low, paired.high))


def test_items_without_a_difference_do_not_count_as_evidence():
    scores = np.linspace(0, 1, 30)
    contrast = paired_scores(scores, scores)
    assert (contrast.p, contrast.effect_size) == (1, 0)
    assert not contrast.significant


def test_ranks_that_contradict_the_mean_are_no_verdict():
    scores = np.full(40, 10.0) + np.arange(40) / 100
    worse = scores - 0.1 - np.arange(40) / 1000
    worse[0] += 50  # one item is very much better
    contrast = paired_scores(worse, scores)
    assert contrast.p < 1e-4
    assert contrast.difference > 0 > contrast.effect_size
    assert not contrast.significant
    assert contrast.sentence("a", "b").startswith("a is better than b on average, but b on more")


def test_holms_correction_gives_the_published_numbers():
    np.testing.assert_allclose(holm([0.01, 0.02, 0.03, 0.04]), [0.04, 0.06, 0.06, 0.06])
    np.testing.assert_allclose(holm([0.04, 0.01, 0.9]), [0.08, 0.03, 0.9])
    np.testing.assert_allclose(holm([0.8, 0.7]), [1, 1])


def test_what_could_not_be_tested_does_not_count_in_holms_correction():
    np.testing.assert_allclose(holm([0.04, np.nan, 0.01]), [0.04, np.nan, 0.02])


def test_interval_of_a_mean_is_students():
    expected = stats.ttest_1samp(SLEEP_1, 0).confidence_interval()
    assert mean_interval(np.array(SLEEP_1)) == pytest.approx((expected.low, expected.high))
    assert np.isnan(mean_interval(np.array([1.0]))).all()


@pytest.mark.parametrize(
    "test",
    [
        mcnemar,
        paired_scores,
        lambda a, b: compare_means(a, b, paired=True),
        lambda a, b: compare_means(a, b, paired=False),
    ],
    ids=["mcnemar", "paired_scores", "paired_t", "welch"],
)
def test_chance_alone_is_rarely_significant(test):
    random = np.random.default_rng(0)
    draws = (random.random((2, 60)) < 0.7 for _ in range(300))
    false = sum(test(a, b).significant for a, b in (draw * 1.0 for draw in draws))
    assert false / 300 <= 0.08


def test_verdict_names_the_better_one_first_with_shares_in_percent():
    contrast = mcnemar(*answers(700, 4, 30, 16))
    sentence = contrast.sentence("cnn/a", "cnn/b", "accuracy", "of 750 test images")
    assert sentence == (
        "cnn/b is better than cnn/a: accuracy 97.3 % against 93.9 % of 750 test images "
        "(difference 3.5 points, 95 % interval 2.0 to 5.2), p < 0.0001"
    )


def test_verdict_on_a_metric_that_is_better_when_lower():
    contrast = compare_means([101.2, 101.9, 100.8], [109.6, 110.4, 109.1], paired=False)
    sentence = contrast.sentence("a", "b", "negative_elbo", "of 3 runs each", lower_is_better=True)
    assert sentence.startswith("a is better than b: negative_elbo 101.3 against 109.7 of 3 runs")
    assert "difference -8.4, 95 % interval -9." in sentence
    assert contrast.sentence("a", "b").startswith("b is better than a")


def test_verdict_without_evidence_tells_how_large_a_difference_there_may_be():
    sentence = mcnemar(*answers(700, 14, 12, 24)).sentence("a", "b")
    assert sentence.startswith("no evidence of a difference between a and b: 95.2 % against 94.9 %")
    assert "95 % interval -1.2 to 1.7), p = 0.84" in sentence


def test_a_corrected_p_value_decides():
    contrast = mcnemar(*answers(700, 4, 16, 30))
    assert contrast.significant
    assert not contrast.corrected(0.06).significant
