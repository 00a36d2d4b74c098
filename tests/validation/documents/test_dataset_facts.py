"""What a manifest says of itself, counted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from radiolens.data.manifest import Case, Manifest
from radiolens.validation.documents.dataset_facts import Ages, LabelCount, dataset_facts
from tests.validation.scored_cases import CHEST, MRI, slices


def film(path: str, source: str, split: str, pneumonia: int | None, **facts: Any) -> Case:  # noqa: ANN401  any of a case
    labels = {"pneumonia": pneumonia, "tuberculosis": None}
    return Case(path=path, source=source, split=split, labels=labels, **facts)


CASES = (
    film("a", "clinic", "test", 1, patient_id="x", age=5.0, sex="F", licence="CC BY 4.0", sha256="0" * 64),
    film("b", "clinic", "test", 0, patient_id="x", age=71.0, sex="F", mask="m.png"),
    film("c", "clinic", "test", None, patient_id="y", age=30.0, sex="M", duplicate_group="g"),
    film("d", "clinic", "train", 1, fold=2),
    film("e", "abroad", "external", 0, fold=1),
    film("f", "abroad", "external", 0, fold=1),
)
FACTS = dataset_facts(Manifest(Path("m.csv"), CHEST, CASES), CASES[:2])


def test_every_part_is_counted_by_source_then_in_the_order_of_splits() -> None:
    assert (FACTS.cases, FACTS.scored) == (6, 2)
    assert [(part.source, part.split, part.cases, part.scored) for part in FACTS.parts] == [
        ("abroad", "external", 2, 0),
        ("clinic", "train", 1, 0),
        ("clinic", "test", 3, 2),
    ]


def test_a_part_tells_its_people_and_files() -> None:
    part = FACTS.parts[2]
    assert (part.patients, part.duplicate_groups, part.hashed, part.masked) == (2, 1, 1, 1)
    assert part.ages == Ages(3, 5.0, 30.0, 71.0)
    assert part.sexes == {"F": 2, "M": 1}
    assert part.licences == {"CC BY 4.0": 1, "not given": 2}
    assert FACTS.parts[0].ages is None
    assert FACTS.parts[0].folds == (1,)


def test_not_annotated_is_not_absent() -> None:
    pneumonia, tuberculosis = FACTS.parts[2].labels
    assert pneumonia == LabelCount("pneumonia", 1, 1, 1)
    assert tuberculosis == LabelCount("tuberculosis", 0, 0, 3)


def test_one_of_several_possible_types_is_not_annotated() -> None:
    cases = slices(["glioma", "glioma|pituitary", "no_tumour", ""])
    (part,) = dataset_facts(Manifest(Path("m.csv"), MRI, cases), cases).parts
    counts = {row.label: (row.present, row.absent, row.not_annotated) for row in part.labels}
    assert counts == {"glioma": (1, 1, 2), "meningioma": (0, 3, 1), "pituitary": (0, 2, 2), "no_tumour": (1, 2, 1)}


def test_no_patient_is_named() -> None:
    assert "'x'" not in repr(FACTS)
    assert "'y'" not in repr(FACTS)
