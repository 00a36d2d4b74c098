"""A plan from simulated cases: what is chosen, what it rests on, and what is said of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from radiolens.errors import DatasetError
from radiolens.evaluation.cut_offs import Practice
from radiolens.evaluation.discrimination import confusion
from radiolens.evaluation.targets import WHO_TRIAGE_2014
from radiolens.evaluation.threshold_plan import LocalCases, plan_threshold
from radiolens.evaluation.thresholds import Criterion, Rule

AT_90 = Rule(Criterion.SENSITIVITY, 0.9)
PRACTICE = Practice(0.1)


def local(positives: int, negatives: int, seed: int = 0, patients: int | None = None, shift: float = 2.0) -> LocalCases:
    """Return normal scores, the positives' `shift` standard deviations higher, half of the rows of each sex."""
    random = np.random.default_rng(seed)
    truth: NDArray[np.bool_] = np.arange(positives + negatives) < positives
    scores = 1 / (1 + np.exp(-random.normal(shift * truth, 1.0)))
    names = np.arange(len(truth)) if patients is None else random.integers(0, patients, len(truth))
    sex = np.where(np.arange(len(truth)) % 2, "F", "M")
    return LocalCases(truth, scores, names.astype(str), np.ones(truth.shape, bool), {"sex": sex})


def test_the_chosen_cut_off_is_what_the_decision_at_its_threshold_gives() -> None:
    cases = local(150, 250)
    plan = plan_threshold(cases, AT_90, PRACTICE, 0.05)
    assert plan.chosen.counts == confusion(cases.truth, cases.scores >= plan.chosen.threshold)
    assert plan.chosen.sensitivity.estimate >= 0.9
    assert plan.chosen in plan.cut_offs
    assert len(plan.cut_offs) == len(np.unique(cases.scores))
    assert (plan.positives, plan.negatives, plan.patients) == (150, 250, 400)
    assert plan.by_patient is None
    assert plan.verdict is None


def test_the_same_input_gives_the_same_plan_and_progress_is_told() -> None:
    told: list[tuple[int, int]] = []
    first = plan_threshold(
        local(40, 60, patients=70), AT_90, PRACTICE, 0.1, progress=lambda done, total: told.append((done, total))
    )
    second = plan_threshold(local(40, 60, patients=70), AT_90, PRACTICE, 0.1)
    assert repr(first) == repr(second)  # there are costs of nan, which equals nothing
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_several_images_of_a_patient_widen_the_interval_and_are_told() -> None:
    cases = local(60, 100)
    ten_each = LocalCases(
        np.repeat(cases.truth, 10),
        np.repeat(cases.scores, 10),
        np.repeat(cases.patients, 10),
        np.ones(1600, bool),
    )
    plan = plan_threshold(ten_each, AT_90, PRACTICE, 0.05)
    assert plan.by_patient is not None
    wilson, clustered = plan.chosen.specificity, plan.by_patient.specificity
    assert clustered.high - clustered.low > 2 * (wilson.high - wilson.low)
    assert "The 1600 images are of 160 patients" in " ".join(plan.remarks)


def test_it_says_that_it_is_judged_on_the_cases_it_was_chosen_on() -> None:
    assert "chosen on the cases that it is judged on" in plan_threshold(local(20, 20), AT_90, PRACTICE, 0.05).remarks[0]
    lone = local(20, 20)
    one_patient = replace(lone, patients=np.where(lone.truth, "a", lone.patients))
    remarks = plan_threshold(one_patient, AT_90, PRACTICE, 0.05).remarks
    assert "too few to tell how much" in remarks[0]


def test_subgroups_have_their_support_and_the_worst_is_named_where_numbers_allow() -> None:
    cases = local(60, 60)
    worse = replace(cases, scores=np.where(cases.truth & (cases.attributes["sex"] == "F"), 0.3, cases.scores))
    groups = plan_threshold(worse, Rule(Criterion.SPECIFICITY, 0.9), PRACTICE, 0.05).subgroups
    assert [(entry.attribute, entry.measure) for entry in groups] == [("sex", "sensitivity"), ("sex", "specificity")]
    assert [(group.name, group.support) for group in groups[0].groups] == [("F", 30), ("M", 30)]
    assert groups[0].worst is not None
    assert groups[0].worst.name == "F"
    same = replace(cases, scores=cases.truth * 1.0)
    assert [entry.worst for entry in plan_threshold(same, AT_90, PRACTICE, 0.05).subgroups] == [None, None]
    few = replace(cases, attributes={"sex": np.where(np.arange(120) < 4, "F", "M")})
    (sensitivity, specificity) = plan_threshold(few, AT_90, PRACTICE, 0.05).subgroups
    assert np.isnan(sensitivity.groups[0].interval.estimate)
    assert sensitivity.worst is None
    assert [group.name for group in specificity.groups] == ["M"]


def test_the_missing_cases_are_counted_for_both_classes() -> None:
    sensitivity, specificity = plan_threshold(local(40, 1000), AT_90, PRACTICE, 0.05).shortfalls
    assert sensitivity.missing > 0
    assert sensitivity.patients == 10 * sensitivity.missing
    assert (specificity.missing, specificity.cases) == (0, 1000)
    _, few = plan_threshold(local(40, 40), AT_90, PRACTICE, 0.05).shortfalls
    assert 0.9 * (few.patients - 1) < few.missing <= 0.9 * few.patients


def test_the_target_is_judged_with_the_corrected_bounds_too() -> None:
    cases = local(500, 500, shift=2.5)
    plan = plan_threshold(cases, Rule(Criterion.SENSITIVITY, 0.9, lower_bound=True), PRACTICE, 0.05, WHO_TRIAGE_2014)
    assert plan.verdict is not None
    assert plan.verdict.sensitivity_low == min(plan.chosen.sensitivity.low, plan.corrected.sensitivity.low)
    assert plan.verdict.specificity_low > 0.7
    assert plan.verdict.met is (plan.corrected.sensitivity.low >= 0.9)


def test_the_target_is_judged_by_patient_too() -> None:
    cases = local(200, 200, shift=3.0)
    ten_each = LocalCases(
        np.repeat(cases.truth, 10), np.repeat(cases.scores, 10), np.repeat(cases.patients, 10), np.ones(4000, bool)
    )
    plan = plan_threshold(ten_each, AT_90, PRACTICE, 0.05, WHO_TRIAGE_2014)
    assert plan.by_patient is not None
    assert plan.verdict is not None
    judged = (plan.chosen, plan.corrected, plan.by_patient)
    assert plan.verdict.sensitivity_low == min(entry.sensitivity.low for entry in judged)
    assert plan.verdict.specificity_low == min(entry.specificity.low for entry in judged)
    assert plan.by_patient.specificity.low < plan.chosen.specificity.low


def test_too_few_cases_are_refused_with_the_number_that_is_needed() -> None:
    with pytest.raises(DatasetError, match=r"9 positives and 60 negatives; a threshold needs at least 10 of each.*141"):
        plan_threshold(local(9, 60), AT_90, PRACTICE, 0.05)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (
            Rule(Criterion.SENSITIVITY, 0.9, lower_bound=True),
            r"its lower bound 0\.839\. Ask for less, or bring 35 cases",
        ),
        (Rule(Criterion.SENSITIVITY, 1.0, lower_bound=True), r"its lower bound 0\.839\. Ask for less\.$"),
        (Rule(Criterion.SPECIFICITY, 1.0), r"the highest is 0\.950, 38 of 40 cases\. Ask for less"),
    ],
)
def test_a_target_that_no_cut_off_reaches_is_refused_with_the_best_there_is(rule: Rule, message: str) -> None:
    cases = local(20, 40)
    scores = cases.scores.copy()
    scores[20:22] = 1.0
    with pytest.raises(DatasetError, match=message):
        plan_threshold(replace(cases, scores=scores), rule, PRACTICE, 0.05)


def test_a_threshold_of_the_lowest_score_and_costs_that_ask_for_nobody_are_told() -> None:
    everybody = plan_threshold(local(30, 30), Rule(Criterion.COST), Practice(0.5, 1000, 1), 0.05)
    assert everybody.chosen.counts.false_negatives == 0
    lowest = replace(local(30, 30), scores=np.full(60, 0.5))
    assert "calls every case positive" in plan_threshold(lowest, AT_90, PRACTICE, 0.05).remarks[-1]
    nobody = plan_threshold(local(30, 30, shift=0.0), Rule(Criterion.COST), Practice(0.01, 1, 100), 0.05)
    assert nobody.remarks[-1] == "At these costs it is as cheap to call nobody positive: 10 per 1000 patients."


def test_an_exclusive_label_is_called_only_where_it_is_the_likeliest() -> None:
    cases = local(60, 60)
    likeliest = np.arange(120) % 3 > 0
    plan = plan_threshold(replace(cases, callable_rows=likeliest), Rule(Criterion.YOUDEN), PRACTICE, 0.05)
    assert plan.chosen.counts == confusion(cases.truth, likeliest & (cases.scores >= plan.chosen.threshold))
    with pytest.raises(DatasetError, match=r"No cut-off has a sensitivity of 0\.9: the highest is 0\.667"):
        plan_threshold(replace(cases, callable_rows=likeliest), AT_90, PRACTICE, 0.05)
