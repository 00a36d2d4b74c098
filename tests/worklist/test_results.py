"""What the answers of a case come to."""

from __future__ import annotations

import itertools

import pytest

from radiolens.prediction import Finding, Prediction, Presence
from radiolens.store.schema import ImageState
from radiolens.worklist.results import Decision, Result, Standing, concerning, findings_of, standing


def answered(*presences: Presence, probability: float = 0.6, task: str = "chest-xray") -> Result:
    labels = {"chest-xray": ("pneumonia", "tuberculosis"), "brain-mri": ("glioma", "no_tumour")}[task]
    findings = [Finding(label, probability, 0.5, presence) for label, presence in zip(labels, presences, strict=True)]
    return Result(ImageState.ANSWERED, task, tuple(findings))


PRESENT = answered(Presence.ABSENT, Presence.PRESENT)
UNDECIDED = answered(Presence.INDETERMINATE, Presence.ABSENT)
ABSENT = answered(Presence.ABSENT, Presence.ABSENT)
FAILED, REFUSED, UNREADABLE = (
    Result(state) for state in (ImageState.FAILED, ImageState.REFUSED, ImageState.UNREADABLE)
)


@pytest.mark.parametrize(
    ("result", "decision"),
    [
        (PRESENT, Decision.PRESENT),
        (UNDECIDED, Decision.INDETERMINATE),
        (ABSENT, Decision.ABSENT),
        (FAILED, Decision.FAILED),
        (REFUSED, Decision.REFUSED),
        (UNREADABLE, Decision.UNREADABLE),
    ],
)
def test_one_image_decides_its_case(result: Result, decision: Decision) -> None:
    assert standing([result]).decision is decision


def test_of_several_images_that_counts_which_asks_most_for_a_look() -> None:
    order = (PRESENT, UNDECIDED, FAILED, REFUSED, UNREADABLE, ABSENT)
    for first, second in itertools.combinations(order, 2):
        assert standing([second, first]) == standing([first])
        assert (standing([first]).urgency or 0) > (standing([second]).urgency or 0)


def test_a_probability_never_lifts_a_decision_over_another() -> None:
    unsure, sure = (answered(Presence.PRESENT, Presence.ABSENT, probability=p) for p in (0.0, 1.0))
    undecided = answered(Presence.INDETERMINATE, Presence.ABSENT, probability=1.0)
    urgencies = [standing([entry]).urgency or 0 for entry in (sure, unsure, undecided)]
    assert urgencies == sorted(urgencies, reverse=True)
    assert urgencies[0] == 1.0


@pytest.mark.parametrize(
    ("first", "second", "both"),
    [
        ((Presence.ABSENT, Presence.ABSENT), (Presence.ABSENT, Presence.PRESENT), (Presence.ABSENT, Presence.PRESENT)),
        (
            (Presence.INDETERMINATE, Presence.ABSENT),
            (Presence.ABSENT, Presence.INDETERMINATE),
            (Presence.INDETERMINATE, Presence.INDETERMINATE),
        ),
    ],
)
def test_what_one_image_shows_the_case_has(
    first: tuple[Presence, ...], second: tuple[Presence, ...], both: tuple[Presence, ...]
) -> None:
    answers = [Prediction("chest-xray", None, answered(*presences).findings) for presences in (first, second)]
    for order in (answers, answers[::-1]):
        assert tuple(entry.presence for entry in findings_of(order)) == both
    assert findings_of(answers[:1]) == answers[0].findings


def test_a_case_is_only_normal_if_every_image_is() -> None:
    tumour, normal = (
        Prediction("brain-mri", None, answered(*presences, task="brain-mri").findings)
        for presences in ((Presence.PRESENT, Presence.ABSENT), (Presence.ABSENT, Presence.PRESENT))
    )
    assert findings_of([normal, tumour]) == findings_of([tumour, normal]) == tumour.findings


def test_images_that_wait_count_for_nothing() -> None:
    waiting = [Result(ImageState.QUEUED), Result(ImageState.SCORING)]
    assert standing(waiting) == standing([]) == Standing()
    assert standing([*waiting, ABSENT]).decision is Decision.ABSENT


def test_what_is_normal_is_no_finding() -> None:
    normal = answered(Presence.ABSENT, Presence.PRESENT, task="brain-mri")
    assert standing([normal]).decision is Decision.ABSENT
    assert list(concerning(normal.findings, "brain-mri")) == []
    assert [entry.label for entry in concerning(PRESENT.findings, "chest-xray")] == ["tuberculosis"]


def test_a_task_that_is_not_known_any_more_still_tells_its_findings() -> None:
    gone = Result(ImageState.ANSWERED, "knee", (Finding("fracture", 0.9, 0.5, Presence.PRESENT),))
    assert standing([gone]).decision is Decision.PRESENT
