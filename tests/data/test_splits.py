from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radiolens.data.manifest import Case, Manifest
from radiolens.data.splits import (
    PARTS,
    check_no_leakage,
    cut,
    folds_by_group,
    group_ids,
    hold_out_fold,
    split_by_group,
    with_folds,
    without_fold,
)
from radiolens.errors import DatasetError, PatientLeakage
from radiolens.tasks import get_task

MRI = get_task("brain-mri")


def cases(count: int = 200) -> tuple[Case, ...]:
    return tuple(
        Case(f"{number}.png", "clinic", patient_id=str(number // 3), labels={"pneumonia": (number // 3) % 2})
        for number in range(count)
    )


@st.composite
def data_sets(draw: st.DrawFn) -> tuple[Case, ...]:
    """Return cases of a few sources, many linked by patient, by duplicate group, or by both."""
    numbers = st.integers(0, 12).map(lambda number: "" if number == 12 else str(number))
    drawn = draw(
        st.lists(st.tuples(st.sampled_from("ab"), numbers, numbers, st.sampled_from((0, 1, None))), max_size=60)
    )
    return tuple(
        Case(f"{index}.png", source, patient_id=patient, duplicate_group=duplicate, labels={"pneumonia": label})
        for index, (source, patient, duplicate, label) in enumerate(drawn)
    )


@settings(max_examples=80, deadline=None)
@given(data_sets(), st.integers(0, 2**32 - 1), st.sampled_from([(0.7, 0.1, 0.2), (0.5, 0.5, 0.0), (0.2, 0.3, 0.5)]))
def test_no_patient_stands_in_two_splits_or_folds(
    found: tuple[Case, ...], seed: int, fractions: tuple[float, float, float]
) -> None:
    done = cut(found, fractions, folds=3, seed=seed)
    check_no_leakage(done)
    assert [replace(case, split="", fold=None) for case in done] == list(found)
    assert {case.split for case in done} <= {name for name, share in zip(PARTS, fractions, strict=True) if share}
    assert done == cut(found, fractions, folds=3, seed=seed)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 6), st.sampled_from((0, 1))), min_size=30, max_size=80), st.integers(0, 2**32 - 1)
)
def test_each_stratum_is_cut_in_the_fractions_to_within_one_group(groups: list[tuple[int, int]], seed: int) -> None:
    found = tuple(
        Case(f"{patient}-{number}", "s", patient_id=str(patient), labels={"pneumonia": label})
        for patient, (size, label) in enumerate(groups)
        for number in range(size)
    )
    fractions = (0.7, 0.1, 0.2)
    splits = split_by_group(found, PARTS, fractions, seed)
    for label in (0, 1):
        chosen = [split for case, split in zip(found, splits, strict=True) if case.labels["pneumonia"] == label]
        largest = max((size for size, has in groups if has == label), default=0)
        for name, fraction in zip(PARTS, fractions, strict=True):
            assert chosen.count(name) == pytest.approx(fraction * len(chosen), abs=largest)


def test_a_source_with_a_test_split_keeps_it_and_another_gets_one() -> None:
    given_test = [replace(case, split="test" if number >= 150 else "") for number, case in enumerate(cases())]
    other = [replace(case, path=f"o{case.path}", source="other") for case in cases()]
    outside = [Case(f"e{number}", "third", split="external") for number in range(9)]
    done = cut([*given_test, *other, *outside], (0.7, 0.1, 0.2))
    counts = Counter((case.source, case.split) for case in done)
    assert counts["clinic", "test"] == 50
    assert counts["clinic", "train"] == pytest.approx(150 * 7 / 8, abs=3)
    assert counts["clinic", "validation"] == pytest.approx(150 / 8, abs=3)
    assert counts["other", "test"] == pytest.approx(40, abs=3)
    assert counts["third", "external"] == 9


def test_nothing_goes_where_nothing_may_go() -> None:
    assert set(split_by_group(cases(7), PARTS, (0.8, 0.0, 0.2))) == {"train", "test"}


@pytest.mark.parametrize("fractions", [(0.5, 0.6), (-0.5, 1.5), (float("nan"), 0.5), (1.0,)])
def test_fractions_that_are_none_are_refused(fractions: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="must sum to 1, none negative"):
        split_by_group(cases(), ("train", "test"), fractions)


def test_a_source_with_its_own_test_split_needs_another_fraction() -> None:
    with pytest.raises(ValueError, match="needs a fraction for train or validation"):
        cut([Case("a", split="test"), Case("b")], (0.0, 0.0, 1.0))


def test_a_patient_inside_and_outside_the_given_test_split_is_refused_by_the_hashed_id() -> None:
    found = [Case("a", "s", "Jane Doe", split="test"), Case("b", "s", "Jane Doe"), Case("c", "s", "John")]
    with pytest.raises(PatientLeakage, match=r"other images outside of it.*--new-test") as error:
        cut(found, (0.7, 0.1, 0.2))
    assert "Jane" not in str(error.value)
    assert len(error.value.hashed_ids) == 1
    check_no_leakage(cut(found, (0.7, 0.1, 0.2), keep_given=False))


def test_a_split_is_reproducible_and_folds_are_even() -> None:
    names, fractions = ("train", "test"), (0.5, 0.5)
    assert split_by_group(cases(), names, fractions, 1) == split_by_group(cases(), names, fractions, 1)
    assert set(Counter(folds_by_group(cases(), 4).tolist())) == {1, 2, 3, 4}


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
    strange = tuple(Case(f"external{fold}", fold=fold, split="external") for fold in (1, 2))
    held = hold_out_fold(Manifest(Path("m.csv"), MRI, (*folds, *strange)), 2)
    expected = ["train", "validation", "train", "train", "test", "external", "external"]
    assert [case.split for case in held.cases] == expected, "external cases are never trained on"


def test_a_network_without_a_fold_trains_on_all_others_and_leaves_cases_without_a_fold_where_they_are() -> None:
    splits = ("train", "validation", "test", "external")
    folded = [Case(f"{split}{fold}", split=split, fold=fold) for split in splits for fold in (1, 2)]
    bare = [Case(split, split=split) for split in splits]
    cut = without_fold(Manifest(Path("m.csv"), MRI, (*folded, *bare)), 2).cases
    assert [case.split for case in cut[:8]] == [*["train", "validation"] * 3, "external", "external"]
    assert [case.fold for case in cut[:8]] == [1, 2, 1, 2, 1, 2, None, None]
    assert cut[8:] == tuple(bare)


def test_folds_cut_on_the_fly_keep_patients_together_and_leave_test_and_external_cases_out() -> None:
    cases = tuple(
        Case(f"{number}.png", "clinic", patient_id=str(number // 3), split=split, labels={"pneumonia": number % 2})
        for number, split in enumerate(["train"] * 30 + ["validation"] * 15 + ["test"] * 6 + ["external"] * 3)
    )
    manifest = Manifest(Path("m.csv"), get_task("chest-xray"), cases)
    cut = with_folds(manifest, 5)
    assert {case.fold for case in cut.cases if case.split in ("test", "external")} == {None}
    assert {case.fold for case in cut.cases if case.split in ("train", "validation")} == {1, 2, 3, 4, 5}
    check_no_leakage(cut.cases)
    assert with_folds(manifest, 5) == cut
    with pytest.raises(DatasetError, match=r"has the folds 1, 2, 3, 4, 5 already"):
        with_folds(cut, 3)


def test_more_folds_than_patients_are_refused() -> None:
    three = tuple(Case(f"{number}.png", "clinic", patient_id=str(number % 3), split="train") for number in range(12))
    manifest = Manifest(Path("m.csv"), get_task("chest-xray"), three)
    with pytest.raises(DatasetError, match="12 cases of 3 patients or groups fill 3 of 5 folds"):
        with_folds(manifest, 5)
    assert {case.fold for case in with_folds(manifest, 3).cases} == {1, 2, 3}


@pytest.mark.parametrize("part", ["split", "fold"])
def test_the_same_bytes_in_two_parts_are_refused_by_their_sha256(part: str) -> None:
    first = Case("a", "s", patient_id="1", split="train", fold=1, sha256="ab" * 32)
    second = replace(first, path="b", source="t", **{part: "test" if part == "split" else 2})  # type: ignore[arg-type]  # the parameter is untyped here
    with pytest.raises(PatientLeakage, match=rf"more than one {part}: abababababab \(.*copies with the same sha256"):
        check_no_leakage([first, second])
    check_no_leakage([first, replace(second, sha256="cd" * 32)])
    check_no_leakage([replace(first, sha256=""), replace(second, sha256="")])


def test_a_copy_of_a_patient_who_leaks_anyway_is_not_counted_again() -> None:
    first = Case("a", "s", patient_id="1", split="train", sha256="ab" * 32)
    with pytest.raises(PatientLeakage) as error:
        check_no_leakage([first, replace(first, path="b", split="test")])
    assert len(error.value.hashed_ids) == 1
    assert "abababababab" not in error.value.hashed_ids


def test_a_cut_keeps_the_same_bytes_together() -> None:
    copies = [replace(case, sha256=f"{number % 90:064x}") for number, case in enumerate(cases(180))]
    check_no_leakage(cut(copies, (0.5, 0.2, 0.3), folds=3))
    given = [Case("a", "s", split="test", sha256="ab" * 32), Case("b", "t", sha256="ab" * 32)]
    with pytest.raises(PatientLeakage, match="abababababab"):
        cut(given, (0.7, 0.1, 0.2))
