"""Weighted measures against scikit-learn's, and against the plain ones on repeated rows."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn import metrics

from radiolens.evaluation.calibration import expected_calibration_error
from radiolens.evaluation.discrimination import auprc, auroc, confusion, macro_f1
from radiolens.evaluation.operating_points import sensitivity_at_specificity, specificity_at_sensitivity
from radiolens.evaluation.selective import area_under_risk_coverage, risk_at_coverage
from radiolens.evaluation.weighted import (
    Statistic,
    weighted_area_under_risk_coverage,
    weighted_auprc,
    weighted_auroc,
    weighted_balanced_accuracy,
    weighted_difference,
    weighted_expected_calibration_error,
    weighted_macro_f1,
    weighted_mean_over_parts,
    weighted_metric,
    weighted_ratio,
    weighted_risk_at_coverage,
    weighted_sensitivity_at_specificity,
    weighted_share,
    weighted_specificity_at_sensitivity,
)
from tests.evaluation.labelled import normal_scores

PAIRS: dict[str, tuple[Callable[..., Statistic], Callable[..., float]]] = {
    "auroc": (weighted_auroc, auroc),
    "auprc": (weighted_auprc, auprc),
    "sensitivity": (
        partial(weighted_sensitivity_at_specificity, specificity=0.9),
        partial(sensitivity_at_specificity, specificity=0.9),
    ),
    "specificity": (
        partial(weighted_specificity_at_sensitivity, sensitivity=0.9),
        partial(specificity_at_sensitivity, sensitivity=0.9),
    ),
    "risk": (weighted_area_under_risk_coverage, area_under_risk_coverage),
    "balanced accuracy": (
        lambda labels, scores: weighted_balanced_accuracy(labels, scores > 0),
        lambda labels, scores: confusion(labels, scores > 0).balanced_accuracy,
    ),
    "surest": (partial(weighted_risk_at_coverage, coverage=0.8), partial(risk_at_coverage, coverage=0.8)),
    "all": (partial(weighted_risk_at_coverage, coverage=1.0), partial(risk_at_coverage, coverage=1.0)),
}


def drawn(random: np.random.Generator, labels: NDArray[np.bool_], rows: int = 20) -> NDArray[np.float64]:
    """Return weights of bootstrap samples, then of the positives alone, of the negatives alone, and of nothing."""
    size = labels.size
    samples = random.multinomial(size, np.full(size, 1 / size), rows)
    return np.concatenate([samples, [labels, ~labels, np.zeros(size)]]).astype(np.float64)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("name", PAIRS)
def test_a_weighted_measure_is_the_plain_one_on_repeated_rows(name: str, ties: bool, rng: np.random.Generator) -> None:
    weighted, plain = PAIRS[name]
    labels, scores = normal_scores(rng, 50, ties=ties)
    weights = drawn(rng, labels)
    found, expected = weighted(labels, scores)(weights), weighted_metric(plain, [labels, scores])(weights)
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("ties", [False, True])
def test_areas_are_those_of_scikit_learn_with_sample_weights(ties: bool, rng: np.random.Generator) -> None:
    labels, scores = normal_scores(rng, 60, ties=ties)
    for sample in drawn(rng, labels)[:20]:
        found = [statistic(labels, scores)(sample[np.newaxis])[0] for statistic in (weighted_auroc, weighted_auprc)]
        references: tuple[Callable[..., Any], ...] = (metrics.roc_auc_score, metrics.average_precision_score)
        expected = [reference(labels, scores, sample_weight=sample) for reference in references]
        assert found == pytest.approx(expected)


def test_shares_and_f1_are_those_of_scikit_learn_with_sample_weights(rng: np.random.Generator) -> None:
    labels, called = rng.integers(0, 3, 80), rng.integers(0, 4, 80)
    weights = drawn(rng, labels == 0)[:20]
    f1 = weighted_macro_f1(labels, called, [0, 1, 2])(weights)
    recall = weighted_share(called == 0, labels == 0)(weights)
    right = weighted_share(called == labels)(weights)
    for number, sample in enumerate(weights):
        options = {"sample_weight": sample, "labels": [0, 1, 2], "average": "macro"}
        assert f1[number] == pytest.approx(metrics.f1_score(labels, called, **options))
        assert recall[number] == pytest.approx(metrics.recall_score(labels == 0, called == 0, sample_weight=sample))
        assert right[number] == pytest.approx(metrics.accuracy_score(labels, called, sample_weight=sample))


def test_the_calibration_error_of_a_sample_keeps_the_bins_of_all_cases(rng: np.random.Generator) -> None:
    labels, scores = normal_scores(rng, 60)
    probability = 1 / (1 + np.exp(-scores))
    weights = np.concatenate([np.ones((1, 60)), rng.integers(0, 3, (4, 60)).astype(float), np.zeros((1, 60))])
    found = weighted_expected_calibration_error(labels, probability, 5)(weights)
    assert found[0] == pytest.approx(expected_calibration_error(labels, probability, 5))
    fifths = np.array_split(np.argsort(probability), 5)
    for sample, error in zip(weights[:5], found[:5], strict=True):
        gaps = [abs(float(sample[part] @ (probability - labels)[part])) for part in fifths]
        assert error == pytest.approx(sum(gaps) / sample.sum())
    assert np.isnan(found[5])


def test_a_class_that_neither_occurs_nor_is_predicted_has_no_f1() -> None:
    found = weighted_macro_f1([0, 1], [0, 1], [0, 1])(np.asarray([[1.0, 1.0], [1.0, 0.0]]))
    assert found[0] == 1.0
    assert np.isnan(found[1])
    assert np.isnan(macro_f1([0], [0], [0, 1]))


def test_a_mean_over_parts_weighs_each_part_the_same(rng: np.random.Generator) -> None:
    first, second = normal_scores(rng, 20), normal_scores(rng, 30)
    weights = rng.integers(1, 4, (5, 50)).astype(float)
    found = weighted_mean_over_parts([weighted_auroc(*first), weighted_auroc(*second)], [20, 30])(weights)
    expected = (weighted_auroc(*first)(weights[:, :20]) + weighted_auroc(*second)(weights[:, 20:])) / 2
    np.testing.assert_allclose(found, expected)


def test_a_difference_is_taken_on_the_same_samples(rng: np.random.Generator) -> None:
    labels, scores = normal_scores(rng, 40)
    weights = drawn(rng, labels)[:20]
    same = weighted_difference(weighted_auroc(labels, scores), weighted_auroc(labels, scores))
    assert same(weights).tolist() == [0.0] * 20
    other = weighted_difference(weighted_auroc(labels, scores), weighted_auroc(labels, -scores))
    np.testing.assert_allclose(other(weights), 2 * weighted_auroc(labels, scores)(weights) - 1)


def test_a_ratio_is_taken_on_the_same_samples_and_not_of_nothing(rng: np.random.Generator) -> None:
    wrong, confidence = normal_scores(rng, 40)
    weights = drawn(rng, wrong)
    kept, every = (weighted_risk_at_coverage(wrong, confidence, share) for share in (0.8, 1.0))
    found = weighted_ratio(kept, every)(weights)
    np.testing.assert_allclose(found[:-2], kept(weights)[:-2] / every(weights)[:-2])
    assert np.isnan(found[-2:]).all()  # the samples without an error, and without a case
