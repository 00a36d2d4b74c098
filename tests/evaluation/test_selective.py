"""Risk against coverage against sorting by hand, all orders of a tie, and the closed form of the best order."""

from __future__ import annotations

from itertools import pairwise, permutations
from math import isnan, log

import numpy as np
import pytest
from hypothesis import given
from numpy.typing import NDArray
from scipy.special import logit

from radiolens.evaluation.selective import (
    area_under_risk_coverage,
    decision_confidence,
    risk_at_coverage,
    risk_coverage_curve,
)
from tests.evaluation.labelled import Data, labelled_scores


def risks_by_hand(wrong: NDArray[np.bool_], confidence: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the risk of the 1 to n surest cases, over all orders that the confidences allow."""
    orders = [
        order
        for order in permutations(range(len(wrong)))
        if all(confidence[a] >= confidence[b] for a, b in pairwise(order))
    ]
    each = [np.cumsum(wrong[list(order)]) / np.arange(1, len(wrong) + 1) for order in orders]
    return np.asarray(np.mean(each, axis=0))


@pytest.mark.parametrize("seed", range(10))
def test_cases_of_one_confidence_count_with_the_mean_over_all_their_orders(seed: int) -> None:
    random = np.random.default_rng(seed)
    wrong, confidence = random.random(6) < 0.4, random.integers(0, 3, 6).astype(float)
    expected = risks_by_hand(wrong, confidence)
    assert area_under_risk_coverage(wrong, confidence) == pytest.approx(expected.mean())
    found = [point.risk for point in risk_coverage_curve(wrong, confidence, [kept / 6 for kept in range(1, 7)])]
    assert found == pytest.approx(expected)


@given(labelled_scores())
def test_at_full_coverage_the_risk_is_the_error_rate(data: Data) -> None:
    assert risk_at_coverage(*data, 1.0) == pytest.approx(data[0].mean())


def test_the_best_order_has_the_area_of_geifmans_closed_form() -> None:
    # Geifman et al. 2019, eq. 4, for many cases: r + (1 - r) ln(1 - r).
    count, rate = 100_000, 0.2
    wrong = np.arange(count) < rate * count
    assert area_under_risk_coverage(wrong, ~wrong) == pytest.approx(rate + (1 - rate) * log(1 - rate), abs=1e-4)


def test_a_confidence_that_tells_nothing_has_the_error_rate_at_every_coverage() -> None:
    wrong = np.asarray([1, 0, 0, 1, 0])
    points = risk_coverage_curve(wrong, np.ones(5))
    assert [point.risk for point in points] == pytest.approx([0.4] * 20)
    assert [point.coverage for point in points] == pytest.approx(np.arange(1, 21) / 20)


def test_19_of_20_are_kept_at_95_percent() -> None:
    wrong = np.zeros(20)
    wrong[0] = 1
    assert risk_at_coverage(wrong, np.arange(20), 0.95) == 0.0
    assert risk_at_coverage(wrong, np.arange(20), 0.951) == pytest.approx(1 / 20)


def test_confidence_is_the_distance_from_the_threshold_in_log_odds() -> None:
    probabilities = np.asarray([0.1, 0.3, 0.9])
    assert decision_confidence(probabilities, 0.3) == pytest.approx(abs(logit(probabilities) - logit(0.3)))
    own = np.asarray([0.2, 0.3, 0.4])
    assert decision_confidence(probabilities, own) == pytest.approx(abs(logit(probabilities) - logit(own)))
    assert np.isfinite(decision_confidence([0.0, 1.0], 0.5)).all()


def test_what_is_no_probability_has_no_confidence() -> None:
    with pytest.raises(ValueError, match=r"probabilities must be 0 to 1, found -0\.5 to 0\.5"):
        decision_confidence([0.5, -0.5], 0.5)
    with pytest.raises(ValueError, match="probabilities must be 0 to 1, found 2 to 2"):
        decision_confidence([0.5], 2)


def test_of_nothing_there_is_no_risk() -> None:
    assert isnan(area_under_risk_coverage([], []))
    assert isnan(risk_at_coverage([], [], 0.5))
    assert risk_coverage_curve([], []) == ()


@pytest.mark.parametrize("coverage", [0.0, 1.1])
def test_a_coverage_of_nothing_or_of_more_than_all_is_refused(coverage: float) -> None:
    with pytest.raises(ValueError, match="coverage must be above 0 and at most 1, found"):
        risk_at_coverage([1, 0], [1, 2], coverage)
