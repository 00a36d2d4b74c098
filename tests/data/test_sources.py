from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from radiolens.data.case import Case, Manifest
from radiolens.data.sources import LAYOUTS, brain_ct, brain_mri, chest_xray
from radiolens.data.sources.collection import LAST_FOLD, Part, committed_splits, parts
from radiolens.data.splits import check_no_leakage, group_ids
from radiolens.errors import InvalidManifest
from tests.shared_data import SHARED, needs_shared_data

HEADERS = {
    "chest-xray": "path,source,split,pneumonia,tuberculosis,patient_id,age,sex,view,duplicate_group,licence",
    "brain-mri": "path,source,split,label,cv_fold,duplicate_group,mask,licence",
    "brain-ct": "path,source,split,label,patient_id,mask,licence",
}
ROWS = {
    "chest-xray": "images/tbx11k/a.png,tbx11k,external,,1,,,,,,",
    "brain-mri": "a.png,figshare,train,tumour_unspecified,5,,,",
    "brain-ct": "{path},sich,train,haemorrhage,p,,",
}


@cache
def shared(name: str) -> Manifest:
    return LAYOUTS[name](SHARED / name)


def collection(folder: Path, name: str, row: str, header: str | None = None) -> Path:
    (folder / "manifest.csv").write_text(f"{header or HEADERS[name]}\n{row}\n")
    return folder


def test_a_tumour_of_unknown_type_may_be_any_of_the_three(tmp_path: Path) -> None:
    (case,) = brain_mri.load(collection(tmp_path, "brain-mri", ROWS["brain-mri"])).cases
    assert case.possible == {"glioma", "meningioma", "pituitary"}
    assert (case.fold, case.split) == (5, "test")


def test_haemorrhage_is_not_annotated_in_the_stroke_set(tmp_path: Path) -> None:
    path = next(path for path in committed_splits("brain_ct") if "stroke" in path)
    (case,) = brain_ct.load(collection(tmp_path, "brain-ct", f"{path},stroke,train,stroke,p,,")).cases
    assert dict(case.labels) == {"haemorrhage": None, "tumour": None}


def test_a_slice_of_head_ct_knows_its_place_by_the_name_of_its_file(tmp_path: Path) -> None:
    path = next(path for path in committed_splits("brain_ct") if path.endswith("0001_12.jpg"))
    (case,) = brain_ct.load(collection(tmp_path, "brain-ct", f"{path},sich,train,haemorrhage,p,,")).cases
    assert case.slice_index == 12


@pytest.mark.parametrize(
    ("name", "row", "message"),
    [
        ("chest-xray", "a.png,nih,train,2,,,,,,,", "row 1, column 'label:pneumonia': found '2'"),
        ("chest-xray", "a.png,nih,train,1,,,old,,,,", "row 1, column 'age': found 'old'"),
        ("chest-xray", "a.png,nih,train,1,,,,,,,", "row 1, column 'path': 'a.png' is not in the committed list"),
        ("brain-mri", "a.png,figshare,train,glioma,6,,,", "row 1, column 'cv_fold': found '6', expected 1, 2, 3, 4, 5"),
        ("brain-mri", "a.png,figshare,train,cyst,1,,,", "row 1, column 'label': found 'cyst', expected glioma"),
        ("brain-ct", "a.png,sich,train,tumour,p,,", "column 'label': found 'tumour', expected haemorrhage, no_haemo"),
        ("brain-ct", "a.png,sich", "row 1: the row has another number of values"),
    ],
)
def test_a_collection_that_is_not_as_expected_is_told(name: str, row: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidManifest, match=message):
        LAYOUTS[name](collection(tmp_path, name, row))


@pytest.mark.parametrize("name", sorted(LAYOUTS))
def test_another_collection_is_told_by_its_columns(name: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidManifest, match=r"columns missing: source, .* It is of another collection"):
        LAYOUTS[name](collection(tmp_path, name, "a.png", "path"))
    (tmp_path / "manifest.csv").unlink()
    with pytest.raises(InvalidManifest, match=r"there is no manifest\.csv in this folder"):
        LAYOUTS[name](tmp_path)


@needs_shared_data
@pytest.mark.parametrize("name", sorted(LAYOUTS))
def test_a_collection_comes_in_without_leakage(name: str) -> None:
    manifest = shared(name)
    check_no_leakage(manifest.cases)
    assert all(case.split for case in manifest.cases)
    assert manifest.path(manifest.cases[0]).is_file()


@needs_shared_data
def test_the_committed_splits_are_what_the_cut_gives() -> None:
    assert chest_xray.cut(SHARED / "chest-xray") == committed_splits("chest_xray")
    assert brain_ct.cut(SHARED / "brain-ct") == committed_splits("brain_ct")


@needs_shared_data
@pytest.mark.parametrize(("name", "folded"), [("chest-xray", {"nih"}), ("brain-ct", {"sich", "stroke"})])
def test_the_last_fold_is_the_test_split_and_validation_lies_in_the_others(name: str, folded: set[str]) -> None:
    cases = [case for case in shared(name).cases if case.fold is not None]
    assert {case.source for case in cases} == folded
    assert len(cases) == sum(case.source in folded for case in shared(name).cases)
    assert {case.path for case in cases if case.fold == LAST_FOLD} == {c.path for c in cases if c.split == "test"}
    assert {case.fold for case in cases} == set(range(1, LAST_FOLD + 1))


def test_parts_keep_patients_in_one_fold_and_leave_other_sources_without() -> None:
    cases = [
        Case(f"{source}{number}", source, f"p{number // 3}", labels={"pneumonia": number % 2})
        for source in ("folded", "other")
        for number in range(60)
    ]
    splits = {case.path: "test" if int(case.patient_id[1:]) % 4 == 0 else "train" for case in cases}
    found = parts(cases, splits, folded=("folded",))
    assert {path: part.split for path, part in found.items()} == splits
    own = [case for case in cases if case.source == "folded"]
    assert {found[case.path].fold for case in cases if case.source == "other"} == {None}
    assert {found[case.path].fold for case in own if splits[case.path] == "train"} == {1, 2, 3, 4}
    assert {found[case.path].fold for case in own if splits[case.path] == "test"} == {LAST_FOLD}
    assert len({(group, found[case.path].fold) for case, group in zip(own, group_ids(own), strict=True)}) == 20
    assert Part("train") == Part("train", None)


@needs_shared_data
def test_what_is_kept_out_of_training_is_kept_out() -> None:
    manifest = shared("chest-xray")
    assert {case.split for case in manifest.cases if case.source == "tbx11k"} == {"external"}
    assert sum(case.split == "test" for case in manifest.cases if case.source == "guangzhou") == 624


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_a_collection_in_another_encoding_is_told(encoding: str, tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text(f"{HEADERS['brain-mri']}\nM\u00fc.png,,,,,,,\n", encoding=encoding)
    with pytest.raises(InvalidManifest, match=r"manifest\.csv: not a CSV file in UTF-8 .* Export it again"):
        LAYOUTS["brain-mri"](tmp_path)
