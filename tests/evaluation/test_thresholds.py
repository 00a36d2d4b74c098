"""Thresholds against an exhaustive search and worked examples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from sklearn.metrics import roc_curve

from radiolens.evaluation.discrimination import confusion
from radiolens.evaluation.thresholds import threshold_at_sensitivity, threshold_youden


@given(hnp.arrays(bool, 30), hnp.arrays(np.int8, 30, elements=st.integers(-9, 9)))
def test_the_youden_threshold_reaches_the_best_balanced_accuracy_of_the_roc_curve(
    labels: NDArray[np.bool_], scores: NDArray[np.int8]
) -> None:
    labels[:2] = (True, False)
    false_positive_rates, true_positive_rates, _ = roc_curve(labels, scores)
    best = (1 + (true_positive_rates - false_positive_rates).max()) / 2
    found = confusion(labels, scores >= threshold_youden(labels, scores))
    assert found.balanced_accuracy == pytest.approx(best)


@given(
    hnp.arrays(bool, 30), hnp.arrays(np.int8, 30, elements=st.integers(-9, 9)), st.sampled_from([0.0, 0.5, 0.9, 1.0])
)
def test_the_sensitivity_asked_for_is_reached_and_no_higher_threshold_reaches_it(
    labels: NDArray[np.bool_], scores: NDArray[np.int8], sensitivity: float
) -> None:
    labels[0] = True
    threshold = threshold_at_sensitivity(labels, scores, sensitivity)
    assert confusion(labels, scores >= threshold).sensitivity >= sensitivity - 1e-12
    higher = [score for score in np.unique(scores) if score > threshold]
    # The next score above calls fewer positive; a threshold of it must fall short, unless it is the last of all.
    if len(higher) > 1:
        assert confusion(labels, scores >= higher[1]).sensitivity < sensitivity or sensitivity == 0.0


def test_a_threshold_lies_midway_between_the_scores_it_parts() -> None:
    assert threshold_youden([0, 0, 1, 1], [0.1, 0.2, 0.4, 0.9]) == pytest.approx(0.3)
    assert threshold_at_sensitivity([0, 0, 1, 1], [0.1, 0.2, 0.4, 0.9], 1.0) == pytest.approx(0.3)
    assert threshold_at_sensitivity([0, 0, 1, 1], [0.1, 0.2, 0.4, 0.9], 0.5) == pytest.approx(0.65)


def test_nine_of_ten_positives_are_ninety_percent() -> None:
    assert threshold_at_sensitivity(np.ones(10), np.arange(10.0), 0.9) == 0.5


def test_of_two_equally_good_thresholds_the_higher_is_taken() -> None:
    # 0.35 takes the 0 at 0.5 for positive, 0.75 the 1 at 0.4 for negative, and 0.45 errs in both: two are best.
    assert threshold_youden([0, 1, 0, 1], [0.3, 0.4, 0.5, 1.0]) == pytest.approx(0.75)


@pytest.mark.parametrize(("labels", "what"), [([0, 0], "positives"), ([1, 1], "negatives")])
def test_a_threshold_of_a_single_class_is_refused(labels: list[int], what: str) -> None:
    with pytest.raises(ValueError, match=f"a threshold needs {what}"):
        threshold_youden(labels, [0.1, 0.2])


def test_a_sensitivity_without_positives_is_refused() -> None:
    with pytest.raises(ValueError, match="a threshold needs positives"):
        threshold_at_sensitivity([0, 0], [0.1, 0.2], 0.9)


@given(hnp.arrays(bool, 20), hnp.arrays(np.int8, 20, elements=st.integers(-9, 9)), st.integers(0, 99))
def test_weights_count_a_case_as_often_as_they_say(
    labels: NDArray[np.bool_], scores: NDArray[np.int8], seed: int
) -> None:
    labels[:2] = (True, False)
    times = np.random.default_rng(seed).integers(1, 4, 20)
    repeated = threshold_youden(np.repeat(labels, times), np.repeat(scores, times))
    assert threshold_youden(labels, scores, times) == pytest.approx(repeated)
    assert threshold_youden(labels, scores, np.full(20, 0.3)) == pytest.approx(threshold_youden(labels, scores))


def test_a_large_hospital_does_not_drown_a_small_one() -> None:
    # 90 easy negatives at 0.1 and 10 hard ones of another hospital at 0.6; positives at 0.5 and 0.9, half each.
    labels = np.repeat([0, 0, 1, 1], [90, 10, 50, 50])
    scores = np.repeat([0.1, 0.6, 0.5, 0.9], [90, 10, 50, 50])
    # Unweighted, 0.3 costs 10 of 100 alarms and 0.75 half of the positives.
    assert threshold_youden(labels, scores) == pytest.approx(0.3)
    # With each hospital's negatives weighing one half, 0.3 costs half of the alarms, 0.75 half of the positives: equal,
    # and the higher of two is taken. A little more weight on the positives' low group turns it.
    weights = np.repeat([1 / 90, 1 / 10, 1 / 50, 1 / 50], [90, 10, 50, 50])
    assert threshold_youden(labels, scores, weights) == pytest.approx(0.75)
    weights[100:150] *= 1.5
    assert threshold_youden(labels, scores, weights) == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0], "for each of 2 scores"),
        ([1.0, -1.0], "of at least 0"),
        ([1.0, np.nan], "one finite number"),
        ([0.0, 1.0], "needs negatives"),
        ([1.0, 0.0], "needs positives"),
    ],
)
def test_weights_that_say_nothing_are_refused(weights: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        threshold_youden([0, 1], [0.1, 0.2], weights)
