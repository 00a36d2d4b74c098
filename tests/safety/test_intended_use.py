"""What a header may say, and what it may not."""

from __future__ import annotations

import numpy as np
import pytest

from radiolens.image import Image, Source, Unit
from radiolens.inference.gate import route
from radiolens.quality import Problem, ProblemCode
from radiolens.safety.intended_use import check_intended_use, matches_header
from radiolens.tasks import get_task


def image(
    modality: str | None = None, part: str | None = None, view: str | None = None, size: tuple[int, int] = (80, 90)
) -> Image:
    source = Source("dicom", body_part_examined=part)
    return Image(np.zeros((1, *size), np.float32), Unit.ARBITRARY, source, modality=modality, view=view)


def codes(shown: Image, task: str) -> list[ProblemCode]:
    return [problem.code for problem in check_intended_use(shown, get_task(task)).problems]


@pytest.mark.parametrize("part", ["BRAIN", "HEAD", "SKULL", "HEADNECK", "Head", " brain ", "BRAIN W/O CONTRAST"])
def test_an_mr_of_the_head_is_for_brain_mri_however_the_header_calls_it(part: str) -> None:
    assert codes(image("MR", part), "brain-mri") == []
    assert matches_header(image("MR", part), get_task("brain-mri"))


@pytest.mark.parametrize("part", ["CHEST", "LUNG", "THORAX", "Port Chest", "LUNGS", "CHEST PA"])
@pytest.mark.parametrize("modality", ["CR", "DX"])
def test_a_radiograph_of_the_chest_is_for_chest_xray(modality: str, part: str) -> None:
    assert codes(image(modality, part, "PA"), "chest-xray") == []
    assert route(image(modality, part)) == get_task("chest-xray")


@pytest.mark.parametrize("part", ["SKULL", "HEAD", "BRAIN", "HEADNECK"])
def test_a_ct_of_the_head_is_for_brain_ct(part: str) -> None:
    assert route(image("CT", part)) == get_task("brain-ct")


@pytest.mark.parametrize("part", ["TSPINE", "ABDOMEN", "CLAVICLE", "RIB", "SHOULDER", "NECK", "KNEE", "SKULL"])
def test_another_body_part_is_refused_with_what_was_found_and_expected(part: str) -> None:
    (problem,) = check_intended_use(image("DX", part), get_task("chest-xray")).problems
    assert problem.code is ProblemCode.WRONG_BODY_PART
    assert f"The file says body part {part}; Chest X-ray expects CHEST." in problem.message


@pytest.mark.parametrize("part", [None, "", "UNKNOWN", "n/a", "Other"])
@pytest.mark.parametrize("modality", [None, "OT", "SC"])
def test_a_header_that_says_nothing_is_not_held_against_an_image(modality: str | None, part: str | None) -> None:
    assert codes(image(modality, part), "chest-xray") == codes(image(modality, part), "brain-mri") == []
    assert not matches_header(image(modality, part), get_task("chest-xray"))


@pytest.mark.parametrize(("modality", "task"), [("CT", "chest-xray"), ("MR", "chest-xray"), ("CR", "brain-mri")])
def test_another_modality_is_refused(modality: str, task: str) -> None:
    assert codes(image(modality), task) == [ProblemCode.WRONG_MODALITY]


@pytest.mark.parametrize("view", ["LATERAL", "LL", "RL", "LAO"])
def test_a_view_that_is_not_frontal_is_refused(view: str) -> None:
    assert codes(image("DX", "CHEST", view), "chest-xray") == [ProblemCode.WRONG_VIEW]


@pytest.mark.parametrize("view", ["PA", "AP", "ap supine", "POSTERO-ANTERIOR", "ANTERO-POSTERIOR", "", None])
def test_a_frontal_or_unnamed_view_is_accepted(view: str | None) -> None:
    assert codes(image("DX", "CHEST", view), "chest-xray") == []


def test_the_view_of_a_slice_means_nothing() -> None:
    assert codes(image("MR", "BRAIN", "LL"), "brain-mri") == []


@pytest.mark.parametrize(("size", "expected"), [((64, 64), []), ((63, 500), [ProblemCode.TOO_SMALL])])
def test_too_few_pixels_are_refused(size: tuple[int, int], expected: list[ProblemCode]) -> None:
    assert codes(image(size=size), "chest-xray") == expected


def test_every_reason_is_told() -> None:
    found = codes(image("CT", "KNEE", "LATERAL", (10, 10)), "chest-xray")
    assert found == [
        ProblemCode.WRONG_MODALITY,
        ProblemCode.WRONG_BODY_PART,
        ProblemCode.WRONG_VIEW,
        ProblemCode.TOO_SMALL,
    ]


@pytest.mark.parametrize(
    ("shown", "told"),
    [
        (image("MR", "KNEE"), "The file says MR, KNEE, which fits no single study."),
        (image("DX"), "The file says DX, which fits no single study."),
        (image(), "The file does not say what kind of examination it is."),
    ],
)
def test_auto_does_not_guess(shown: Image, told: str) -> None:
    problem = route(shown)
    assert isinstance(problem, Problem)
    assert problem.code is ProblemCode.TASK_UNDETERMINED
    assert problem.message.startswith(told)
    assert "--task chest-xray" in problem.message
