"""What a reader is asked, and what is made of the answers of a form."""

from __future__ import annotations

import pytest

from radiolens.prediction import Presence
from radiolens.tasks import TASKS
from radiolens.web.reading.questions import in_words, presence_of, questions

PRESENT, ABSENT, OPEN = Presence.PRESENT, Presence.ABSENT, Presence.INDETERMINATE
CHEST, MRI = questions(["chest-xray"]), questions(["brain-mri"])


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


def test_an_answer_is_told_in_one_line() -> None:
    assert in_words({"tuberculosis": ABSENT, "pneumonia": PRESENT}) == "Pneumonia: present; Tuberculosis: absent"
    assert in_words(presence_of({"presence:brain-mri": "glioma"}, MRI, "presence:")) == "Glioma"
    assert in_words(dict.fromkeys(["glioma", "no_tumour"], OPEN)) == "Brain MRI: cannot tell"
    assert in_words({}) == ""
