"""Readings of the ROC curve against scikit-learn's curve."""

from __future__ import annotations

from math import isnan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from radiolens.evaluation.operating_points import sensitivity_at_specificity, specificity_at_sensitivity
from tests.evaluation.labelled import Data, labelled_scores

SHARES = st.integers(0, 20).map(lambda twentieth: twentieth / 20)


@given(labelled_scores(), SHARES)
def test_a_sensitivity_is_the_highest_point_of_scikit_learns_curve_at_that_specificity(
    data: Data, required: float
) -> None:
    false_alarms, hits, _ = metrics.roc_curve(*data, drop_intermediate=False)
    expected = hits[false_alarms <= 1 - required + 1e-9].max()
    assert sensitivity_at_specificity(*data, required) == pytest.approx(expected, abs=1e-12)


@given(labelled_scores(), SHARES)
def test_a_specificity_is_the_furthest_point_left_at_that_sensitivity(data: Data, required: float) -> None:
    false_alarms, hits, _ = metrics.roc_curve(*data, drop_intermediate=False)
    expected = 1 - false_alarms[hits >= required - 1e-9].min()
    assert specificity_at_sensitivity(*data, required) == pytest.approx(expected, abs=1e-12)


@given(labelled_scores(), SHARES)
def test_the_two_are_one_another_with_labels_and_scores_turned_round(data: Data, required: float) -> None:
    labels, scores = data
    turned = specificity_at_sensitivity(~labels, -scores, required)
    assert sensitivity_at_specificity(labels, scores, required) == pytest.approx(turned, abs=1e-12)


def test_nine_of_ten_count_as_a_specificity_of_90_percent() -> None:
    labels = [0] * 10 + [1] * 2
    assert sensitivity_at_specificity(labels, [*range(10), 8.5, 20], 0.9) == 1.0
    assert sensitivity_at_specificity(labels, [*range(10), 8.5, 20], 0.91) == 0.5


def test_perfect_scores_reach_everything_and_worthless_ones_the_other_end() -> None:
    assert sensitivity_at_specificity([0, 0, 1, 1], [1, 2, 3, 4], 1.0) == 1.0
    assert sensitivity_at_specificity([0, 0, 1, 1], [3, 4, 1, 2], 0.9) == 0.0
    assert specificity_at_sensitivity([0, 0, 1, 1], [5, 5, 5, 5], 0.1) == 0.0


@pytest.mark.parametrize("labels", [[], [1, 1], [0, 0]])
def test_one_class_has_no_such_point(labels: list[int]) -> None:
    scores = np.zeros(len(labels))
    assert isnan(sensitivity_at_specificity(labels, scores, 0.9))
    assert isnan(specificity_at_sensitivity(labels, scores, 0.9))
