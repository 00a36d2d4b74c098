from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radiolens.data.case import Case, Manifest
from radiolens.data.manifest import write_manifest
from radiolens.data.meaning import parse_meanings
from radiolens.data.table import Layout, parse_columns, table_cases
from radiolens.errors import DatasetError, InvalidManifest
from radiolens.tasks import get_task

CHEST, MRI = get_task("chest-xray"), get_task("brain-mri")
NIH = parse_meanings(CHEST, ["No Finding=pneumonia:0,tuberculosis:0", "Effusion="])


def table(tmp_path: Path, text: str | bytes) -> Path:
    file = tmp_path / "table.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def test_columns_of_any_name_become_those_of_a_manifest(tmp_path: Path) -> None:
    file = table(tmp_path, "Image,Pat,Years,Sex,pneu,tb,more\nx\\a.png, p1 ,45,F,1.0,,!\nb.png,,,,0.0,1,!\n")
    columns = ["path=Image", "patient_id=Pat", "age=Years", "sex=Sex", "label:pneumonia=pneu", "label:tuberculosis=tb"]
    found = table_cases(file, CHEST, Layout(parse_columns(CHEST, columns)), {})
    assert found.file.parent == tmp_path
    assert found.cases == (
        Case("x/a.png", patient_id="p1", age=45, sex="F", labels={"pneumonia": 1, "tuberculosis": None}),
        Case("b.png", labels={"pneumonia": 0, "tuberculosis": 1}),
    )


def test_one_column_of_findings_is_read_by_their_meanings(tmp_path: Path) -> None:
    file = table(tmp_path, "path,Finding\na,No Finding\nb,Effusion|Pneumonia\nc,Effusion\nd,\n")
    found = table_cases(file, CHEST, Layout({"label": "Finding"}), NIH)
    nothing = {"pneumonia": None, "tuberculosis": None}
    assert [dict(case.labels) for case in found.cases] == [
        {"pneumonia": 0, "tuberculosis": 0},
        nothing | {"pneumonia": 1},
        nothing,
        nothing,
    ]


def test_one_column_of_exclusive_labels_is_read_by_their_meanings(tmp_path: Path) -> None:
    file = table(tmp_path, "path;label\na;Glioma\nb;tumour\nc;glioma|meningioma\nd;\n")
    given = parse_meanings(MRI, ["tumour=glioma|meningioma|pituitary"])
    found = table_cases(file, MRI, Layout(delimiter=";"), given)
    assert [case.possible for case in found.cases] == [
        {"glioma"},
        {"glioma", "meningioma", "pituitary"},
        {"glioma", "meningioma"},
        set(),
    ]


@settings(max_examples=30, deadline=None)
@given(
    drawn=st.lists(
        st.tuples(st.text("ab/,;\"'é ", max_size=6), st.sampled_from((0, 1, None)), st.none() | st.floats(0, 130))
    )
)
def test_a_manifest_is_a_table_too(
    drawn: list[tuple[str, int | None, float | None]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    cases = tuple(
        Case(
            f"{index}x.png",
            source=text.strip(),
            patient_id=text.strip(),
            labels={"pneumonia": label, "tuberculosis": None},
            age=age,
            split="train",
            fold=index,
        )
        for index, (text, label, age) in enumerate(drawn)
    )
    file = tmp_path_factory.mktemp("table") / "m.csv"
    write_manifest(Manifest(file, CHEST, cases), file)
    assert table_cases(file, CHEST, Layout(), {}).cases == cases


def test_names_of_files_are_found_below_the_images(tmp_path: Path) -> None:
    for name in ("images/001/a.png", "images/002/b.png", "images/002/twice.png", "images/003/twice.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    layout = Layout(images=tmp_path / "images", by_name=True)
    file = table(tmp_path, "path,label\nb.png,glioma\nmissing.png,glioma\n")
    found = table_cases(file, MRI, layout, {})
    assert [case.path for case in found.cases] == ["002/b.png", "missing.png"]
    assert found.path(found.cases[0]).is_file()
    with pytest.raises(
        InvalidManifest, match=r"row 1, column 'path': several files are called 'twice\.png': 002/twice"
    ):
        table_cases(table(tmp_path, "path,label\ntwice.png,glioma\n"), MRI, layout, {})


@pytest.mark.parametrize(
    ("text", "columns", "message"),
    [
        ("Image,label\na,glioma\n", {}, "no column is the path. The table has the columns Image, label"),
        ("Image,label\na,glioma\n", {"path": "Img"}, "there is no column Img. The table has the columns Image, label"),
        ("path\na\n", {}, "no column holds labels.*--column label=NAME"),
        ("", {}, r"The table has the columns \(none\)"),
        ("path,label,label\na,b,c\n", {}, "column 'label': the column stands twice"),
        ("path,label\na,cyst\nb,oedema\n", {}, "column 'label': no label of brain-mri is called cyst, oedema; the"),
        ("path,Dx\na,cyst\n", {"label": "Dx"}, "column 'Dx': no label of brain-mri is called cyst"),
        (
            "path,label,Years\na,,45\nb,,old\n",
            {"age": "Years"},
            "row 2, column 'Years': found 'old', expected a number",
        ),
        ("path,label,Years\na,,414\n", {"age": "Years"}, "row 1, column 'Years': found '414', expected years from 0"),
        ("Image,label\n../a,\n", {"path": "Image"}, "row 1, column 'Image': found '../a', expected a path below"),
        ("path,label\nC:\\a.png,\n", {}, "row 1, column 'path': found 'C:/a.png', expected a path below"),
        ("path,label\na\n", {}, r"row 1: the row has another number of values than the header has columns \(2\)"),
        (b"path,label\n\xff,\n", {}, "not a CSV file in UTF-8"),
        ("path,label,split\na,,dev\n", {}, "row 1, column 'split': found 'dev', expected one of train"),
    ],
)
def test_a_table_that_does_not_fit_is_told(
    text: str | bytes, columns: dict[str, str], message: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidManifest, match=message):
        table_cases(table(tmp_path, text), MRI, Layout(columns), {})


def test_a_finding_that_is_no_number_is_told_by_the_name_of_the_table(tmp_path: Path) -> None:
    file = table(tmp_path, "path,pneu\na,1\nb,-1\n")
    with pytest.raises(InvalidManifest, match="row 2, column 'pneu': found '-1', expected 1, 0 or nothing"):
        table_cases(file, CHEST, Layout({"label:pneumonia": "pneu"}), {})


@pytest.mark.parametrize("text", ["patient=Pat", "path=", "path", "label:cyst=Cyst"])
def test_a_column_that_no_manifest_has_is_told(text: str) -> None:
    with pytest.raises(DatasetError, match="expected COLUMN=NAME_IN_THE_TABLE with COLUMN one of path, source"):
        parse_columns(CHEST, [text])


def test_a_table_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidManifest, match=r"cannot be read \(Is a directory\)"):
        table_cases(tmp_path, MRI, Layout(), {})


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("b,pneumonia,0", "found 0, expected 1 or nothing, as column 'label' says 'pneumonia' of the same image"),
        ("b,No Finding,1", "found 1, expected 0 or nothing, as column 'label' says 'No Finding'"),
    ],
)
def test_a_finding_that_two_columns_tell_differently_is_refused(row: str, message: str, tmp_path: Path) -> None:
    file = table(tmp_path, f"path,label,pneu\na,pneumonia,1\n{row}\n")
    with pytest.raises(InvalidManifest, match=f"row 2, column 'pneu': {message}"):
        table_cases(file, CHEST, Layout({"label:pneumonia": "pneu"}), NIH)


def test_a_finding_that_two_columns_tell_alike_or_one_alone_is_taken(tmp_path: Path) -> None:
    file = table(tmp_path, "path,label,label:pneumonia\na,pneumonia,1\nb,pneumonia,\nc,,0\nd,Effusion,1\n")
    found = table_cases(file, CHEST, Layout(), NIH)
    assert [case.labels["pneumonia"] for case in found.cases] == [1, 1, 0, 1]


def test_an_image_that_is_listed_twice_is_told_by_the_rows_of_the_table(tmp_path: Path) -> None:
    file = table(tmp_path, "File,label\na,glioma\nb,glioma\n./a,glioma\n")
    with pytest.raises(InvalidManifest, match=r"row 3, column 'File': '\./a' stands in row 1, too"):
        table_cases(file, MRI, Layout({"path": "File"}), {})
