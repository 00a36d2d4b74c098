from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from radiolens.data.case import Case, Manifest
from radiolens.data.splits import group_ids
from radiolens.errors import DatasetError
from radiolens.tasks import get_task
from radiolens.validation.variants.sample import FOLDS, draw_sample
from tests.validation.variants.hospital_cases import slices

CHEST, MRI, CT = (get_task(name) for name in ("chest-xray", "brain-mri", "brain-ct"))


def films(count: int, split: str = "train", source: str = "nih") -> list[Case]:
    return [
        Case(
            f"{source}/{split}/{number}.png",
            source=source,
            patient_id=f"{split}{number // 3}",
            split=split,
            labels={"pneumonia": number // 3 % 2, "tuberculosis": None},
        )
        for number in range(count)
    ]


def test_test_splits_and_external_sources_are_never_drawn() -> None:
    cases = (*films(60), *films(60, "validation"), *films(60, "test"), *films(60, "external"))
    sample = draw_sample(Manifest(Path("m.csv"), CHEST, cases), 1000, 0)
    assert {case.split for case in sample.cases} == {"train", "validation"}
    assert len(sample.cases) == 120


def test_no_patient_stands_in_two_folds_for_many_seeds() -> None:
    manifest = Manifest(Path("m.csv"), CHEST, (*films(90), *films(90, source="guangzhou")))
    for seed in range(20):
        sample = draw_sample(manifest, 100, seed)
        assert len(sample.cases) == 100
        assert sorted(np.unique(sample.folds)) == list(range(FOLDS))
        for patient in np.unique(sample.patients):
            assert len(np.unique(sample.folds[sample.patients == patient])) == 1
        assert sample.patients.max() + 1 == len(set(group_ids(sample.cases)))


def test_the_same_seed_draws_the_same_and_another_one_others() -> None:
    manifest = Manifest(Path("m.csv"), CHEST, tuple(films(300)))
    first, again, other = (draw_sample(manifest, 50, seed).cases for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_folds_of_a_source_that_names_no_patients_are_the_manifests() -> None:
    labels = (frozenset({"glioma"}), frozenset({"meningioma"}))
    sample = draw_sample(Manifest(Path("m.csv"), MRI, tuple(slices({"figshare": labels}, 50))), 1000, 0)
    assert [case.fold for case in sample.cases] == (sample.folds + 1).tolist()
    assert 5 not in {case.fold for case in sample.cases}


def test_of_heads_without_annotation_only_normal_ones_are_drawn() -> None:
    unknown = {"haemorrhage": None, "tumour": None}
    cases = [
        Case(
            f"images/stroke/{kind}/{number}.jpg", source="stroke", patient_id=str(number), split="train", labels=unknown
        )
        for kind in ("normal", "stroke")
        for number in range(20)
    ]
    sample = draw_sample(Manifest(Path("m.csv"), CT, tuple(cases)), 1000, 0)
    assert len(sample.cases) == 20
    assert sample.normal_heads.all()
    assert set(sample.sources) == {"stroke"}


def test_a_case_stands_for_the_drawn_share_of_its_source_and_label() -> None:
    cases = (*films(300), *films(30, source="guangzhou"))
    sample = draw_sample(Manifest(Path("m.csv"), CHEST, cases), 60, 0)
    for name in ("nih", "guangzhou"):
        of_source = sample.sources == name
        assert of_source.sum() == 30
        assert sample.stands_for[of_source].sum() == pytest.approx(300 if name == "nih" else 30)


def test_too_few_cases_are_told() -> None:
    with pytest.raises(DatasetError, match="1 annotated cases in the splits train and validation"):
        draw_sample(Manifest(Path("m.csv"), CHEST, tuple(films(1))), 10, 0)
