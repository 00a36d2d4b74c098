"""Intervals against independent implementations, published tables and simulated coverage."""

from __future__ import annotations

from math import isnan

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import logit
from scipy.stats import f_oneway, norm, t
from statsmodels.stats.proportion import proportion_confint

from radiolens.evaluation.discrimination import auprc, auroc
from radiolens.evaluation.intervals import (
    auroc_difference_interval,
    auroc_difference_p_value,
    auroc_interval,
    clustered_bootstrap_interval,
    clustered_intervals,
    clustered_share_interval,
    share_interval,
)
from radiolens.evaluation.weighted import weighted_auprc, weighted_auroc, weighted_metric

SEPARATION = 1.0
"""Of the means of two normal distributions of unit variance; their true AUROC is Phi(1 / sqrt 2) = 0.760."""
TRUE_AUROC = float(norm.cdf(SEPARATION / np.sqrt(2)))


def tolerance(level: float, runs: int) -> float:
    """Return three standard errors of a simulated coverage."""
    return 3 * float(np.sqrt(level * (1 - level) / runs))


def delong_by_pairs(labels: NDArray[np.bool_], *scores: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """Return AUROCs and covariance after DeLong's own definition: every positive against every negative."""
    won = [np.sign(row[labels][:, np.newaxis] - row[~labels][np.newaxis]) / 2 + 0.5 for row in scores]
    by_case, by_control = (np.stack([pairs.mean(axis=axis) for pairs in won]) for axis in (1, 0))
    m, n = won[0].shape
    return np.asarray([pairs.mean() for pairs in won]), np.cov(by_case) / m + np.cov(by_control) / n


@pytest.mark.parametrize("seed", range(5))
def test_delong_by_midranks_equals_delong_by_pairs_with_ties(seed: int) -> None:
    random = np.random.default_rng(seed)
    labels = random.random(80) < 0.3
    first, second = (np.rint(random.normal(labels * SEPARATION, 1.0) * 3) for _ in range(2))
    areas, covariance = delong_by_pairs(labels, first, second)
    found = auroc_interval(labels, first)
    reach = norm.ppf(0.975) * np.sqrt(covariance[0, 0]) / (areas[0] * (1 - areas[0]))
    assert found.estimate == pytest.approx(areas[0]) == pytest.approx(auroc(labels, first))
    assert (logit(found.low), logit(found.high)) == pytest.approx((logit(areas[0]) - reach, logit(areas[0]) + reach))
    difference = auroc_difference_interval(labels, first, second)
    reach = norm.ppf(0.975) * np.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    assert difference.estimate == pytest.approx(areas[0] - areas[1])
    assert (difference.low, difference.high) == pytest.approx(
        (difference.estimate - reach, difference.estimate + reach)
    )


def delong_coverage(separation: float, runs: int, random: np.random.Generator) -> float:
    """Return how often the interval of 60 positives and 90 negatives holds the truth."""
    truth, labels = float(norm.cdf(separation / np.sqrt(2))), np.repeat([True, False], [60, 90])
    found = [auroc_interval(labels, random.normal(labels * separation)) for _ in range(runs)]
    return float(np.mean([interval.low <= truth <= interval.high for interval in found]))


@pytest.mark.parametrize("separation", [0.0, SEPARATION, 2.5])
def test_delong_covers_an_auroc_of_one_half_to_96_percent_as_often_as_it_says(
    separation: float, rng: np.random.Generator
) -> None:
    assert delong_coverage(separation, 2000, rng) == pytest.approx(0.95, abs=tolerance(0.95, 2000))


def test_delong_holds_an_auroc_of_99_percent_in_more_than_91_of_100_samples(rng: np.random.Generator) -> None:
    # Of so few cases the variance itself is uncertain. On the scale of the AUROC it would be 80 of 100.
    assert delong_coverage(3.3, 1000, rng) > 0.91


def test_the_paired_difference_covers_zero_for_equally_good_scores(rng: np.random.Generator) -> None:
    runs = 2000
    labels = np.repeat([True, False], [60, 90])

    def covers_zero() -> bool:
        shared = rng.normal(labels * SEPARATION)
        first, second = (shared + rng.normal(size=labels.size) for _ in range(2))
        interval = auroc_difference_interval(labels, first, second)
        return interval.low <= 0.0 <= interval.high

    assert np.mean([covers_zero() for _ in range(runs)]) == pytest.approx(0.95, abs=tolerance(0.95, runs))


def test_the_difference_of_a_score_with_itself_is_exactly_nothing(rng: np.random.Generator) -> None:
    labels = np.repeat([True, False], 20)
    scores = rng.normal(labels * SEPARATION)
    found = auroc_difference_interval(labels, scores, scores)
    assert (found.estimate, found.low, found.high) == pytest.approx((0.0, 0.0, 0.0), abs=1e-7)


def test_perfect_separation_has_the_lower_end_of_a_share_that_is_all_of_the_smaller_class() -> None:
    found = auroc_interval([0] * 30 + [1] * 12, np.arange(42))
    low, _ = proportion_confint(12, 12, method="wilson")
    assert (found.estimate, found.low, found.high) == (1.0, pytest.approx(low), 1.0)
    reversed_ = auroc_interval([0] * 30 + [1] * 12, -np.arange(42))
    assert (reversed_.estimate, reversed_.low, reversed_.high) == (0.0, 0.0, pytest.approx(1 - low))


def test_scores_that_are_all_equal_are_chance_exactly() -> None:
    found = auroc_interval([0, 0, 1, 1], [3, 3, 3, 3])
    assert (found.estimate, found.low, found.high) == (0.5, 0.5, 0.5)


def test_an_interval_stays_within_0_and_1(rng: np.random.Generator) -> None:
    labels = np.repeat([True, False], [4, 30])
    found = auroc_interval(labels, rng.normal(labels * 2.0))
    assert 0.0 <= found.low <= found.estimate <= found.high <= 1.0


def test_an_auroc_of_fewer_than_two_positives_has_no_interval() -> None:
    found = auroc_interval([0, 0, 1], [0.1, 0.2, 0.3])
    assert all(isnan(value) for value in (found.estimate, found.low, found.high))


def test_a_wider_level_gives_a_wider_interval(rng: np.random.Generator) -> None:
    labels = np.repeat([True, False], 30)
    scores = rng.normal(labels * SEPARATION)
    narrow, wide = auroc_interval(labels, scores, 0.8), auroc_interval(labels, scores, 0.99)
    assert wide.low < narrow.low < narrow.high < wide.high


@pytest.mark.parametrize(
    ("successes", "total", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_interval_of_a_share_is_that_of_newcombe_1998_table_1(
    successes: int, total: int, low: float, high: float
) -> None:
    found = share_interval(successes, total)
    assert found.estimate == successes / total
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)
    assert found.method == "Wilson"


def test_a_share_of_nothing_is_not_defined() -> None:
    assert isnan(share_interval(0, 0).estimate)


def test_the_bootstrap_is_repeated_exactly_with_the_same_seed(rng: np.random.Generator) -> None:
    values, groups = rng.normal(size=50), rng.integers(20, size=50)
    runs = [
        clustered_bootstrap_interval(np.mean, [values], groups, np.random.default_rng(seed), 200) for seed in (1, 1, 2)
    ]
    assert runs[0] == runs[1] != runs[2]


def test_the_bootstrap_draws_whole_groups() -> None:
    # Ten copies of each value in one group are no more evidence than the value alone.
    values = np.arange(30.0)
    alone = clustered_bootstrap_interval(np.mean, [values], np.arange(30), np.random.default_rng(0), 300)
    copied = clustered_bootstrap_interval(
        np.mean, [np.repeat(values, 10)], np.repeat(np.arange(30), 10), np.random.default_rng(0), 300
    )
    assert (copied.low, copied.high) == pytest.approx((alone.low, alone.high))


def test_groups_may_be_named_by_text() -> None:
    values, groups = np.arange(4.0), ["a", "b", "a", "c"]
    found = clustered_bootstrap_interval(np.mean, [values], groups, np.random.default_rng(0), 50)
    assert found.low < found.estimate == 1.5 < found.high


def test_draws_without_a_result_are_left_out() -> None:
    labels = np.asarray([1, 0, 0, 0, 0])  # a third of the draws hold no positive
    found = clustered_bootstrap_interval(auroc, [labels, np.arange(5.0)], np.arange(5), np.random.default_rng(0), 100)
    assert (found.low, found.high) == (0.0, 0.0)


@pytest.mark.parametrize("groups", [[0, 0, 0], [0, 1, 2]])
def test_a_bootstrap_that_can_say_nothing_has_no_interval(groups: list[int]) -> None:
    found = clustered_bootstrap_interval(auroc, [np.ones(3), np.ones(3)], groups, np.random.default_rng(0), 10)
    assert isnan(found.low)
    assert isnan(found.high)


@pytest.mark.parametrize("seed", range(5))
def test_the_p_value_of_a_difference_is_that_of_delong_by_pairs(seed: int) -> None:
    random = np.random.default_rng(seed)
    labels = random.random(80) < 0.3
    first, second = (np.rint(random.normal(labels * SEPARATION, 1.0) * 3) for _ in range(2))
    areas, covariance = delong_by_pairs(labels, first, second)
    z = (areas[0] - areas[1]) / np.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    found = auroc_difference_p_value(labels, first, second)
    assert found == pytest.approx(2 * norm.sf(abs(z)))
    interval = auroc_difference_interval(labels, first, second, level=1 - found)
    assert min(abs(interval.low), abs(interval.high)) == pytest.approx(0.0, abs=1e-9)


def test_equal_scores_have_a_p_value_of_1_and_perfect_ones_against_reversed_of_0() -> None:
    labels, scores = np.repeat([0, 1], 10), np.arange(20.0)
    assert auroc_difference_p_value(labels, scores, scores) == 1.0
    assert auroc_difference_p_value(labels, scores, -scores) == 0.0
    assert isnan(auroc_difference_p_value([0, 0, 1], [1, 2, 3], [1, 2, 3]))


def test_a_share_with_one_image_of_each_patient_has_wilsons_interval() -> None:
    hits = np.arange(40) < 33
    assert clustered_share_interval(hits, np.arange(40)) == share_interval(33, 40)
    assert isnan(clustered_share_interval([], []).estimate)


@pytest.mark.parametrize("seed", range(5))
def test_images_of_a_patient_make_an_effective_number_by_the_analysis_of_variance_of_scipy(seed: int) -> None:
    random = np.random.default_rng(seed)
    sizes = random.integers(1, 6, 25)
    groups = np.repeat(np.arange(25), sizes)
    hits = random.random(groups.size) < random.beta(2, 1, 25)[groups]
    ratio = f_oneway(*(hits[groups == group].astype(float) for group in range(25))).statistic
    usual = (groups.size - (sizes**2).sum() / groups.size) / 24
    correlation = np.clip((ratio - 1) / (ratio - 1 + usual), 0, 1)
    effective = groups.size / (1 + ((sizes**2).sum() / groups.size - 1) * correlation)
    # Student's t in place of the normal quantile, as a level that statsmodels is asked for.
    alpha = 2 * norm.sf(t.ppf(0.975, 24))
    expected = proportion_confint(hits.mean() * effective, effective, alpha=alpha, method="wilson")
    found = clustered_share_interval(hits, groups)
    assert found.estimate == pytest.approx(hits.mean())
    assert (found.low, found.high) == pytest.approx(expected)


def test_where_all_images_are_hits_only_patients_count() -> None:
    groups = np.repeat(np.arange(20), 3)
    expected = proportion_confint(20, 20, alpha=2 * norm.sf(t.ppf(0.975, 19)), method="wilson")
    found = clustered_share_interval(np.ones(60), groups)
    assert (found.low, found.high) == pytest.approx(expected)
    assert clustered_share_interval(np.zeros(60), groups).high == pytest.approx(1 - expected[0])


def test_images_that_are_no_more_alike_within_patients_count_fully_and_copies_not_at_all() -> None:
    groups = np.repeat(np.arange(30), 2)
    unlike = clustered_share_interval(np.tile([0, 1], 30), groups)
    alike = clustered_share_interval(np.repeat([0, 1], 30), groups)
    alpha = 2 * norm.sf(t.ppf(0.975, 29))
    assert (unlike.low, unlike.high) == pytest.approx(proportion_confint(30, 60, alpha=alpha, method="wilson"))
    assert (alike.low, alike.high) == pytest.approx(proportion_confint(15, 30, alpha=alpha, method="wilson"))


def test_a_share_of_one_patient_has_no_interval() -> None:
    found = clustered_share_interval([1, 0, 1], [7, 7, 7])
    assert found.estimate == pytest.approx(2 / 3)
    assert isnan(found.low)
    assert isnan(found.high)


def test_measures_of_one_call_are_drawn_together_and_equal_those_of_the_plain_metric(rng: np.random.Generator) -> None:
    labels, scores = rng.random(60) < 0.4, rng.normal(size=60)
    groups = rng.integers(0, 25, 60)
    both = {"auroc": weighted_auroc(labels, scores), "auprc": weighted_auprc(labels, scores)}
    found = clustered_intervals(both, groups, np.random.default_rng(3), 200)
    for name, metric in (("auroc", auroc), ("auprc", auprc)):
        plain = clustered_bootstrap_interval(metric, [labels, scores], groups, np.random.default_rng(3), 200)
        assert (found[name].low, found[name].high) == pytest.approx((plain.low, plain.high))
        assert found[name].method == plain.method == "BCa bootstrap over patients, expanded, 200 resamples"


def test_a_measure_that_jumps_has_percentiles(rng: np.random.Generator) -> None:
    values = rng.exponential(size=30)
    mean = {"mean": weighted_metric(lambda drawn: float(drawn.mean()), [values])}
    smooth, jumping = (
        clustered_intervals(mean, np.arange(30), np.random.default_rng(1), 500, smooth=smooth)["mean"]
        for smooth in (True, False)
    )
    assert jumping.method == "percentile bootstrap over patients, expanded, 500 resamples"
    assert smooth.low > jumping.low  # the mean of a skewed sample is rather too low than too high
    assert smooth.high > jumping.high
