"""Contrasts: which cases stand against which, told from what the cases say of themselves."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from radiolens.data.case import Case
from radiolens.tasks import get_task
from radiolens.validation.contrasts import ADULT, Contrast, Kind, contrasts
from radiolens.validation.questions import ANY_FINDING

CHEST, MRI = get_task("chest-xray"), get_task("brain-mri")


def films(source: str, pneumonia: int | None, tuberculosis: int | None, count: int = 10, **told: object) -> list[Case]:
    labels = {"pneumonia": pneumonia, "tuberculosis": tuberculosis}
    name = f"{source}-{pneumonia}-{tuberculosis}-{'-'.join(map(str, told.values()))}"
    return [Case(f"{name}-{number}", source, labels=labels, **told) for number in range(count)]  # type: ignore[arg-type]  # facts of a case by name


def named(cases: Sequence[Case], question: str) -> dict[str, Contrast]:
    return {contrast.name: contrast for contrast in contrasts(CHEST, question, cases)}


def sides(contrast: Contrast, cases: Sequence[Case]) -> tuple[set[str], set[str]]:
    """Return the beginnings of the paths of both groups."""
    first, second = contrast.rows[contrast.truth], contrast.rows[~contrast.truth]
    return {cases[row].path[:-2] for row in first}, {cases[row].path[:-2] for row in second}


def test_a_source_is_asked_as_a_whole_its_adults_and_their_views() -> None:
    cases = [
        *(film for side in (0, 1) for view in ("AP", "PA") for film in films("nih", side, None, age=40.0, view=view)),
        *(film for side in (0, 1) for film in films("nih", side, None, age=7.0, view="AP")),
    ]
    found = named(cases, "pneumonia")
    assert list(found) == ["nih", "nih, 18 and older", "nih, 18 and older, AP", "nih, 18 and older, PA"]
    assert {contrast.kind for contrast in found.values()} == {Kind.WITHIN}
    assert [len(contrast.rows) for contrast in found.values()] == [60, 40, 20, 20]
    adults = found["nih, 18 and older"]
    assert {cases[row].age for row in adults.rows} == {40.0}
    assert [bool(cases[row].labels["pneumonia"]) for row in adults.rows] == adults.truth.tolist()


def test_without_children_views_are_those_of_the_source_and_one_view_is_no_part() -> None:
    cases = [film for side in (0, 1) for view in ("AP", "PA") for film in films("a", side, None, age=18.0, view=view)]
    assert list(named(cases, "pneumonia")) == ["a", "a, AP", "a, PA"]
    assert list(named([case for case in cases if case.view == "AP"], "pneumonia")) == ["a"]
    assert ADULT == 18


def test_positives_alone_stand_against_the_normal_and_the_otherwise_ill_of_other_sources() -> None:
    cases = [*films("tbx", None, 1), *films("nih", 0, None), *films("nih", 1, None), *films("local", 0, 0)]
    found = named(cases, "tuberculosis")
    assert sides(found["tbx against nih"], cases) == ({"tbx-None-1-"}, {"nih-0-None-"})
    assert sides(found["tbx against nih with pneumonia"], cases) == ({"tbx-None-1-"}, {"nih-1-None-"})
    assert sides(found["tbx against local"], cases) == ({"tbx-None-1-"}, {"local-0-0-"})
    assert found["tbx against nih"].kind is Kind.AGAINST


def test_the_normal_cases_of_two_sources_ask_whether_a_score_tells_the_source() -> None:
    cases = [*films("nih", 0, None), *films("nih", 1, None), *films("local", 0, 0), *films("local", None, 1)]
    cue = named(cases, "tuberculosis")["normal cases of local against nih"]
    assert cue.kind is Kind.CUE
    assert sides(cue, cases) == ({"local-0-0-"}, {"nih-0-None-"})


def test_too_few_cases_on_one_side_are_no_contrast() -> None:
    assert named([*films("a", 1, None), *films("a", 0, None, count=9)], "pneumonia") == {}


@pytest.mark.parametrize("unknown", ["glioma|meningioma", "pituitary"])
def test_any_finding_of_exclusive_labels_counts_tumours_of_unknown_type(unknown: str) -> None:
    cases = [
        Case(f"{name}{number}", "web", possible=frozenset(name.split("|")))
        for name in (unknown, "no_tumour")
        for number in range(12)
    ]
    (found,) = contrasts(MRI, ANY_FINDING, cases)
    assert (found.name, int(found.truth.sum()), len(found.rows)) == ("web", 12, 24)
