"""Intervals against independent implementations, published tables and simulated coverage."""

from __future__ import annotations

from math import isnan

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import norm

from radiolens.evaluation.discrimination import auroc
from radiolens.evaluation.intervals import (
    Interval,
    auroc_difference_interval,
    auroc_interval,
    clustered_bootstrap_interval,
    share_interval,
)

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
    reach = norm.ppf(0.975) * np.sqrt(covariance[0, 0])
    assert found.estimate == pytest.approx(areas[0]) == pytest.approx(auroc(labels, first))
    assert (found.low, found.high) == pytest.approx((areas[0] - reach, min(areas[0] + reach, 1.0)))
    difference = auroc_difference_interval(labels, first, second)
    reach = norm.ppf(0.975) * np.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    assert difference.estimate == pytest.approx(areas[0] - areas[1])
    assert (difference.low, difference.high) == pytest.approx(
        (difference.estimate - reach, difference.estimate + reach)
    )


def test_delong_covers_the_true_auroc_as_often_as_it_says(rng: np.random.Generator) -> None:
    runs = 2000
    labels = np.repeat([True, False], [60, 90])
    found = [auroc_interval(labels, rng.normal(labels * SEPARATION)) for _ in range(runs)]
    covered = np.mean([interval.low <= TRUE_AUROC <= interval.high for interval in found])
    assert covered == pytest.approx(0.95, abs=tolerance(0.95, runs))


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


def test_perfect_separation_gives_a_point() -> None:
    found = auroc_interval([0, 0, 1, 1], [1, 2, 3, 4])
    assert (found.estimate, found.low, found.high) == (1.0, 1.0, 1.0)


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


@pytest.mark.slow
def test_the_bootstrap_covers_a_clustered_auroc_as_often_as_it_says(rng: np.random.Generator) -> None:
    runs, patients, images = 300, 80, 4
    labels = np.repeat(np.arange(patients) < patients // 2, images)
    groups = np.repeat(np.arange(patients), images)
    # Images of a patient share half of the variance; the AUROC of two images of different patients is unchanged.
    spread = np.sqrt(0.5)

    def interval() -> Interval:
        scores = (
            labels * SEPARATION
            + np.repeat(rng.normal(0, spread, patients), images)
            + rng.normal(0, spread, labels.size)
        )
        return clustered_bootstrap_interval(auroc, [labels, scores], groups, rng, 400)

    covered = np.mean([found.low <= TRUE_AUROC <= found.high for found in (interval() for _ in range(runs))])
    # The percentile interval of 80 patients is known to be a little short (Field & Welsh 2007).
    assert covered == pytest.approx(0.95, abs=tolerance(0.95, runs) + 0.015)
