from __future__ import annotations

import csv
import os
import stat
import unicodedata
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radiolens.data import manifest as manifest_module
from radiolens.data.manifest import Case, Manifest, read_manifest, relocated, write_manifest
from radiolens.errors import DatasetError, InvalidManifest
from radiolens.task import Task
from radiolens.tasks import get_task

CHEST, MRI = get_task("chest-xray"), get_task("brain-mri")

TEXTS = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=12)
NAMES = st.text("aZ09_,;\"' äß-.", min_size=1, max_size=5).map(lambda name: name + "x")
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
GROUPS = TEXTS.map(lambda text: unicodedata.normalize("NFC", text.strip()))
AGES = st.none() | st.floats(0, 130) | st.integers(0, 130).map(float)


def case_fields() -> dict[str, st.SearchStrategy[Any]]:
    return {
        **dict.fromkeys(("source", "patient_id", "duplicate_group"), GROUPS),
        **dict.fromkeys(("sex", "view", "licence"), TEXTS),
        "split": st.sampled_from(("", "train", "validation", "test", "external")),
        "fold": st.none() | st.integers(0, 999),
        "slice_index": st.none() | st.integers(0, 999),
        "age": AGES,
        "mask": st.just("") | PATHS,
        "sha256": st.just("") | st.binary(min_size=32, max_size=32).map(bytes.hex),
    }


def annotations(task: Task) -> st.SearchStrategy[MappingProxyType[str, int | None]]:
    value = st.sampled_from((0, 1, None))
    return st.fixed_dictionaries(dict.fromkeys(task.label_names, value)).map(MappingProxyType)


FINDINGS = st.builds(Case, PATHS, labels=annotations(CHEST), **case_fields())
EXCLUSIVE = st.builds(Case, PATHS, possible=st.frozensets(st.sampled_from(MRI.label_names)), **case_fields())


def written(tmp_path: Path, text: str | bytes) -> Path:
    file = tmp_path / "m.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def parquet(tmp_path: Path, columns: dict[str, Any]) -> Path:
    file = tmp_path / "m.parquet"
    pyarrow.parquet.write_table(pyarrow.table(columns), file)
    return file


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@settings(max_examples=30, deadline=None)
@given(chest=st.lists(FINDINGS, max_size=4), mri=st.lists(EXCLUSIVE, max_size=4))
def test_what_is_written_is_read_again(
    suffix: str, chest: list[Case], mri: list[Case], tmp_path_factory: pytest.TempPathFactory
) -> None:
    for task, cases in ((CHEST, chest), (MRI, mri)):
        distinct = tuple({case.path: case for case in cases}.values())
        file = tmp_path_factory.mktemp("manifest") / f"m.{suffix}"
        write_manifest(Manifest(file, task, distinct), file)
        assert read_manifest(file, task) == Manifest(file, task, distinct)
        assert [path.name for path in file.parent.iterdir()] == [file.name]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,label:pneumonia\na,2\n", r"row 1, column 'label:pneumonia': found '2', expected 1, 0 or nothing"),
        ("path,label:pneumonia\na,1\na,1\n", "row 2, column 'path': 'a' stands in row 1"),
        ("path,label:pneumonia\na/b,1\n./a//b,1\n", "row 2, column 'path': './a//b' stands in row 1"),
        ("path,label:pneumonia,split\na,1,dev\n", "expected one of train"),
        ("path,label:pneumonia,age\na,1,old\n", "row 1, column 'age': found 'old', expected a number of years"),
        ("path,label:pneumonia,age\na,1,nan\n", "expected a number of years"),
        ("path,label:pneumonia,age\na,1,inf\n", "expected a number of years"),
        ("path,label:pneumonia,age\na,1,1e999\n", "expected years from 0 to 130"),
        ("path,label:pneumonia,age\na,1,-3\n", "expected years from 0 to 130"),
        ("path,label:pneumonia,age\na,1,414\n", "expected years from 0 to 130"),
        ("path,label:pneumonia,age\na,1,1_0\n", "expected a number of years"),
        ("path,label:pneumonia,fold\na,1,-1\n", "row 1, column 'fold': found '-1', expected a whole number"),
        ("path,label:pneumonia,fold\na,1,2.7\n", "expected a whole number"),
        ("path,label:pneumonia,slice_index\na,1,-3\n", "column 'slice_index': found '-3', expected a whole number"),
        ("path,label:pneumonia,fold\na,1,nan\n", "expected a whole number"),
        ("path,label:pneumonia,fold\na,1,inf\n", "expected a whole number"),
        ("path,label:pneumonia,sha256\na,1,abc\n", "column 'sha256': found 'abc', expected 64 digits"),
        ("path,label:pneumonia,mask\na,1,../mask.png\n", "column 'mask': found '../mask.png', expected a path below"),
        ('path,label:pneumonia,source\na,1,"two\nlines"\n', "column 'source': .* without control characters"),
        ("path,label:fracture\na,1\n", "column 'label:fracture': unknown column"),
        ("path,label\na,glioma\n", "column 'label': unknown column"),
        ("path,label:pneumonia,path\na,1,b\n", "column 'path': the column stands twice"),
        ("path;label:pneumonia\na;1\n", "unknown column; known are path, source"),
        ("path\na\n", "columns missing: label:<name>"),
        ("source,label:pneumonia\na,1\n", "columns missing: path"),
        ("", "columns missing: path"),
        ("path,label:pneumonia\na\n", "row 1: the row has another number of values"),
        ("path,label:pneumonia\na,1,2\n", "another number of values"),
        ('path,label:pneumonia\na,"1\n', "not a CSV file in UTF-8"),
        (b"path,label:pneumonia\n\xff,1\n", "not a CSV file in UTF-8"),
        (b"path,label:pneumonia\na\0,1\n", "m.csv.*(control characters|line contains NUL)"),
    ],
)
def test_a_broken_manifest_names_row_and_column(text: str | bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidManifest, match=message):
        read_manifest(written(tmp_path, text), CHEST)


@pytest.mark.parametrize(
    "path",
    [
        "../a.png",
        "a/../../b.png",
        "/etc/passwd",
        "..",
        ".",
        "C:\\a.png",
        "C:a.png",
        "c:/a.png",
        "\\\\server\\share\\a.png",
        "//server/share/a.png",
        "\\a.png",
        "..\\a.png",
        "a\\b.png",
    ],
)
def test_a_path_that_could_leave_its_folder_on_any_system_is_refused(path: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidManifest, match=r"row 1, column 'path': found .* expected a path"):
        read_manifest(written(tmp_path, f"path,label:pneumonia\n{path},1\n"), CHEST)
    with pytest.raises(InvalidManifest, match="row 1, column 'path'"):
        write_manifest(Manifest(tmp_path / "x.csv", CHEST, (Case(path),)), tmp_path / "x.csv")


def test_the_ending_may_be_written_large(tmp_path: Path) -> None:
    file = tmp_path / "M.CSV"
    write_manifest(Manifest(file, MRI, (Case("a"),)), file)
    assert read_manifest(file, MRI).cases == (Case("a"),)


def test_a_byte_order_mark_is_no_part_of_the_header(tmp_path: Path) -> None:
    file = written(tmp_path, b"\xef\xbb\xbfpath,label:pneumonia\r\na,1\r\n")
    assert read_manifest(file, CHEST).cases[0].labels == {"pneumonia": 1, "tuberculosis": None}


@pytest.mark.parametrize(("label", "named"), [("glioma|cyst", "cyst"), ("glioma|", "''"), (" glioma", " glioma")])
def test_a_label_that_the_task_does_not_have_is_named(label: str, named: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidManifest, match=f"column 'label': unknown label {named}; known are glioma"):
        read_manifest(written(tmp_path, f"path,label\na,{label}\n"), MRI)


def test_a_file_that_is_absent_locked_or_of_another_kind_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidManifest, match="no such file"):
        read_manifest(tmp_path / "none.csv", MRI)
    (tmp_path / "m.xlsx").touch()
    with pytest.raises(InvalidManifest, match=r"ends in '\.xlsx', expected \.csv or \.parquet"):
        read_manifest(tmp_path / "m.xlsx", MRI)
    with pytest.raises(InvalidManifest, match=r"expected \.csv or \.parquet"):
        write_manifest(Manifest(tmp_path / "m", MRI, ()), tmp_path / "m")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    file = written(tmp_path, "path,label\na,glioma\n")
    file.chmod(0)
    with pytest.raises(InvalidManifest, match="cannot be read"):
        read_manifest(file, MRI)


def test_typed_columns_of_parquet_are_read(tmp_path: Path) -> None:
    columns = {
        "path": ["a", "b", "c"],
        "patient_id": [12345678, 2, None],
        "fold": [1.0, None, 3.0],
        "age": [4.5, 60.0, None],
        "label:pneumonia": [True, False, None],
        "label:tuberculosis": [1.0, 0.0, None],
    }
    found = read_manifest(parquet(tmp_path, columns), CHEST).cases
    assert [case.patient_id for case in found] == ["12345678", "2", ""]
    assert [case.fold for case in found] == [1, None, 3]
    assert [case.age for case in found] == [4.5, 60.0, None]
    assert [dict(case.labels) for case in found] == [
        {"pneumonia": 1, "tuberculosis": 1},
        {"pneumonia": 0, "tuberculosis": 0},
        {"pneumonia": None, "tuberculosis": None},
    ]


def test_large_numeric_ids_of_parquet_stay_apart(tmp_path: Path) -> None:
    columns = {"path": ["a", "b"], "patient_id": [1234567.0, 1234568.0], "label": ["glioma", None]}
    assert [case.patient_id for case in read_manifest(parquet(tmp_path, columns), MRI).cases] == ["1234567", "1234568"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"path": ["a"], "label": [["glioma"]]}, "row 1, column 'label': found a value of type list"),
        ({"path": [b"a"], "label": ["glioma"]}, "row 1, column 'path': found a value of type bytes"),
        ({"path": ["a", "b"], "label": ["", ""], "age": [1.0, float("nan")]}, "row 2, column 'age': found 'nan'"),
        ({"path": [None], "label": ["glioma"]}, "row 1, column 'path'"),
        ({"path": ["a"], "labels": ["glioma"]}, "column 'labels': unknown column"),
    ],
)
def test_a_broken_parquet_names_row_and_column(columns: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidManifest, match=message):
        read_manifest(parquet(tmp_path, columns), MRI)


def test_a_column_that_stands_twice_in_parquet_is_told(tmp_path: Path) -> None:
    table = pyarrow.Table.from_arrays([pyarrow.array(["a"])] * 3, names=["path", "label", "label"])
    pyarrow.parquet.write_table(table, tmp_path / "m.parquet")
    with pytest.raises(InvalidManifest, match="column 'label': the column stands twice"):
        read_manifest(tmp_path / "m.parquet", MRI)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"path,label\na,glioma\n", b"PAR1" + bytes(100) + b"PAR1"])
def test_what_is_no_parquet_is_told(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "m.parquet"
    file.write_bytes(content)
    with pytest.raises(InvalidManifest, match="not a Parquet file"):
        read_manifest(file, MRI)


def test_without_pyarrow_parquet_is_refused_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = parquet(tmp_path, {"path": ["a"], "label": ["glioma"]})
    monkeypatch.setattr(manifest_module, "pyarrow", None)
    with pytest.raises(DatasetError, match=r"pip install 'radiolens\[train\]'"):
        read_manifest(file, MRI)


@pytest.mark.parametrize(
    ("case", "task", "message"),
    [
        (Case("a", labels={"fracture": 1}), CHEST, "column 'label:fracture': unknown column"),
        (Case("a", labels={"pneumonia": 2}), CHEST, "row 1, column 'label:pneumonia'"),
        (Case("a", possible=frozenset({"cyst"})), MRI, "unknown label cyst"),
        (Case("a", source="two\nlines"), CHEST, "control characters"),
        (Case("a\udcff"), CHEST, "control characters"),
        (Case("a", age=float("nan")), CHEST, "expected a number of years"),
    ],
)
def test_what_could_not_be_read_again_is_not_written(case: Case, task: Task, message: str, tmp_path: Path) -> None:
    file = written(tmp_path, "before")
    with pytest.raises(InvalidManifest, match=message):
        write_manifest(Manifest(file, task, (case,)), file)
    assert file.read_text() == "before"
    assert list(tmp_path.iterdir()) == [file]


def test_a_manifest_that_cannot_be_finished_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = written(tmp_path, "before")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(csv.DictWriter, "writerows", full)
    with pytest.raises(OSError, match="No space"):
        write_manifest(Manifest(file, MRI, (Case("a"),)), file)
    assert file.read_text() == "before"
    assert list(tmp_path.iterdir()) == [file]


def test_a_manifest_is_replaced_and_never_written_into(tmp_path: Path) -> None:
    file = written(tmp_path, "before")
    (tmp_path / "open").hardlink_to(file)  # as a reader who opened it before
    write_manifest(Manifest(file, MRI, (Case("a"),)), file)
    assert (tmp_path / "open").read_text() == "before"
    assert read_manifest(file, MRI).cases == (Case("a"),)


def test_a_written_manifest_has_the_rights_of_any_new_file(tmp_path: Path) -> None:
    file = tmp_path / "m.csv"
    write_manifest(Manifest(file, MRI, (Case("a"),)), file)
    (tmp_path / "other").touch()
    assert stat.S_IMODE(file.stat().st_mode) == stat.S_IMODE((tmp_path / "other").stat().st_mode)


def test_a_manifest_moved_up_still_finds_its_images(tmp_path: Path) -> None:
    inner = tmp_path / "set" / "images"
    inner.mkdir(parents=True)
    (inner / "a.png").touch()
    moved = relocated(Manifest(inner / "m.csv", MRI, (Case("a.png", mask="b.png"),)), tmp_path / "m.csv")
    assert moved.cases == (Case("set/images/a.png", mask="set/images/b.png"),)
    assert moved.path(moved.cases[0]).is_file()


def test_a_manifest_cannot_be_moved_away_from_its_images(tmp_path: Path) -> None:
    found = Manifest(tmp_path / "set" / "m.csv", MRI, (Case("a.png"),))
    with pytest.raises(DatasetError, match=r"other/m\.csv: the images lie in .*set, and a manifest holds paths below"):
        relocated(found, tmp_path / "other" / "m.csv")


def test_blanks_and_forms_of_unicode_do_not_make_two_patients_of_one(tmp_path: Path) -> None:
    header = "path,source,patient_id,duplicate_group,label"
    rows = ("a ,s,M\u00fc,g\u00e9,", "b,s ,Mu\u0308,ge\u0301,", "c, s,\u00a0M\u00fc , g\u00e9,")
    first, *others = read_manifest(written(tmp_path, "\n".join([header, *rows])), MRI).cases
    assert (first.path, first.source, first.patient_id, first.duplicate_group) == ("a ", "s", "M\u00fc", "g\u00e9")
    for case in others:
        assert (case.source, case.patient_id, case.duplicate_group) == ("s", "M\u00fc", "g\u00e9")
