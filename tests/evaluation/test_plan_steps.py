"""What a slider offers is what a rule would choose, and its figures are those of the plan."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from radiolens.errors import DatasetError
from radiolens.evaluation.cut_offs import Practice
from radiolens.evaluation.plan_steps import offered_steps, rule_of_step
from radiolens.evaluation.threshold_plan import plan_threshold
from radiolens.evaluation.thresholds import Criterion, Rule
from tests.evaluation.test_threshold_plan import local

PRACTICE = Practice(0.1)


def test_each_step_finds_fewer_cases_than_the_one_before_and_is_worth_it() -> None:
    found = offered_steps(local(30, 60), PRACTICE)
    thresholds = [step.threshold for step in found.steps]
    assert thresholds == sorted(thresholds)
    assert [step.counts.true_positives for step in found.steps] == list(range(30, 0, -1))
    alarms = [step.counts.false_positives for step in found.steps]
    assert alarms == sorted(alarms, reverse=True)


def test_the_plan_of_a_step_chooses_that_step_with_its_figures() -> None:
    cases = local(30, 60)
    for step in offered_steps(cases, PRACTICE).steps[::9]:
        plan = plan_threshold(cases, rule_of_step(step), PRACTICE, 0.05)
        assert repr(plan.chosen) == repr(step)  # there are costs of nan, which equals nothing


def test_a_rule_is_found_among_the_steps() -> None:
    found = offered_steps(local(40, 60), PRACTICE)
    at = found.at(Rule(Criterion.SENSITIVITY, 0.9))
    assert at is not None
    assert found.steps[at].sensitivity.estimate == pytest.approx(0.9)
    best = found.at(Rule(Criterion.YOUDEN))
    assert best is not None
    sums = [step.sensitivity.estimate + step.specificity.estimate for step in found.steps]
    assert sums[best] == pytest.approx(max(sums))
    assert found.at(Rule(Criterion.SPECIFICITY, 1.0, lower_bound=True)) is None


def test_of_many_steps_some_are_offered_with_both_ends() -> None:
    cases = local(500, 700)
    every, some = offered_steps(cases, PRACTICE, most=10_000), offered_steps(cases, PRACTICE)
    assert len(every.steps) == 500
    assert len(some.steps) == 200
    assert (some.steps[0].threshold, some.steps[-1].threshold) == (
        every.steps[0].threshold,
        every.steps[-1].threshold,
    )


def test_the_curve_spans_the_area_of_scikit_learn() -> None:
    cases = local(100, 150)
    curve = offered_steps(cases, PRACTICE).roc
    assert curve[0].tolist() == [0, 0]
    assert curve[-1].tolist() == [1, 1]
    assert np.trapezoid(curve[:, 1], curve[:, 0]) == pytest.approx(roc_auc_score(cases.truth, cases.scores), abs=0.01)


def test_too_few_cases_are_refused_and_what_cannot_be_called_is_never_found() -> None:
    with pytest.raises(DatasetError, match="9 positives and 20 negatives"):
        offered_steps(local(9, 20), PRACTICE)
    cases = local(20, 20)
    half = replace(cases, callable_rows=np.arange(40) % 2 == 0)
    assert offered_steps(half, PRACTICE).steps[0].sensitivity.estimate == pytest.approx(0.5)
