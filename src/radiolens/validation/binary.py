"""All that is measured of one yes-no question on one source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from radiolens.evaluation.calibration import Bin, brier_score, expected_calibration_error, reliability_bins
from radiolens.evaluation.decision_curve import NetBenefit, decision_curve
from radiolens.evaluation.discrimination import Confusion, auprc, auroc, confusion
from radiolens.evaluation.histogram import ScoreHistogram, score_histogram
from radiolens.evaluation.intervals import (
    Interval,
    auroc_interval,
    clustered_bootstrap_interval,
    not_defined,
    share_interval,
)
from radiolens.evaluation.operating_points import (
    REQUIRED,
    OperatingPoint,
    sensitivity_at_specificity,
    specificity_at_sensitivity,
)
from radiolens.evaluation.selective import (
    RiskCoverage,
    area_under_risk_coverage,
    decision_confidence,
    risk_coverage_curve,
)
from radiolens.validation.control import Controls
from radiolens.validation.plan import Plan
from radiolens.validation.questions import Question

__all__ = ["Binary", "binary_measures"]


@dataclass(frozen=True)
class Binary:
    """One yes-no question on one source.

    `patients` counts groups of patients or duplicates. Where a source names neither, each image counts as a patient,
    and every interval is narrower than it should be.

    The shares and `balanced_accuracy` are at `threshold`. `auroc` is nan with fewer than ten cases of a class.

    `sensitivity_at_specificity` and its reverse hold one point for each of `operating_points.REQUIRED` (0.80, 0.90,
    0.95), read off these very cases. `decision_curve` is at the prevalence of these cases. `risk_coverage` is that of
    the decisions at `threshold`, by their distance from it in log-odds. `histogram` counts the scores of each side.
    """

    question: str
    source: str
    positives: int
    negatives: int
    patients: int
    auroc: Interval
    auroc_clustered: Interval
    auprc: Interval
    controls: Controls
    threshold: float
    counts: Confusion
    sensitivity: Interval
    specificity: Interval
    ppv: Interval
    npv: Interval
    f1: float
    balanced_accuracy: float
    brier_score: float
    expected_calibration_error: float
    reliability: tuple[Bin, ...]
    sensitivity_at_specificity: tuple[OperatingPoint, ...]
    specificity_at_sensitivity: tuple[OperatingPoint, ...]
    decision_curve: tuple[NetBenefit, ...]
    risk_coverage: RiskCoverage
    histogram: ScoreHistogram


def binary_measures(question: Question, controls: Controls, plan: Plan) -> Binary:
    """Measure one question; `controls` are kept beside what is measured."""
    answers, scores = question.truth, question.scores
    counts = confusion(answers, question.called)
    return Binary(
        question=question.name,
        source=question.source,
        positives=counts.positives,
        negatives=counts.negatives,
        patients=len(np.unique(question.groups)),
        auroc=auroc_interval(answers, scores) if question.judgeable else not_defined("DeLong"),
        auroc_clustered=_bootstrap(auroc, question, plan),
        auprc=_bootstrap(auprc, question, plan),
        controls=controls,
        threshold=question.threshold,
        counts=counts,
        sensitivity=share_interval(counts.true_positives, counts.positives),
        specificity=share_interval(counts.true_negatives, counts.negatives),
        ppv=share_interval(counts.true_positives, counts.true_positives + counts.false_positives),
        npv=share_interval(counts.true_negatives, counts.true_negatives + counts.false_negatives),
        f1=counts.f1,
        balanced_accuracy=counts.balanced_accuracy,
        brier_score=brier_score(answers, scores),
        expected_calibration_error=expected_calibration_error(answers, scores),
        reliability=reliability_bins(answers, scores),
        sensitivity_at_specificity=_operating_points(sensitivity_at_specificity, question, plan),
        specificity_at_sensitivity=_operating_points(specificity_at_sensitivity, question, plan),
        decision_curve=decision_curve(answers, scores),
        risk_coverage=_risk_coverage(question, plan),
        histogram=score_histogram(answers, scores),
    )


def _operating_points(measure: Callable[..., float], question: Question, plan: Plan) -> tuple[OperatingPoint, ...]:
    return tuple(
        OperatingPoint(
            required,
            _bootstrap(lambda truth, scores, least=required: measure(truth, scores, least), question, plan),
        )
        for required in REQUIRED
    )


def _risk_coverage(question: Question, plan: Plan) -> RiskCoverage:
    wrong = question.called != question.truth
    own = question.own_thresholds
    confidence = decision_confidence(question.scores, question.threshold if own is None else own)
    random = np.random.default_rng(plan.seed)
    arrays = [wrong, confidence]
    area = clustered_bootstrap_interval(area_under_risk_coverage, arrays, question.groups, random, plan.resamples)
    best = area_under_risk_coverage(wrong, ~wrong)
    return RiskCoverage(area, area.estimate - best, risk_coverage_curve(wrong, confidence))


def _bootstrap(metric: Callable[..., float], question: Question, plan: Plan) -> Interval:
    if not question.judgeable:
        return not_defined("too few cases")
    random = np.random.default_rng(plan.seed)
    arrays = [question.truth, question.scores]
    return clustered_bootstrap_interval(metric, arrays, question.groups, random, plan.resamples)
