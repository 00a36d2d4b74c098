"""Measures of discrimination against scikit-learn, worked examples and their own symmetries."""

from __future__ import annotations

from collections.abc import Callable
from math import isnan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from sklearn import metrics

from radiolens.evaluation.discrimination import (
    Confusion,
    auprc,
    auroc,
    binary,
    confusion,
    confusion_matrix,
    macro_f1,
    precision_recall_curve,
    roc_curve,
)

SIZES = st.integers(4, 60)


@st.composite
def labelled_scores(draw: st.DrawFn) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Draw labels of both classes and coarse scores, so that ties are common."""
    size = draw(SIZES)
    labels = draw(hnp.arrays(bool, size))
    labels[:2] = (True, False)
    scores = draw(hnp.arrays(np.int8, size, elements=st.integers(-5, 5)))
    return labels, scores.astype(np.float64)


@given(labelled_scores())
def test_auroc_is_that_of_scikit_learn(data: tuple[NDArray[np.bool_], NDArray[np.float64]]) -> None:
    assert auroc(*data) == pytest.approx(metrics.roc_auc_score(*data), abs=1e-12)


@given(labelled_scores())
def test_auprc_is_the_average_precision_of_scikit_learn(data: tuple[NDArray[np.bool_], NDArray[np.float64]]) -> None:
    assert auprc(*data) == pytest.approx(metrics.average_precision_score(*data), abs=1e-12)


@given(labelled_scores())
def test_the_roc_curve_is_that_of_scikit_learn_and_spans_the_auroc(
    data: tuple[NDArray[np.bool_], NDArray[np.float64]],
) -> None:
    false_positive_rates, true_positive_rates = roc_curve(*data)
    expected = metrics.roc_curve(*data, drop_intermediate=False)
    np.testing.assert_allclose(false_positive_rates, expected[0], atol=1e-12)
    np.testing.assert_allclose(true_positive_rates, expected[1], atol=1e-12)
    assert metrics.auc(false_positive_rates, true_positive_rates) == pytest.approx(auroc(*data), abs=1e-12)


@given(labelled_scores())
def test_the_precision_recall_curve_is_that_of_scikit_learn_and_spans_the_auprc(
    data: tuple[NDArray[np.bool_], NDArray[np.float64]],
) -> None:
    recall, precision = precision_recall_curve(*data)
    # scikit-learn lists it from the lowest score on, and adds the point of recall 0 and precision 1.
    expected_precision, expected_recall, _ = metrics.precision_recall_curve(*data)
    np.testing.assert_allclose(recall, expected_recall[-2::-1], atol=1e-12)
    np.testing.assert_allclose(precision, expected_precision[-2::-1], atol=1e-12)
    assert np.sum(np.diff(recall, prepend=0.0) * precision) == pytest.approx(auprc(*data), abs=1e-12)
    assert precision[-1] == pytest.approx(np.mean(data[0]))


@given(labelled_scores())
def test_auroc_does_not_change_under_a_rising_function(data: tuple[NDArray[np.bool_], NDArray[np.float64]]) -> None:
    labels, scores = data
    assert auroc(labels, np.exp(scores / 3) + 7) == auroc(labels, scores)


@given(labelled_scores())
def test_auroc_of_negated_scores_or_of_swapped_labels_is_its_complement(
    data: tuple[NDArray[np.bool_], NDArray[np.float64]],
) -> None:
    labels, scores = data
    assert auroc(labels, -scores) == pytest.approx(1 - auroc(labels, scores), abs=1e-12)
    assert auroc(~labels, scores) == pytest.approx(1 - auroc(labels, scores), abs=1e-12)


def test_auroc_counts_the_pairs_won_with_ties_as_half() -> None:
    # Positives 3 and 2 against negatives 1 and 2: won, won, won, tied.
    assert auroc([1, 1, 0, 0], [3, 2, 1, 2]) == 3.5 / 4


@pytest.mark.parametrize("labels", [[], [1, 1, 1], [0, 0]])
def test_areas_of_a_single_class_are_not_defined(labels: list[int]) -> None:
    scores = np.linspace(0.0, 1.0, len(labels))
    assert isnan(auroc(labels, scores))
    assert isnan(auprc(labels, scores))


@pytest.mark.parametrize("curve", [roc_curve, precision_recall_curve])
def test_a_curve_of_a_single_class_is_refused(curve: Callable[..., object]) -> None:
    with pytest.raises(ValueError, match="needs both classes, found 2 positives of 2"):
        curve([1, 1], [0.1, 0.2])


@given(hnp.arrays(bool, 40), hnp.arrays(bool, 40))
def test_the_measures_of_a_decision_are_those_of_scikit_learn(
    labels: NDArray[np.bool_], called: NDArray[np.bool_]
) -> None:
    labels[:2], called[:4] = (True, False), (True, False, False, True)  # so that every measure is defined
    counts = confusion(labels, called)
    tn, fp, fn, tp = metrics.confusion_matrix(labels, called).ravel()
    assert counts == Confusion(int(tp), int(fp), int(fn), int(tn))
    assert counts.sensitivity == pytest.approx(metrics.recall_score(labels, called))
    assert counts.specificity == pytest.approx(metrics.recall_score(~labels, ~called))
    assert counts.ppv == pytest.approx(metrics.precision_score(labels, called))
    assert counts.npv == pytest.approx(metrics.precision_score(~labels, ~called))
    assert counts.f1 == pytest.approx(metrics.f1_score(labels, called))
    assert counts.balanced_accuracy == pytest.approx(metrics.balanced_accuracy_score(labels, called))


def test_a_share_of_nothing_is_not_defined() -> None:
    counts = confusion([1, 1, 1], [0, 0, 0])
    assert counts.sensitivity == 0.0
    assert isnan(counts.specificity)
    assert isnan(counts.ppv)
    assert counts.npv == 0.0
    assert isnan(counts.balanced_accuracy)


@given(hnp.arrays(np.int8, 30, elements=st.integers(0, 3)), hnp.arrays(np.int8, 30, elements=st.integers(0, 3)))
def test_macro_f1_and_the_matrix_are_those_of_scikit_learn(
    labels: NDArray[np.int8], predicted: NDArray[np.int8]
) -> None:
    labels[:4] = (0, 1, 2, 3)
    matrix = confusion_matrix(labels, predicted, 4)
    np.testing.assert_array_equal(matrix, metrics.confusion_matrix(labels, predicted, labels=range(4)))
    expected = metrics.f1_score(labels, predicted, labels=[0, 1, 2], average="macro", zero_division=0.0)
    assert macro_f1(labels, predicted, [0, 1, 2]) == pytest.approx(expected)


def test_an_answer_outside_the_classes_counts_as_missed() -> None:
    assert macro_f1([0, 0, 1, 1], [0, 3, 1, 3], [0, 1]) == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("labels", "scores", "message"),
    [
        ([0, 1], [0.5], r"one length, found \(2,\) and \(1,\)"),
        ([[0, 1]], [[0.5, 0.1]], "one length"),
        ([0, -1], [0.5, 0.1], "labels must be 0 or 1; leave out the rows that are not annotated"),
        ([0, 1], [0.5, np.nan], "1 scores are not finite"),
    ],
)
def test_wrong_input_is_refused_with_what_was_found(labels: list[int], scores: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        binary(labels, scores)


def test_a_matrix_of_rows_of_different_length_is_refused() -> None:
    with pytest.raises(ValueError, match="labels and predicted must be two rows of one length"):
        confusion_matrix([0, 1], [0], 2)
