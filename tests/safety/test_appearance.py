"""What the gate network saw, against what is asked."""

from __future__ import annotations

import pytest

from radiolens.quality import Problem
from radiolens.safety.appearance import check_appearance, check_colour, combined, shows
from radiolens.safety.sight import Kind, Sight
from radiolens.task import Task
from radiolens.tasks import TASKS, get_task
from tests.safety.sights import LIMITS, sight

FITTING = {"chest-xray": Kind.CHEST_FRONTAL, "brain-mri": Kind.BRAIN_MR, "brain-ct": Kind.BRAIN_CT}


def problems(seen: Sight, task: str, *, told_by_header: bool = False, medical: bool = False) -> list[Problem]:
    return list(check_appearance(seen, get_task(task), told_by_header=told_by_header, medical=medical))


def codes(seen: Sight, task: str, *, told_by_header: bool = False, medical: bool = False) -> list[str]:
    return [entry.code.value for entry in problems(seen, task, told_by_header=told_by_header, medical=medical)]


def test_every_task_has_a_kind_of_picture_that_suits_it() -> None:
    assert {task.name for task in TASKS} == FITTING.keys()
    for name, kind in FITTING.items():
        assert codes(sight(kind), name) == []


@pytest.mark.parametrize(
    ("kind", "task", "code"),
    [
        (Kind.CHEST_LATERAL, "chest-xray", "wrong_view"),
        (Kind.BRAIN_MR, "chest-xray", "wrong_body_part"),
        (Kind.BRAIN_CT, "chest-xray", "wrong_body_part"),
        (Kind.OTHER, "chest-xray", "not_medical_image"),
        (Kind.BRAIN_CT, "brain-mri", "wrong_modality"),
        (Kind.CHEST_FRONTAL, "brain-mri", "wrong_body_part"),
        (Kind.CHEST_LATERAL, "brain-mri", "wrong_body_part"),
        (Kind.BRAIN_MR, "brain-ct", "wrong_modality"),
        (Kind.OTHER, "brain-ct", "not_medical_image"),
    ],
)
def test_another_kind_of_picture_is_refused_alone_with_what_was_seen_and_expected(
    kind: Kind, task: str, code: str
) -> None:
    (found,) = problems(sight(kind, rotated=1.0, inverted=1.0, distance=1.0), task)
    assert found.code == code
    assert found.message.startswith("The picture looks like ")
    assert f"{get_task(task).title} expects " in found.message


def test_what_names_its_machine_is_another_examination_and_no_photograph() -> None:
    assert codes(sight(Kind.OTHER), "chest-xray", medical=True) == ["wrong_body_part"]


def test_an_unsure_kind_is_refused_with_what_it_looks_like_most() -> None:
    (found,) = problems(sight(Kind.BRAIN_CT, 0.5), "brain-ct")
    assert found.code == "unlike_training_data"
    assert "not clearly a CT of the head; it looks most like a CT of the head (50%)" in found.message


def test_where_the_header_names_the_task_the_picture_need_not_be_as_sure_but_must_not_contradict() -> None:
    assert codes(sight(Kind.BRAIN_CT, 0.5), "brain-ct", told_by_header=True) == []
    assert codes(sight(Kind.BRAIN_MR, 0.5), "brain-ct", told_by_header=True) == ["unlike_training_data"]
    assert codes(sight(Kind.BRAIN_MR), "brain-ct", told_by_header=True) == ["wrong_modality"]
    assert codes(sight(Kind.CHEST_LATERAL, 0.5), "chest-xray", told_by_header=True) == ["unlike_training_data"]


@pytest.mark.parametrize("name", ["inverted", "rotated", "cropped"])
def test_a_defect_is_refused_from_its_limit_on(name: str) -> None:
    assert _with(name, LIMITS[name]) == [name]
    assert _with(name, LIMITS[name] - 0.01) == []


def _with(name: str, value: float) -> list[str]:
    values = {"inverted": 0.0, "rotated": 0.0, "cropped": 0.0} | {name: value}
    seen = sight(inverted=values["inverted"], rotated=values["rotated"], cropped=values["cropped"])
    return codes(seen, "chest-xray")


def test_several_defects_stand_together_and_explain_an_unsure_kind() -> None:
    seen = sight(Kind.CHEST_FRONTAL, 0.5, inverted=0.9, rotated=0.9)
    assert codes(seen, "chest-xray") == ["inverted", "rotated", "unlike_training_data"]


def test_a_picture_that_is_further_than_the_limit_is_refused() -> None:
    assert codes(sight(distance=LIMITS["distance"]), "chest-xray") == ["unlike_training_data"]
    assert codes(sight(distance=LIMITS["distance"] - 0.001), "chest-xray") == []


def test_a_task_of_an_unknown_kind_of_picture_is_not_judged() -> None:
    hand = Task("hand", "Hand X-ray", ("DX", "CR"), ("HAND",), (), exclusive=False, intended_use="", negative_answer="")
    assert not any(shows(kind, hand) for kind in Kind)
    assert list(check_appearance(sight(Kind.OTHER), hand, told_by_header=False, medical=False)) == []


def test_a_new_task_on_chest_films_is_guarded_without_a_change() -> None:
    fracture = Task("rib", "Ribs", ("DX",), ("CHEST",), (), exclusive=False, intended_use="", negative_answer="")
    (found,) = check_appearance(sight(Kind.CHEST_LATERAL), fracture, told_by_header=False, medical=False)
    assert found.code == "wrong_view"


def test_of_a_volume_one_odd_slice_does_not_decide() -> None:
    seen = combined([sight(Kind.BRAIN_MR), sight(Kind.BRAIN_MR), sight(Kind.OTHER, rotated=1.0, distance=1.0)])
    assert seen.kinds[Kind.BRAIN_MR] == pytest.approx((0.98 + 0.98 + 0.005) / 3)
    assert codes(seen, "brain-mri") == []


@pytest.mark.parametrize(("saturation", "expected"), [(0.0, []), (0.05, []), (0.1, ["not_medical_image"])])
def test_a_coloured_picture_is_no_medical_image(saturation: float, expected: list[str]) -> None:
    assert [found.code.value for found in check_colour(saturation)] == expected
