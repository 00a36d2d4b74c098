"""All that is measured of one yes-no question on one source."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from radiolens.evaluation.calibration import Bin, brier_score, expected_calibration_error, reliability_bins
from radiolens.evaluation.decision_curve import NetBenefit, decision_curve
from radiolens.evaluation.discrimination import Confusion, confusion
from radiolens.evaluation.histogram import ScoreHistogram, score_histogram
from radiolens.evaluation.intervals import Interval, auroc_interval, clustered_intervals, not_defined
from radiolens.evaluation.operating_points import REQUIRED, OperatingPoint
from radiolens.evaluation.selective import (
    RiskCoverage,
    SelectiveErrors,
    area_under_risk_coverage,
    decision_confidence,
    risk_coverage_curve,
)
from radiolens.evaluation.weighted import (
    Statistic,
    weighted_area_under_risk_coverage,
    weighted_auprc,
    weighted_auroc,
    weighted_balanced_accuracy,
    weighted_expected_calibration_error,
    weighted_sensitivity_at_specificity,
    weighted_specificity_at_sensitivity,
)
from radiolens.validation.control import Controls
from radiolens.validation.plan import Plan
from radiolens.validation.questions import FEWEST, Question
from radiolens.validation.surest import surest_errors

__all__ = ["Binary", "binary_measures"]


@dataclass(frozen=True)
class Binary:
    """One yes-no question on one source.

    `patients` counts groups of patients or duplicates. Where a source names neither, each image counts as a patient,
    and every interval is narrower than it should be.

    The shares and `balanced_accuracy` are at `threshold`; the shares' intervals take the images of a patient together.
    `auroc` has DeLong's interval, which takes them as independent; `auroc_clustered`, `balanced_accuracy_interval` and
    `expected_calibration_error_interval` have that of a bootstrap over patients. What needs both answers is nan with
    fewer than ten cases of a class.

    `sensitivity_at_specificity` and its reverse hold one point for each of `operating_points.REQUIRED` (0.80, 0.90,
    0.95), read off these very cases. `decision_curve` is at the prevalence of these cases. `risk_coverage` is that of
    the decisions at `threshold`, by their distance from it in log-odds; `selective` compares the surest of them with
    all. `histogram` counts the scores of each side.
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
    balanced_accuracy_interval: Interval
    brier_score: float
    expected_calibration_error: float
    expected_calibration_error_interval: Interval
    reliability: tuple[Bin, ...]
    sensitivity_at_specificity: tuple[OperatingPoint, ...]
    specificity_at_sensitivity: tuple[OperatingPoint, ...]
    decision_curve: tuple[NetBenefit, ...]
    risk_coverage: RiskCoverage
    selective: SelectiveErrors
    histogram: ScoreHistogram


def binary_measures(question: Question, controls: Controls, plan: Plan) -> Binary:
    """Measure one question; `controls` are kept beside what is measured."""
    answers, scores, called = question.truth, question.scores, question.called
    counts = confusion(answers, called)
    statistics = {
        "auroc": weighted_auroc(answers, scores),
        "auprc": weighted_auprc(answers, scores),
        "balanced accuracy": weighted_balanced_accuracy(answers, called),
        "calibration error": weighted_expected_calibration_error(answers, scores),
    }
    drawn = _clustered(statistics, question, plan)
    return Binary(
        question=question.name,
        source=question.source,
        positives=counts.positives,
        negatives=counts.negatives,
        patients=len(np.unique(question.groups)),
        auroc=auroc_interval(answers, scores) if question.judgeable else not_defined("too few cases"),
        auroc_clustered=drawn["auroc"],
        auprc=drawn["auprc"],
        controls=controls,
        threshold=question.threshold,
        counts=counts,
        sensitivity=question.share(called, answers),
        specificity=question.share(~called, ~answers),
        ppv=question.share(answers, called),
        npv=question.share(~answers, ~called),
        f1=counts.f1,
        balanced_accuracy=counts.balanced_accuracy,
        balanced_accuracy_interval=drawn["balanced accuracy"],
        brier_score=brier_score(answers, scores),
        expected_calibration_error=expected_calibration_error(answers, scores),
        expected_calibration_error_interval=drawn["calibration error"],
        reliability=reliability_bins(answers, scores),
        sensitivity_at_specificity=_operating_points(weighted_sensitivity_at_specificity, question, plan),
        specificity_at_sensitivity=_operating_points(weighted_specificity_at_sensitivity, question, plan),
        decision_curve=decision_curve(answers, scores),
        risk_coverage=_risk_coverage(question, plan),
        selective=surest_errors(question.called != question.truth, _confidence(question), question.groups, plan),
        histogram=score_histogram(answers, scores),
    )


def _operating_points(measure: Callable[..., Statistic], question: Question, plan: Plan) -> tuple[OperatingPoint, ...]:
    statistics = {str(required): measure(question.truth, question.scores, required) for required in REQUIRED}
    found = _clustered(statistics, question, plan, smooth=False)
    return tuple(OperatingPoint(required, found[str(required)]) for required in REQUIRED)


def _risk_coverage(question: Question, plan: Plan) -> RiskCoverage:
    wrong = question.called != question.truth
    confidence = _confidence(question)
    area = not_defined("too few cases")
    if wrong.size >= FEWEST:  # of either answer: a decision may be wrong among cases of one class, too
        statistic = weighted_area_under_risk_coverage(wrong, confidence)
        random = np.random.default_rng(plan.seed)
        area = clustered_intervals({"area": statistic}, question.groups, random, plan.resamples)["area"]
    excess = area_under_risk_coverage(wrong, confidence) - area_under_risk_coverage(wrong, ~wrong)
    return RiskCoverage(area, excess, risk_coverage_curve(wrong, confidence))


def _confidence(question: Question) -> NDArray[np.float64]:
    own = question.own_thresholds
    return decision_confidence(question.scores, question.threshold if own is None else own)


def _clustered(
    statistics: Mapping[str, Statistic], question: Question, plan: Plan, *, smooth: bool = True
) -> Mapping[str, Interval]:
    if not question.judgeable:
        return dict.fromkeys(statistics, not_defined("too few cases"))
    random = np.random.default_rng(plan.seed)
    return clustered_intervals(statistics, question.groups, random, plan.resamples, smooth=smooth)
