"""The profile of a plan: whose thresholds they are, for which network, by which rule and evidence."""

from __future__ import annotations

import numpy as np
import pytest

from radiolens.evaluation.cut_offs import Practice
from radiolens.evaluation.plan_profile import Subject, profile_of, rule_options
from radiolens.evaluation.threshold_plan import plan_threshold
from radiolens.evaluation.thresholds import Criterion, Rule
from radiolens.prediction import BundleIdentity
from tests.evaluation.test_threshold_plan import local

SUBJECT = Subject(BundleIdentity("chest-xray", "0.0.1", "ab" * 32), "tuberculosis", "clinic", "table", "2026-01-31", "")


def test_a_profile_is_bound_to_the_bundle_and_tells_its_evidence() -> None:
    plan = plan_threshold(local(25, 35), Rule(Criterion.SENSITIVITY, 0.8), Practice(0.1), 0.05)
    profile = profile_of(SUBJECT, plan)
    assert (profile.bundle_sha256, profile.bundle_name, profile.bundle_version) == ("ab" * 32, "chest-xray", "0.0.1")
    assert profile.thresholds == {"tuberculosis": plan.chosen.threshold}
    assert profile.rules == {"tuberculosis": "--sensitivity 0.8"}
    assert profile.evidence.startswith(
        "tuberculosis: chosen on 2026-01-31 by --sensitivity 0.8 on 25 positives and 35 "
    )
    assert f"of 60 patients (table): sensitivity {plan.chosen.sensitivity.estimate:.3f} (" in profile.evidence
    assert f"corrected for optimism {plan.corrected.sensitivity.estimate:.3f} (" in profile.evidence


def test_what_the_cases_do_not_tell_is_not_given_as_a_number() -> None:
    cases = local(25, 35)
    apart = np.where(cases.truth, 0.9, 0.1)
    same = plan_threshold(
        type(cases)(cases.truth, apart, cases.patients, cases.callable_rows),
        Rule(Criterion.YOUDEN),
        Practice(0.1),
        0.05,
    )
    assert "nan" not in profile_of(SUBJECT, same).evidence


@pytest.mark.parametrize(
    ("rule", "options"),
    [
        (Rule(Criterion.SENSITIVITY, 0.9), "--sensitivity 0.9"),
        (Rule(Criterion.SPECIFICITY, 0.75, lower_bound=True), "--specificity 0.75 --lower-bound"),
        (Rule(Criterion.YOUDEN), "--youden"),
        (Rule(Criterion.COST), "--cost-fn 10 --cost-fp 0.5 --prevalence 0.02"),
    ],
)
def test_a_rule_is_told_as_the_options_that_ask_for_it(rule: Rule, options: str) -> None:
    assert rule_options(rule, Practice(0.02, 10, 0.5)) == options
