"""Problems: their sentences, and the order in which a reader gets them."""

from __future__ import annotations

import pytest

from radiolens.quality import ADVICE, Problem, ProblemCode, Quality


def test_every_code_has_advice_in_a_sentence() -> None:
    assert ADVICE.keys() == set(ProblemCode)
    assert all(text.endswith(".") for text in ADVICE.values())


def test_a_problem_says_what_was_found_and_then_what_to_do() -> None:
    assert Problem.found(ProblemCode.ROTATED, "Found.").message == f"Found. {ADVICE[ProblemCode.ROTATED]}"
    assert Problem.found(ProblemCode.ROTATED, "Found.", "Do.").message == "Found. Do."


@pytest.mark.parametrize("code", [code for code in ProblemCode if code is not ProblemCode.NOT_MEDICAL_IMAGE])
def test_every_code_has_its_place_in_the_order(code: ProblemCode) -> None:
    other = Problem(ProblemCode.TOO_DARK, "dark")
    assert {problem.code for problem in Quality.of([other, Problem(code, "x")]).problems} == {code, other.code}


def test_the_wrong_image_comes_before_the_wrong_picture_of_it_and_a_code_once() -> None:
    found = [
        Problem(ProblemCode.UNLIKE_TRAINING_DATA, "far"),
        Problem(ProblemCode.ROTATED, "turned"),
        Problem(ProblemCode.WRONG_BODY_PART, "by the header"),
        Problem(ProblemCode.WRONG_BODY_PART, "by the picture"),
    ]
    assert [problem.message for problem in Quality.of(found).problems] == ["by the header", "turned", "far"]


def test_what_is_no_medical_image_is_told_alone() -> None:
    found = [Problem(ProblemCode.TOO_SMALL, "small"), Problem(ProblemCode.NOT_MEDICAL_IMAGE, "a photograph")]
    assert [problem.message for problem in Quality.of(found).problems] == ["a photograph"]


def test_without_problems_an_image_is_accepted() -> None:
    assert Quality.of([]).accepted
    assert not Quality.of([Problem(ProblemCode.ROTATED, "turned")]).accepted
