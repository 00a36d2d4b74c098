"""Prediction sets of a study: their coverage and size, and what is decided with them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from radiolens.data.known_answers import known_answers
from radiolens.data.manifest import Case
from radiolens.evaluation.conformal import ConformalSets, answers_of
from radiolens.evaluation.intervals import share_interval
from radiolens.prediction import Presence
from radiolens.task import Task
from radiolens.validation.plan import Plan
from radiolens.validation.prediction_sets import SetCoverage, set_coverage
from radiolens.validation.questions import Scored
from radiolens.validation.study import measure
from tests.validation.scored_cases import CHEST, MRI, THRESHOLDS, chest, grey_pictures, slices

PLAN = Plan(seed=1, resamples=50, trees=5)
PRESENT, ABSENT = Presence.PRESENT, Presence.ABSENT


def calibrated(task: Task, scored: Scored) -> ConformalSets:
    """Return the sets that other cases like these make."""
    answers = answers_of(task.label_names, exclusive=task.exclusive)
    truth = known_answers(answers, scored.cases, exclusive=task.exclusive)
    sources = [case.source for case in scored.cases]
    return ConformalSets.calibrated(task.label_names, scored.probabilities, truth, sources, exclusive=task.exclusive)


def row(found: tuple[SetCoverage, ...], label: str, presence: Presence, source: str) -> SetCoverage:
    (one,) = (each for each in found if (each.label, each.presence, each.source) == (label, presence, source))
    return one


def films(probabilities: list[float], present: list[int], source: str = "clinic") -> Scored:
    """Return films of a patient each, annotated for pneumonia alone."""
    cases = tuple(
        Case(f"{number}.png", source, patient_id=str(number), labels={"pneumonia": value, "tuberculosis": None})
        for number, value in enumerate(present)
    )
    share = np.stack([probabilities, np.full(len(present), 0.5)], axis=1)
    return Scored(cases, share, grey_pictures(len(present)))


def cut_at(low: float, high: float) -> ConformalSets:
    """Return sets that hold "present" from `low` on, and "absent" up to `high`, for pneumonia alone."""
    scores = np.concatenate([np.full(50, low), np.full(50, high)])[:, np.newaxis]
    truth = np.repeat([[False, True], [True, False]], 50, axis=0)
    return ConformalSets.calibrated(("pneumonia",), scores, truth, ["one"] * 100, exclusive=False)


def test_a_row_counts_what_the_sets_of_its_cases_hold_and_what_is_decided() -> None:
    # From 0.4 to 0.6 both answers stay possible, and the threshold lies at 0.5.
    scored = films([0.2, 0.45, 0.55, 0.9, 0.7, 0.1, 0.5, 0.3, 0.8], [1, 1, 1, 1, 0, 0, 0, 0, 0])
    found = set_coverage(CHEST, scored, {"pneumonia": 0.5}, [cut_at(0.4, 0.6)] * 9, PLAN)
    assert {(each.label, each.source) for each in found} == {("pneumonia", "clinic")}
    present = row(found, "pneumonia", PRESENT, "clinic")
    assert (present.cases, present.patients, present.asked) == (4, 4, 0.9)
    assert present.coverage == share_interval(3, 4)
    assert present.size.estimate == pytest.approx((1 + 2 + 2 + 1) / 4)
    assert (present.empty.estimate, present.several.estimate) == (0.0, 0.5)
    assert (present.right.estimate, present.indeterminate.estimate) == (0.25, 0.5)  # one is called absent
    absent = row(found, "pneumonia", ABSENT, "clinic")
    assert (absent.cases, absent.coverage.estimate, absent.right.estimate) == (5, 0.6, 0.4)


def test_where_neither_answer_fits_or_the_threshold_disagrees_nothing_is_decided() -> None:
    scored = films([0.2, 0.5, 0.65, 0.9], [0, 1, 1, 1])
    found = set_coverage(CHEST, scored, {"pneumonia": 0.8}, [cut_at(0.6, 0.4)] * 4, PLAN)
    present = row(found, "pneumonia", PRESENT, "clinic")
    assert present.empty.estimate == pytest.approx(1 / 3)
    assert present.coverage.estimate == pytest.approx(2 / 3)
    assert (present.right.estimate, present.indeterminate.estimate) == pytest.approx((1 / 3, 2 / 3))


def test_new_cases_are_covered_as_often_as_asked_in_each_source() -> None:
    sets = calibrated(CHEST, chest(1600, seed=1))
    found = set_coverage(CHEST, chest(1600, seed=2), THRESHOLDS, [sets] * 1600, PLAN)
    assert [(each.label, each.source) for each in found if each.presence is PRESENT] == [
        ("pneumonia", "children"),
        ("tuberculosis", "adults"),
    ]
    for each in found:
        assert each.coverage.low <= 0.9 <= each.coverage.high
        assert each.patients == each.cases / 2
        shares = each.right.estimate + each.indeterminate.estimate
        assert each.coverage.estimate - 1e-9 <= shares <= 1.0  # what is not covered is empty, or decided wrongly


def test_exclusive_labels_count_where_they_are_known_and_sets_go_over_all_of_them() -> None:
    random = np.random.default_rng(0)
    names = MRI.label_names

    def part(count: int) -> Scored:
        possible = [names[number % 4] if number % 5 else "glioma|meningioma|pituitary" for number in range(count)]
        signs = np.eye(4)[np.arange(count) % 4] * 2.0
        powers = np.exp(random.normal(signs, 1.0))
        return Scored(slices(possible, "web"), powers / powers.sum(axis=1, keepdims=True), grey_pictures(count))

    sets, scored = calibrated(MRI, part(2000)), part(1000)
    found = set_coverage(MRI, scored, dict.fromkeys(names, 0.5), [sets] * 1000, PLAN)
    assert [(each.label, each.presence, each.cases) for each in found] == [(name, PRESENT, 200) for name in names]
    inside = sets.included(scored.probabilities)
    rows = [number for number in range(1000) if number % 5 and number % 4 == 1]
    second = row(found, "meningioma", PRESENT, "web")
    assert second.size.estimate == pytest.approx(inside[rows].sum() / 200)
    assert second.right.estimate == pytest.approx(np.mean((inside[rows].sum(axis=1) == 1) & inside[rows, 1]))


def test_each_case_is_judged_by_the_sets_of_its_own_network() -> None:
    scored = films([0.5] * 40, [1] * 40)
    strict, lenient = cut_at(0.6, 0.9), cut_at(0.4, 0.9)
    found = set_coverage(CHEST, scored, {"pneumonia": 0.5}, [strict] * 10 + [lenient] * 30, PLAN)
    assert row(found, "pneumonia", PRESENT, "clinic").coverage.estimate == 0.75


def test_thresholds_may_differ_from_case_to_case() -> None:
    scored = films([0.7] * 40, [1] * 40)
    thresholds: dict[str, NDArray[np.float64]] = {"pneumonia": np.asarray([0.5] * 10 + [0.8] * 30)}
    found = set_coverage(CHEST, scored, thresholds, [cut_at(0.6, 0.4)] * 40, PLAN)
    assert row(found, "pneumonia", PRESENT, "clinic").right.estimate == 0.25


def test_images_of_a_patient_are_taken_together() -> None:
    scored = films([0.9] * 30 + [0.1] * 30, [1] * 60)
    one = replace(scored, cases=tuple(replace(case, patient_id=str(n // 30)) for n, case in enumerate(scored.cases)))
    alone, together = (
        row(
            set_coverage(CHEST, part, {"pneumonia": 0.5}, [cut_at(0.5, 0.5)] * 60, PLAN), "pneumonia", PRESENT, "clinic"
        )
        for part in (scored, one)
    )
    assert (together.patients, alone.patients) == (2, 60)
    assert together.coverage.high - together.coverage.low > 2 * (alone.coverage.high - alone.coverage.low)


def test_a_study_has_the_sets_it_is_given_and_none_without() -> None:
    scored = chest(120)
    sets = calibrated(CHEST, chest(400, seed=1))
    assert measure(CHEST, scored, THRESHOLDS, PLAN).prediction_sets == ()
    found = measure(CHEST, scored, THRESHOLDS, PLAN, sets=[sets] * 120).prediction_sets
    assert found == set_coverage(CHEST, scored, THRESHOLDS, [sets] * 120, PLAN)
    assert set_coverage(CHEST, Scored((), np.zeros((0, 2)), grey_pictures(0)), THRESHOLDS, [], PLAN) == ()
