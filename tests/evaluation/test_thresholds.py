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
