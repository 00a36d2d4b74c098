"""The registry of tasks."""

from __future__ import annotations

import re
from dataclasses import FrozenInstanceError

import pytest

from radiolens.errors import UnknownTask
from radiolens.task import Task
from radiolens.tasks import TASKS, get_task

CONTRACT = {
    "chest-xray": ("pneumonia", "tuberculosis"),
    "brain-mri": ("glioma", "meningioma", "pituitary", "no_tumour"),
    "brain-ct": ("haemorrhage", "tumour"),
}


def test_tasks_and_labels_are_those_of_the_contract() -> None:
    assert {task.name: task.label_names for task in TASKS} == CONTRACT
    assert [task.name for task in TASKS if task.exclusive] == ["brain-mri"]


@pytest.mark.parametrize("task", TASKS, ids=lambda task: str(task.name))
def test_a_task_tells_what_it_is_for_and_never_says_healthy(task: Task) -> None:
    limits = task.limit_texts(task.label_names)
    told = " ".join([task.intended_use, task.negative_answer, *limits, *(label.title for label in task.labels)])
    assert "healthy" not in told.lower()
    assert task.negative_answer.startswith("No ")
    assert task.limits
    assert len(set(task.label_names)) == len(task.labels)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: str(task.name))
def test_every_finding_has_a_definition_and_a_snomed_code(task: Task) -> None:
    for label in task.labels:
        assert label.definition
        if not label.normal:
            assert label.code is not None
            assert label.code.scheme == "SCT"
            assert re.fullmatch(r"\d{6,18}", label.code.value)


def test_tasks_of_one_modality_share_no_body_part_so_that_a_header_names_one() -> None:
    named = [(modality, part) for task in TASKS for modality in task.modalities for part in task.body_parts]
    assert len(named) == len(set(named))


def test_an_unknown_task_names_the_known_ones() -> None:
    with pytest.raises(UnknownTask, match=r"Unknown task 'knee'\. Known tasks: chest-xray, brain-mri") as told:
        get_task("knee")
    assert (told.value.name, told.value.known) == ("knee", tuple(CONTRACT))


def test_a_label_is_found_by_name_and_a_task_cannot_be_changed() -> None:
    task = get_task("brain-ct")
    assert task.label("haemorrhage").released
    assert not task.label("tumour").released
    with pytest.raises(KeyError, match="glioma"):
        task.label("glioma")
    with pytest.raises(FrozenInstanceError):
        task.name = "other"  # type: ignore[misc]  that it cannot be is what is tested
