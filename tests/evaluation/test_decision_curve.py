"""Net benefit against its definition as expected utility, and the properties that Vickers & Elkin state."""

from __future__ import annotations

from math import isnan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from radiolens.evaluation.decision_curve import CURVE_THRESHOLDS, decision_curve, net_benefit, net_benefit_of_all
from tests.evaluation.labelled import Data, labelled_scores

THRESHOLDS = st.sampled_from(CURVE_THRESHOLDS)


@given(labelled_scores(), THRESHOLDS)
def test_it_is_the_mean_utility_per_case_with_the_counts_of_scikit_learn(data: Data, threshold: float) -> None:
    labels, scores = data
    _, false_positives, _, true_positives = metrics.confusion_matrix(labels, scores >= threshold).ravel()
    # A needed treatment is worth 1; who treats at this threshold puts an unneeded one at -threshold / (1 - threshold).
    utility = true_positives - false_positives * threshold / (1 - threshold)
    assert net_benefit(labels, scores, threshold) == pytest.approx(utility / labels.size, abs=1e-12)


@given(labelled_scores(), THRESHOLDS)
def test_treating_all_is_a_score_that_is_always_1(data: Data, threshold: float) -> None:
    labels, _ = data
    expected = net_benefit(labels, np.ones(labels.size), threshold)
    assert net_benefit_of_all(float(labels.mean()), threshold) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("prevalence", [0.065, 0.5])
def test_treating_all_is_worth_nothing_at_a_threshold_of_the_prevalence(prevalence: float) -> None:
    assert net_benefit_of_all(prevalence, prevalence) == pytest.approx(0.0, abs=1e-12)
    assert net_benefit_of_all(prevalence, prevalence / 2) > 0 > net_benefit_of_all(prevalence, prevalence * 1.5)


def test_a_perfect_score_is_worth_the_prevalence_at_every_threshold() -> None:
    points = decision_curve([1, 0, 0, 0], [1.0, 0.0, 0.0, 0.0])
    assert [point.net_benefit for point in points] == [0.25] * len(CURVE_THRESHOLDS)
    assert [point.threshold for point in points] == list(CURVE_THRESHOLDS)


def test_an_example_worked_by_hand() -> None:
    # Of ten, three are called from 0.2 on: two rightly. A false alarm costs a quarter of a hit: (2 - 0.25) / 10.
    labels = [1, 1, 0, 1, 0, 0, 0, 0, 0, 0]
    (point,) = decision_curve(labels, [0.9, 0.3, 0.2, *[0.1] * 7], (0.2,))
    assert point.net_benefit == pytest.approx(0.175)
    assert point.treat_all == pytest.approx(0.3 - 0.7 / 4)


def test_of_nothing_there_is_no_curve() -> None:
    assert decision_curve([], []) == ()
    assert isnan(net_benefit([], [], 0.5))


@pytest.mark.parametrize("threshold", [0.0, 1.0, -0.1])
def test_a_threshold_that_is_no_probability_is_refused(threshold: float) -> None:
    with pytest.raises(ValueError, match="a threshold probability lies between 0 and 1, found"):
        net_benefit([1, 0], [0.5, 0.5], threshold)


def test_scores_that_are_no_probabilities_are_refused() -> None:
    with pytest.raises(ValueError, match="probabilities must be 0 to 1, found -1 to 2"):
        decision_curve([1, 0], [2.0, -1.0])
