"""The decision, made once, and the values around it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiolens.prediction import Finding, Prediction, Presence, decide
from radiolens.quality import ADVICE, Problem, ProblemCode, Quality

PRESENT, ABSENT, INDETERMINATE = Presence.PRESENT, Presence.ABSENT, Presence.INDETERMINATE
SHARES = st.floats(0, 1)
NAMES = ("glioma", "meningioma", "no_tumour")


def decisions(probabilities: dict[str, float], thresholds: dict[str, float], *, exclusive: bool) -> list[Presence]:
    return [finding.presence for finding in decide(probabilities, thresholds, exclusive=exclusive)]


def test_an_independent_finding_is_present_from_its_own_threshold_on() -> None:
    thresholds = {"tuberculosis": 0.5, "pneumonia": 0.3}
    found = decide({"pneumonia": 0.3, "tuberculosis": 0.4999}, thresholds, exclusive=False)
    assert found == (
        Finding("pneumonia", 0.3, 0.3, PRESENT),
        Finding("tuberculosis", 0.4999, 0.5, ABSENT),
    )


@pytest.mark.parametrize(
    ("probabilities", "expected"),
    [
        ((0.6, 0.3, 0.1), [PRESENT, ABSENT, ABSENT]),
        ((0.4, 0.35, 0.25), [INDETERMINATE, ABSENT, ABSENT]),
        ((0.1, 0.4, 0.5), [ABSENT, ABSENT, PRESENT]),
    ],
)
def test_of_exclusive_labels_the_likeliest_is_present_or_indeterminate(
    probabilities: tuple[float, ...], expected: list[Presence]
) -> None:
    named = dict(zip(NAMES, probabilities, strict=True))
    assert decisions(named, dict.fromkeys(NAMES, 0.5), exclusive=True) == expected


def test_a_second_label_over_a_low_threshold_is_still_absent() -> None:
    named = dict(zip(NAMES, (0.45, 0.4, 0.15), strict=True))
    assert decisions(named, dict.fromkeys(NAMES, 0.2), exclusive=True) == [PRESENT, ABSENT, ABSENT]


@given(st.lists(SHARES, min_size=3, max_size=3), st.lists(SHARES, min_size=3, max_size=3), st.permutations(NAMES))
def test_the_order_of_the_labels_decides_nothing(
    probabilities: list[float], thresholds: list[float], order: list[str]
) -> None:
    named, limits = dict(zip(NAMES, probabilities, strict=True)), dict(zip(NAMES, thresholds, strict=True))
    for exclusive in (False, True):
        if exclusive and len(set(probabilities)) < 3:
            continue  # which of two equal ones is the likeliest, only the order can say
        straight = {finding.label: finding for finding in decide(named, limits, exclusive=exclusive)}
        turned = {name: named[name] for name in order}
        assert {finding.label: finding for finding in decide(turned, limits, exclusive=exclusive)} == straight


BOTH, NEITHER = {PRESENT, ABSENT}, set[Presence]()


@pytest.mark.parametrize(
    ("probability", "possible", "expected"),
    [
        (0.8, {PRESENT}, PRESENT),
        (0.2, {ABSENT}, ABSENT),
        (0.8, BOTH, INDETERMINATE),
        (0.2, BOTH, INDETERMINATE),
        (0.8, NEITHER, INDETERMINATE),
        (0.2, NEITHER, INDETERMINATE),
        (0.8, {ABSENT}, INDETERMINATE),  # contradicts the threshold
        (0.2, {PRESENT}, INDETERMINATE),
    ],
)
def test_a_finding_is_decided_where_threshold_and_set_agree(
    probability: float, possible: set[Presence], expected: Presence
) -> None:
    found = decide({"pneumonia": probability}, {"pneumonia": 0.5}, exclusive=False, possible={"pneumonia": possible})
    assert found == (Finding("pneumonia", probability, 0.5, expected),)


@pytest.mark.parametrize(
    ("possible", "expected"),
    [
        ([{PRESENT}, {ABSENT}, {ABSENT}], [PRESENT, ABSENT, ABSENT]),  # far below its threshold, and the least likely
        ([BOTH, {ABSENT}, BOTH], [INDETERMINATE, ABSENT, INDETERMINATE]),
        ([NEITHER, NEITHER, NEITHER], [INDETERMINATE] * 3),
    ],
)
def test_of_exclusive_labels_the_set_decides_alone(possible: list[set[Presence]], expected: list[Presence]) -> None:
    named = dict(zip(NAMES, (0.1, 0.2, 0.7), strict=True))
    found = decide(named, dict.fromkeys(NAMES, 0.5), exclusive=True, possible=dict(zip(NAMES, possible, strict=True)))
    assert [finding.presence for finding in found] == expected


@pytest.mark.parametrize(
    ("label", "expected"), [("glioma", [INDETERMINATE, ABSENT, ABSENT]), ("meningioma", [PRESENT, ABSENT, ABSENT])]
)
def test_a_threshold_that_a_site_has_chosen_holds_back_its_own_label_alone(
    label: str, expected: list[Presence]
) -> None:
    named, limits = dict(zip(NAMES, (0.6, 0.3, 0.1), strict=True)), {**dict.fromkeys(NAMES, 0.5), label: 0.7}
    alone = {name: {PRESENT} if name == "glioma" else {ABSENT} for name in NAMES}
    found = decide(named, limits, exclusive=True, possible=alone, binding={label})
    assert [finding.presence for finding in found] == expected
    reached = decide(named, {**limits, label: 0.6}, exclusive=True, possible=alone, binding={label})
    assert [finding.presence for finding in reached] == [PRESENT, ABSENT, ABSENT]


def test_a_set_that_lacks_a_label_is_an_error() -> None:
    with pytest.raises(KeyError, match="pneumonia"):
        decide({"pneumonia": 0.5}, {"pneumonia": 0.5}, exclusive=False, possible={})


def test_a_label_without_a_threshold_is_an_error() -> None:
    with pytest.raises(KeyError, match="tuberculosis"):
        decide({"tuberculosis": 0.5}, {"pneumonia": 0.5}, exclusive=False)


def test_a_prediction_without_findings_is_no_answer_and_finds_its_labels_by_name() -> None:
    answer = Prediction("chest-xray", None, decide({"pneumonia": 0.7}, {"pneumonia": 0.5}, exclusive=False))
    assert answer.answered
    assert answer.finding("pneumonia").presence is PRESENT
    with pytest.raises(KeyError, match="glioma"):
        answer.finding("glioma")
    assert not Prediction(None, None).answered


@pytest.mark.parametrize("code", ProblemCode)
def test_each_problem_says_what_was_found_and_what_to_do(code: ProblemCode) -> None:
    problem = Problem.found(code, "The file says so.")
    assert problem.message == f"The file says so. {ADVICE[code]}"
    assert ADVICE[code].endswith(".")
    assert not Quality((problem,)).accepted
    assert Quality().accepted
