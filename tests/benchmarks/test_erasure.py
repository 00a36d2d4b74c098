"""The comparison of shares asks what it says it asks."""

from __future__ import annotations

from benchmarks.erasure import questions
from radiolens.data.manifest import Case
from radiolens.training.config import SourceErasure


def test_ill_films_of_the_second_source_are_told_from_every_group_without_the_finding() -> None:
    labels = {
        "home": {"tuberculosis": 0, "pneumonia": 0},
        "ill": {"tuberculosis": 1, "pneumonia": None},
        "away": {"tuberculosis": None, "pneumonia": 0},
        "away ill": {"tuberculosis": None, "pneumonia": 1},
    }
    cases = [
        Case(name, source="nih" if name.startswith("away") else "collection", labels=own)
        for name, own in labels.items()
    ]
    asked = questions(SourceErasure("tuberculosis", ("nih", "collection")), cases)
    named = {
        name: tuple([case.path for case, inside in zip(cases, side, strict=True) if inside] for side in sides)
        for name, sides in asked.items()
    }
    assert named == {
        "normals of nih against collection": (["away"], ["home"]),
        "collection, against its normals": (["ill"], ["home"]),
        "collection, against nih, normal": (["ill"], ["away"]),
        "collection, against nih, pneumonia": (["ill"], ["away ill"]),
    }
