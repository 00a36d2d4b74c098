"""The profile that a planned threshold makes: bound to one bundle, with the rule and the evidence in words."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

from radiolens.evaluation.cut_offs import Practice
from radiolens.evaluation.intervals import Interval
from radiolens.evaluation.threshold_plan import ThresholdPlan
from radiolens.evaluation.thresholds import Criterion, Rule
from radiolens.prediction import BundleIdentity
from radiolens.profile import Profile

__all__ = ["Subject", "profile_of", "rule_options"]


@dataclass(frozen=True)
class Subject:
    """What a plan is of: bundle, label and site; where its cases come from, the day, and the command line.

    `command` is empty where it was planned on a page. `remarks` are sentences on how the cases were read.
    """

    bundle: BundleIdentity
    label: str
    site: str
    origin: str
    day: str
    command: str
    remarks: tuple[str, ...] = ()


def profile_of(subject: Subject, plan: ThresholdPlan) -> Profile:
    """Return the profile with the planned threshold, bound to the bundle's hash."""
    return Profile(
        site=subject.site,
        bundle_sha256=subject.bundle.sha256,
        thresholds={subject.label: plan.chosen.threshold},
        evidence=_evidence(subject, plan),
        bundle_name=subject.bundle.name,
        bundle_version=subject.bundle.version,
        rules={subject.label: rule_options(plan.rule, plan.practice)},
    )


def rule_options(rule: Rule, practice: Practice) -> str:
    """Return a rule as the options of `radiolens thresholds` that ask for it."""
    if rule.criterion is Criterion.YOUDEN:
        return "--youden"
    if rule.criterion is Criterion.COST:
        return (
            f"--cost-fn {practice.cost_false_negative:g} --cost-fp {practice.cost_false_positive:g} "
            f"--prevalence {practice.prevalence:g}"
        )
    return f"--{rule.criterion} {rule.target:g}{' --lower-bound' if rule.lower_bound else ''}"


def _evidence(subject: Subject, plan: ThresholdPlan) -> str:
    chosen, fair = plan.chosen, plan.corrected
    return (
        f"{subject.label}: chosen on {subject.day} by {rule_options(plan.rule, plan.practice)} on {plan.positives} "
        f"positives and {plan.negatives} negatives of {plan.patients} patients ({subject.origin}): sensitivity "
        f"{_told(chosen.sensitivity)}, specificity {_told(chosen.specificity)}; corrected for optimism "
        f"{_told(fair.sensitivity)} and {_told(fair.specificity)}."
    )


def _told(interval: Interval) -> str:
    if not isfinite(interval.estimate):
        return "not known"
    return f"{interval.estimate:.3f} ({interval.low:.3f}-{interval.high:.3f})"
