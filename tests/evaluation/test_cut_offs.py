"""Every cut-off against counting by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from sklearn.metrics import roc_curve

from radiolens.evaluation.cut_offs import Practice, cut_offs, judged_cut_offs
from radiolens.evaluation.discrimination import confusion
from radiolens.evaluation.intervals import share_interval
from radiolens.evaluation.predictive_values import npv_interval, ppv_interval
from radiolens.evaluation.thresholds import Criterion, Rule, choose

SCORES = hnp.arrays(np.float64, 25, elements=st.sampled_from([0.0, 0.125, 0.25, 0.5, 0.75, 1.0]))
LABELS = hnp.arrays(bool, 25)


@given(LABELS, SCORES, hnp.arrays(bool, 25))
def test_each_cut_off_counts_what_a_decision_at_its_threshold_gets_right(
    labels: NDArray[np.bool_], scores: NDArray[np.float64], possible: NDArray[np.bool_]
) -> None:
    possible[0] = True
    points = cut_offs(labels, scores, possible)
    assert (np.diff(points.thresholds) > 0).all()
    for number, threshold in enumerate(points.thresholds):
        assert points.counts(number) == confusion(labels, possible & (scores >= threshold))


@given(LABELS, SCORES)
def test_the_cut_offs_are_the_points_of_the_roc_curve(labels: NDArray[np.bool_], scores: NDArray[np.float64]) -> None:
    labels[:2] = (True, False)
    points = cut_offs(labels, scores)
    alarms, hits, _ = roc_curve(labels, scores, drop_intermediate=False)
    np.testing.assert_allclose(points.sensitivity[::-1], hits[1:])
    np.testing.assert_allclose(1 - points.specificity[::-1], alarms[1:], atol=1e-12)


@given(LABELS, SCORES)
def test_the_useful_cut_offs_are_those_that_a_target_sensitivity_chooses(
    labels: NDArray[np.bool_], scores: NDArray[np.float64]
) -> None:
    labels[:2] = (True, False)
    points = cut_offs(labels, scores)
    targets = {Rule(Criterion.SENSITIVITY, float(share)) for share in points.sensitivity if share}
    assert set(points.useful) == {choose(points, rule, Practice(0.5)) for rule in targets}
    some = points.at(points.useful)
    assert (np.diff(some.sensitivity) < 0).all()
    assert [some.counts(number) for number in range(len(some.thresholds))] == [
        points.counts(place) for place in points.useful
    ]


def test_a_cut_off_tells_its_intervals_and_what_follows_in_a_thousand_patients() -> None:
    labels, scores = np.repeat([1, 1, 0, 0], [8, 2, 3, 27]), np.repeat([0.9, 0.2, 0.9, 0.2], [8, 2, 3, 27])
    practice = Practice(0.1, cost_false_negative=50, cost_false_positive=2)
    all_called, one = judged_cut_offs(cut_offs(labels, scores), practice)
    assert one.threshold == pytest.approx(0.55)
    assert one.sensitivity.low == pytest.approx(share_interval(8, 10).low)
    assert one.specificity.high == pytest.approx(share_interval(27, 30).high)
    assert one.ppv == ppv_interval(one.counts, 0.1)
    assert one.npv == npv_interval(one.counts, 0.1)
    # 100 ill: 80 found, 20 missed; 900 well: 90 alarms.
    assert one.called_per_1000 == pytest.approx(170)
    assert one.missed_per_1000 == pytest.approx(20)
    assert one.cost_per_1000 == pytest.approx(20 * 50 + 90 * 2)
    assert one.number_needed_to_test.estimate == pytest.approx(170 / 80)
    assert (all_called.called_per_1000, all_called.missed_per_1000) == (1000, 0)
    assert np.isnan(all_called.npv.estimate)


def test_without_costs_there_is_no_cost() -> None:
    (one,) = judged_cut_offs(cut_offs([0, 1], [0.5, 0.5]), Practice(0.5))
    assert np.isnan(one.cost_per_1000)


def test_scores_of_which_none_can_be_called_positive_have_no_cut_off() -> None:
    with pytest.raises(ValueError, match="there is no cut-off"):
        cut_offs([0, 1], [0.1, 0.2], [False, False])


@pytest.mark.parametrize(
    ("numbers", "message"),
    [((0.0,), "prevalence"), ((1.0,), "prevalence"), ((0.1, -1.0, 1.0), "costs"), ((0.1, 0.0, 0.0), "costs")],
)
def test_a_practice_that_cannot_be_is_refused(numbers: tuple[float, ...], message: str) -> None:
    with pytest.raises(ValueError, match=f"{message} must be"):
        Practice(*numbers)
