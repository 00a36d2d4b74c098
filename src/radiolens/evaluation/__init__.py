"""Measures of a classifier: arrays in, numbers out, pure.

Those that a notebook asks for are reached here by name (`radiolens.evaluation.auroc_interval`), each loaded when it is
first used, since serving needs two of these modules and not the libraries of the others (extra [train]).
"""

from __future__ import annotations

from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # for type checkers; at run time `__getattr__` loads the same
    from radiolens.evaluation.agreement import Agreement as Agreement
    from radiolens.evaluation.agreement import agreement_of as agreement_of
    from radiolens.evaluation.calibration import brier_score as brier_score
    from radiolens.evaluation.calibration import expected_calibration_error as expected_calibration_error
    from radiolens.evaluation.cut_offs import CutOff as CutOff
    from radiolens.evaluation.cut_offs import Practice as Practice
    from radiolens.evaluation.decision_curve import net_benefit as net_benefit
    from radiolens.evaluation.discrimination import auprc as auprc
    from radiolens.evaluation.discrimination import auroc as auroc
    from radiolens.evaluation.discrimination import confusion as confusion
    from radiolens.evaluation.gain import AurocGain as AurocGain
    from radiolens.evaluation.gain import auroc_gain as auroc_gain
    from radiolens.evaluation.intervals import Interval as Interval
    from radiolens.evaluation.intervals import auroc_difference_interval as auroc_difference_interval
    from radiolens.evaluation.intervals import auroc_difference_p_value as auroc_difference_p_value
    from radiolens.evaluation.intervals import auroc_interval as auroc_interval
    from radiolens.evaluation.intervals import clustered_bootstrap_interval as clustered_bootstrap_interval
    from radiolens.evaluation.intervals import clustered_share_interval as clustered_share_interval
    from radiolens.evaluation.intervals import share_interval as share_interval
    from radiolens.evaluation.operating_points import sensitivity_at_specificity as sensitivity_at_specificity
    from radiolens.evaluation.operating_points import specificity_at_sensitivity as specificity_at_sensitivity
    from radiolens.evaluation.paired import holm as holm
    from radiolens.evaluation.paired import mcnemar as mcnemar
    from radiolens.evaluation.plan_profile import Subject as Subject
    from radiolens.evaluation.plan_profile import profile_of as profile_of
    from radiolens.evaluation.plan_steps import PlanSteps as PlanSteps
    from radiolens.evaluation.plan_steps import offered_steps as offered_steps
    from radiolens.evaluation.plan_steps import rule_of_step as rule_of_step
    from radiolens.evaluation.reader_study import Switches as Switches
    from radiolens.evaluation.reader_study import either as either
    from radiolens.evaluation.reader_study import reading_accuracy as reading_accuracy
    from radiolens.evaluation.reader_study import switches as switches
    from radiolens.evaluation.selective import area_under_risk_coverage as area_under_risk_coverage
    from radiolens.evaluation.selective import risk_coverage_curve as risk_coverage_curve
    from radiolens.evaluation.targets import WHO_TRIAGE_2014 as WHO_TRIAGE_2014
    from radiolens.evaluation.threshold_plan import FEWEST as FEWEST
    from radiolens.evaluation.threshold_plan import PRECISION as PRECISION
    from radiolens.evaluation.threshold_plan import LocalCases as LocalCases
    from radiolens.evaluation.threshold_plan import ThresholdPlan as ThresholdPlan
    from radiolens.evaluation.threshold_plan import plan_threshold as plan_threshold
    from radiolens.evaluation.thresholds import Criterion as Criterion
    from radiolens.evaluation.thresholds import Rule as Rule

__all__ = [
    "FEWEST",
    "PRECISION",
    "WHO_TRIAGE_2014",
    "Agreement",
    "AurocGain",
    "Criterion",
    "CutOff",
    "Interval",
    "LocalCases",
    "PlanSteps",
    "Practice",
    "Rule",
    "Subject",
    "Switches",
    "ThresholdPlan",
    "agreement_of",
    "area_under_risk_coverage",
    "auprc",
    "auroc",
    "auroc_difference_interval",
    "auroc_difference_p_value",
    "auroc_gain",
    "auroc_interval",
    "brier_score",
    "clustered_bootstrap_interval",
    "clustered_share_interval",
    "confusion",
    "either",
    "expected_calibration_error",
    "holm",
    "mcnemar",
    "net_benefit",
    "offered_steps",
    "plan_threshold",
    "profile_of",
    "reading_accuracy",
    "risk_coverage_curve",
    "rule_of_step",
    "sensitivity_at_specificity",
    "share_interval",
    "specificity_at_sensitivity",
    "switches",
]

_HOMES = MappingProxyType(
    {
        "Agreement": "agreement",
        "AurocGain": "gain",
        "FEWEST": "threshold_plan",
        "Criterion": "thresholds",
        "CutOff": "cut_offs",
        "Interval": "intervals",
        "LocalCases": "threshold_plan",
        "PRECISION": "threshold_plan",
        "PlanSteps": "plan_steps",
        "Practice": "cut_offs",
        "Rule": "thresholds",
        "Subject": "plan_profile",
        "Switches": "reader_study",
        "ThresholdPlan": "threshold_plan",
        "WHO_TRIAGE_2014": "targets",
        "agreement_of": "agreement",
        "area_under_risk_coverage": "selective",
        "auprc": "discrimination",
        "auroc": "discrimination",
        "auroc_difference_interval": "intervals",
        "auroc_difference_p_value": "intervals",
        "auroc_gain": "gain",
        "auroc_interval": "intervals",
        "brier_score": "calibration",
        "clustered_bootstrap_interval": "intervals",
        "clustered_share_interval": "intervals",
        "confusion": "discrimination",
        "either": "reader_study",
        "expected_calibration_error": "calibration",
        "holm": "paired",
        "mcnemar": "paired",
        "net_benefit": "decision_curve",
        "offered_steps": "plan_steps",
        "plan_threshold": "threshold_plan",
        "profile_of": "plan_profile",
        "reading_accuracy": "reader_study",
        "risk_coverage_curve": "selective",
        "rule_of_step": "plan_steps",
        "sensitivity_at_specificity": "operating_points",
        "share_interval": "intervals",
        "specificity_at_sensitivity": "operating_points",
        "switches": "reader_study",
    }
)
"""The module of this folder that each name lives in."""


def __getattr__(name: str) -> Any:  # noqa: ANN401  whatever the name is of
    """Load a name when it is first used (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'radiolens.evaluation' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"radiolens.evaluation.{_HOMES[name]}"), name)
    return value


def __dir__() -> list[str]:
    """List every public name, loaded or not."""
    return sorted({*globals(), *__all__})
