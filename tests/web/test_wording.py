"""Sets, indecision and refusals in words that a clinician cannot misread."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from radiolens.prediction import Finding, Prediction, Presence
from radiolens.quality import ADVICE, Problem, ProblemCode
from radiolens.web.studies import Study, find_study
from radiolens.web.wording import (
    PROBLEM_TITLES,
    Reading,
    as_reason,
    headline,
    refused_headline,
    set_note,
    words,
)

PRESENT, ABSENT, UNDECIDED = Presence.PRESENT, Presence.ABSENT, Presence.INDETERMINATE
TYPES = ("glioma", "meningioma", "pituitary", "no_tumour")


def study(key: str) -> Study:
    found = find_study(key)
    assert found
    return found


def reading(
    key: str,
    presences: Mapping[str, Presence],
    listed: tuple[str, ...] = (),
    probability: float = 0.6,
    coverage: float = 0.9,
    age: float | None = None,
) -> Reading:
    findings = tuple(Finding(label, probability, 0.5, presence) for label, presence in presences.items())
    prediction = Prediction(study(key).task_name, None, findings, listed)
    return Reading.of(study(key), prediction, coverage, age)


def pneumonia(listed: tuple[str, ...], probability: float, presence: Presence = UNDECIDED, **told: float) -> str:
    read = reading("pneumonia", {"pneumonia": presence}, listed, probability, **told)
    return words(read, read.shown[0], "50.0 %")


def test_an_undecided_finding_says_which_way_it_is_undecided() -> None:
    both, low, high, none = (
        pneumonia(listed, probability)
        for listed, probability in [(("pneumonia",), 0.6), (("pneumonia",), 0.4), ((), 0.6), ((), 0.4)]
    )
    assert both == "undecided: the network cannot tell: present and absent are both possible"
    assert low == "undecided: below the threshold of 50.0 %, but it cannot be ruled out"
    assert high == "undecided: above the threshold of 50.0 %, but not by enough to be believed"
    assert none == "undecided: the image looks like neither those with it nor those without"


def test_a_decided_finding_is_said_as_without_sets() -> None:
    assert pneumonia(("pneumonia",), 0.9, PRESENT) == "suspected (threshold 50.0 %)"
    assert pneumonia((), 0.1, ABSENT) == "not found (threshold 50.0 %)"
    assert pneumonia((), 0.6, coverage=0.0) == "undecided (threshold 50.0 %)"


@pytest.mark.parametrize(
    ("undecided", "listed", "said"),
    [
        (("glioma", "meningioma"), ("glioma", "meningioma"), "Undecided (glioma or meningioma)"),
        (("glioma", "no_tumour"), ("glioma", "no_tumour"), "Undecided (glioma or no tumour)"),
        (TYPES, TYPES, "Undecided (every answer is possible)"),
        (TYPES, (), "Undecided (the image fits none of the answers)"),
    ],
)
def test_the_possible_types_of_a_tumour_are_named(
    undecided: tuple[str, ...], listed: tuple[str, ...], said: str
) -> None:
    presences = {label: UNDECIDED if label in undecided else ABSENT for label in TYPES}
    read = reading("brain", presences, listed)
    assert headline(read) == f"{said}: have the image read by a radiologist"
    told = {entry.label: words(read, entry, "50.0 %") for entry in read.shown}
    assert {label for label, text in told.items() if text == "possible"} == set(listed)
    assert {label for label, text in told.items() if text == "less likely"} == set(TYPES) - set(undecided)
    assert all("fits none" in told[label] for label in undecided if label not in listed)


def test_the_one_type_of_a_set_is_the_only_answer_that_fits() -> None:
    read = reading("brain", {**dict.fromkeys(TYPES, ABSENT), "glioma": PRESENT}, ("glioma",))
    assert headline(read) == "Glioma suspected"
    assert words(read, read.shown[0], "50.0 %") == "the only answer that fits"
    normal = reading("brain", {**dict.fromkeys(TYPES, ABSENT), "no_tumour": PRESENT}, ("no_tumour",))
    assert headline(normal) == "No glioma, meningioma or pituitary tumour found"


def test_what_is_undecided_beside_a_suspicion_is_not_passed_over() -> None:
    read = reading("chest", {"pneumonia": PRESENT, "tuberculosis": UNDECIDED}, ("pneumonia", "tuberculosis"))
    assert headline(read) == "Pneumonia suspected; undecided: tuberculosis"
    both = reading("chest", {"pneumonia": UNDECIDED, "tuberculosis": UNDECIDED}, ("pneumonia",))
    assert headline(both) == "Undecided (pneumonia and tuberculosis): have the image read by a radiologist"


@pytest.mark.parametrize(("age", "young"), [(14.9, True), (15.0, False), (None, False)])
def test_a_finding_that_is_not_meant_for_the_patients_age_says_so(age: float | None, *, young: bool) -> None:
    read = reading("chest", {"pneumonia": ABSENT, "tuberculosis": UNDECIDED}, age=age)
    told = words(read, read.shown[1], "50.0 %")
    assert (told == "Not decided: it is meant for patients of 15 years and older") is young
    assert ("tuberculosis, not meant for this age" in headline(read)) is young


def test_thresholds_are_not_spoken_of_where_the_set_of_exclusive_answers_decides_alone() -> None:
    types = dict.fromkeys(TYPES, ABSENT)
    assert not reading("brain", types, ("glioma",)).by_threshold
    assert reading("brain", types, coverage=0.0).by_threshold
    assert reading("chest", {"pneumonia": ABSENT}).by_threshold


def test_what_sets_promise_is_said_with_their_coverage_and_their_limit() -> None:
    assert set_note(0.0) == ""
    assert "in 90 % of images" in set_note(0.9)
    assert "another hospital" in set_note(0.9)


@pytest.mark.parametrize("code", ProblemCode)
def test_every_problem_has_a_title_and_parts_what_was_found_from_what_to_do(code: ProblemCode) -> None:
    problem = Problem.found(code, "Something was found.")
    row = as_reason(problem.code, problem.message)
    assert (row.code, row.found) == (code, "Something was found.")
    assert row.advice == (
        ADVICE[code] if "--task" not in ADVICE[code] else "Choose the study and send the image again."
    )
    assert row.title[0].isupper()
    assert refused_headline([code]) == f"Not analysed: {PROBLEM_TITLES[code]}"


def test_a_message_with_advice_of_its_own_is_left_whole_and_a_code_is_named_once() -> None:
    row = as_reason("unreadable", "It is cut off. Send it again.")
    assert (row.found, row.advice) == ("It is cut off. Send it again.", "")
    told = refused_headline(["too_dark", "rotated", "too_dark"])
    assert told == "Not analysed: too dark, not upright"
