from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from radiolens.data.manifest import Case, Manifest
from radiolens.data.sources import LAYOUTS, brain_ct, chest_xray
from radiolens.data.sources.collection import committed_splits
from radiolens.data.splits import check_no_leakage, folds_by_group, group_ids, hold_out_fold, split_by_group
from radiolens.errors import PatientLeakage
from radiolens.tasks import get_task
from tests.shared_data import SHARED, needs_shared_data

MRI = get_task("brain-mri")


def cases(count: int = 200) -> tuple[Case, ...]:
    return tuple(
        Case(f"{number}.png", "clinic", patient_id=str(number // 3), labels={"pneumonia": (number // 3) % 2})
        for number in range(count)
    )


@pytest.mark.parametrize("seed", range(10))
def test_no_patient_stands_in_two_splits(seed: int) -> None:
    found = cases()
    splits = split_by_group(found, ("train", "validation", "test"), (0.7, 0.1, 0.2), seed)
    split = tuple(replace(case, split=name) for case, name in zip(found, splits, strict=True))
    check_no_leakage(split)
    assert Counter(splits)["train"] == pytest.approx(140, abs=6)


def test_a_split_is_reproducible_and_folds_are_even() -> None:
    names, fractions = ("train", "test"), (0.5, 0.5)
    assert split_by_group(cases(), names, fractions, 1) == split_by_group(cases(), names, fractions, 1)
    assert set(Counter(folds_by_group(cases(), 4).tolist())) == {1, 2, 3, 4}
    with pytest.raises(ValueError, match="sum to 1"):
        split_by_group(cases(), names, (0.5, 0.6))


def test_a_patient_and_a_duplicate_link_cases_however_indirectly() -> None:
    chain = (
        Case("a", "s", patient_id="1"),
        Case("b", "s", patient_id="1", duplicate_group="x"),
        Case("c", "s", duplicate_group="x"),
        Case("d", "other", patient_id="1"),
    )
    groups = group_ids(chain)
    assert groups[0] == groups[1] == groups[2] != groups[3]


@pytest.mark.parametrize("part", ["split", "fold"])
def test_a_patient_in_two_parts_is_refused_by_its_hashed_id(part: str) -> None:
    first = Case("a", "s", patient_id="Jane Doe", split="train", fold=1)
    second = replace(first, path="b", **{part: "test" if part == "split" else 2})  # type: ignore[arg-type]  # the parameter is untyped here
    with pytest.raises(PatientLeakage, match=f"more than one {part}") as error:
        check_no_leakage([first, second])
    assert len(error.value.hashed_ids) == 1
    assert "Jane" not in str(error.value)


def test_a_held_out_fold_becomes_the_validation_split() -> None:
    folds = tuple(Case(str(fold), fold=fold, split="test" if fold == 5 else "train") for fold in range(1, 6))
    held = hold_out_fold(Manifest(Path("m.csv"), MRI, folds), 2)
    assert [case.split for case in held.cases] == ["train", "validation", "train", "train", "test"]


@needs_shared_data
@pytest.mark.parametrize("name", sorted(LAYOUTS))
def test_a_collection_comes_in_without_leakage(name: str) -> None:
    manifest = LAYOUTS[name](SHARED / name)
    check_no_leakage(manifest.cases)
    assert all(case.split for case in manifest.cases)
    assert manifest.path(manifest.cases[0]).is_file()


@needs_shared_data
def test_the_committed_splits_are_what_the_cut_gives() -> None:
    assert chest_xray.cut(SHARED / "chest-xray") == committed_splits("chest_xray")
    assert brain_ct.cut(SHARED / "brain-ct") == committed_splits("brain_ct")


@needs_shared_data
def test_what_is_kept_out_of_training_is_kept_out() -> None:
    manifest = LAYOUTS["chest-xray"](SHARED / "chest-xray")
    assert {case.split for case in manifest.cases if case.source == "tbx11k"} == {"external"}
    assert sum(case.split == "test" for case in manifest.cases if case.source == "guangzhou") == 624
