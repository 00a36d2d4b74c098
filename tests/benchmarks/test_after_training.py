"""The comparison of what is changed after training asks what it says it asks."""

from __future__ import annotations

from benchmarks.after_training import questions
from radiolens.data.manifest import Case


def test_ill_cases_are_told_from_every_group_without_the_label_and_homes_normals_from_others() -> None:
    labels = {
        "home": {"tuberculosis": 0, "pneumonia": 0},
        "ill": {"tuberculosis": 1, "pneumonia": None},
        "away": {"tuberculosis": None, "pneumonia": 0},
        "away ill": {"tuberculosis": None, "pneumonia": 1},
        "nothing told": {"tuberculosis": None, "pneumonia": None},
    }
    cases = [
        Case(name, source="nih" if name.startswith("away") else "collection", labels=own)
        for name, own in labels.items()
    ]
    asked = questions(cases, ["pneumonia", "tuberculosis"])
    named = {
        name: (label, *([case.path for case, inside in zip(cases, side, strict=True) if inside] for side in sides))
        for name, (label, *sides) in asked.items()
    }
    assert named == {
        "pneumonia: nih, pneumonia against collection, normal": ("pneumonia", ["away ill"], ["home"]),
        "pneumonia: nih, pneumonia against nih, normal": ("pneumonia", ["away ill"], ["away"]),
        "pneumonia: collection, normal against nih, normal": ("pneumonia", ["home"], ["away"]),
        "pneumonia: nih, pneumonia against collection, tuberculosis": ("pneumonia", ["away ill"], ["ill"]),
        "tuberculosis: collection, tuberculosis against collection, normal": ("tuberculosis", ["ill"], ["home"]),
        "tuberculosis: collection, tuberculosis against nih, normal": ("tuberculosis", ["ill"], ["away"]),
        "tuberculosis: collection, tuberculosis against nih, pneumonia": ("tuberculosis", ["ill"], ["away ill"]),
        "tuberculosis: nih, normal against collection, normal": ("tuberculosis", ["away"], ["home"]),
    }
