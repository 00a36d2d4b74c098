"""What a reader is asked, and what an answer means beside the network's."""

from __future__ import annotations

import pytest

from radiolens.prediction import Finding, Presence
from radiolens.tasks import TASKS
from radiolens.web.reading.questions import agreement, in_words, presence_of, questions

PRESENT, ABSENT, OPEN = Presence.PRESENT, Presence.ABSENT, Presence.INDETERMINATE
CHEST, MRI = questions(["chest-xray"]), questions(["brain-mri"])


def found(**presence: Presence) -> tuple[Finding, ...]:
    return tuple(Finding(label, 0.5, 0.5, one) for label, one in presence.items())


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_every_label_of_a_task_is_asked(task) -> None:  # noqa: ANN001  one of TASKS
    (asked,) = questions([task.name])
    assert tuple(label.name for label in asked.labels) == task.label_names
    assert asked.exclusive is task.exclusive


def test_each_finding_is_answered_by_itself() -> None:
    fields = {"presence:pneumonia": "present", "presence:tuberculosis": "", "csrf_token": "x"}
    assert presence_of(fields, CHEST, "presence:") == {"pneumonia": PRESENT}
    assert presence_of(fields, CHEST, "truth:") == {}


def test_one_choice_among_exclusive_labels_answers_all_of_them() -> None:
    chosen = presence_of({"presence:brain-mri": "glioma"}, MRI, "presence:")
    assert chosen == {"glioma": PRESENT, "meningioma": ABSENT, "pituitary": ABSENT, "no_tumour": ABSENT}
    unsure = presence_of({"presence:brain-mri": "indeterminate"}, MRI, "presence:")
    assert set(unsure.values()) == {OPEN}


@pytest.mark.parametrize("fields", [{"presence:pneumonia": "perhaps"}, {"presence:brain-mri": "pneumonia"}])
def test_a_choice_that_nobody_was_given_is_refused(fields: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=next(iter(fields.values()))):
        presence_of(fields, (*CHEST, *MRI), "presence:")


@pytest.mark.parametrize(
    ("reader", "network", "agreed"),
    [
        ({"pneumonia": PRESENT}, {"pneumonia": PRESENT}, True),
        ({"pneumonia": ABSENT}, {"pneumonia": PRESENT}, False),
        ({"pneumonia": OPEN}, {"pneumonia": PRESENT}, None),
        ({}, {"pneumonia": PRESENT}, None),
        ({"pneumonia": PRESENT}, {"pneumonia": OPEN}, None),
        ({"pneumonia": PRESENT}, {}, None),
        ({"pneumonia": PRESENT, "tuberculosis": ABSENT}, {"pneumonia": PRESENT, "tuberculosis": OPEN}, None),
        ({"pneumonia": ABSENT, "tuberculosis": ABSENT}, {"pneumonia": PRESENT, "tuberculosis": OPEN}, False),
        ({"pneumonia": PRESENT, "tuberculosis": ABSENT}, {"pneumonia": PRESENT, "tuberculosis": ABSENT}, True),
        ({"pneumonia": PRESENT}, {"pneumonia": PRESENT, "tuberculosis": ABSENT}, None),
    ],
)
def test_agreeing_means_deciding_all_of_it_alike(
    reader: dict[str, Presence], network: dict[str, Presence], *, agreed: bool | None
) -> None:
    assert agreement(reader, found(**network)) is agreed


def test_an_answer_is_told_in_one_line() -> None:
    assert in_words({"tuberculosis": ABSENT, "pneumonia": PRESENT}) == "Pneumonia: present; Tuberculosis: absent"
    assert in_words(presence_of({"presence:brain-mri": "glioma"}, MRI, "presence:")) == "Glioma"
    assert in_words(dict.fromkeys(["glioma", "no_tumour"], OPEN)) == "Brain MRI: cannot tell"
    assert in_words({}) == ""
