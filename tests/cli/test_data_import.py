from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from click.testing import CliRunner, Result

from radiolens.cli import cli
from radiolens.data.manifest import read_manifest
from radiolens.tasks import get_task
from tests.phantoms import chest_film, dicom
from tests.shared_data import SHARED, needs_shared_data

CHEST, MRI, CT = (get_task(name) for name in ("chest-xray", "brain-mri", "brain-ct"))
FILM = np.rint(chest_film() * 255).astype(np.uint8)
MAPS = ("--map", "NORMAL=pneumonia:0", "--map", "PNEUMONIA=pneumonia")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["data", "import", *map(str, arguments)])


def rows(file: Path) -> list[dict[str, str]]:
    with file.open() as stream:
        return list(csv.DictReader(stream))


def picture(file: Path, seed: int = 0) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    PIL.Image.fromarray(np.random.default_rng(seed).integers(0, 256, (16, 16), np.uint8)).save(file)


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """Class folders below split folders, with an index and a picture that is none."""
    for number, name in enumerate(("train/NORMAL/p1_1.png", "train/PNEUMONIA/p2_1.png", "test/NORMAL/p3_1.png")):
        picture(tmp_path / "kids" / name, number)
    return tmp_path / "kids"


def test_class_folders_become_a_manifest(folders: Path) -> None:
    output = folders / "manifest.csv"
    result = run("chest-xray", folders, output, *MAPS, "--patient", r"(p\d+)_", "--licence", "CC0", "--json")
    assert result.exit_code == 0, result.output
    found = read_manifest(output, CHEST)
    assert [(case.path, case.split, case.patient_id, case.labels["pneumonia"]) for case in found.cases] == [
        ("test/NORMAL/p3_1.png", "test", "p3", 0),
        ("train/NORMAL/p1_1.png", "train", "p1", 0),
        ("train/PNEUMONIA/p2_1.png", "train", "p2", 1),
    ]
    assert {(case.source, case.licence, len(case.sha256)) for case in found.cases} == {("kids", "CC0", 64)}
    assert [(row["split"], row["images"], row["pneumonia"]) for row in json.loads(result.stdout)] == [
        ("test", 1, 0),
        ("train", 2, 1),
    ]
    again = run("chest-xray", folders, output, *MAPS, "--force")
    assert again.exit_code == 0, again.output
    assert len(rows(output)) == 3


def test_what_is_unreadable_is_listed_and_the_exit_code_is_one(folders: Path) -> None:
    (folders / "train" / "NORMAL" / "broken.png").write_bytes(b"no image")
    output = folders / "m.csv"
    result = run("chest-xray", folders, output, *MAPS)
    assert result.exit_code == 1
    assert "1 of 4 files are left out, listed in" in result.stderr
    assert len(rows(output)) == 3
    (left_out,) = rows(folders / "m.left-out.csv")
    assert left_out["path"] == "train/NORMAL/broken.png"
    assert "no known image" in left_out["reason"]


def test_the_list_of_what_was_left_out_goes_once_nothing_is(folders: Path) -> None:
    broken = folders / "train" / "NORMAL" / "broken.png"
    broken.write_bytes(b"no image")
    assert run("chest-xray", folders, folders / "m.csv", *MAPS).exit_code == 1
    assert (folders / "m.left-out.csv").is_file()
    broken.unlink()
    result = run("chest-xray", folders, folders / "m.csv", *MAPS, "--force")
    assert result.exit_code == 0, result.output
    assert not (folders / "m.left-out.csv").exists()


def test_an_output_of_unknown_ending_is_refused_before_images_are_opened(folders: Path) -> None:
    result = run("chest-xray", folders, folders / "m.xlsx", *MAPS)
    assert result.exit_code == 1
    assert "the name ends in '.xlsx', expected .csv or .parquet" in result.stderr
    assert "Opening" not in result.stderr


def test_a_table_that_lists_an_image_twice_is_refused_before_images_are_opened(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    picture(tmp_path / "a.png")
    table.write_text("path,label\na.png,glioma\na.png,glioma\n")
    result = run("brain-mri", table, tmp_path / "m.csv")
    assert result.exit_code == 1
    assert f"{table}, row 2, column 'path': 'a.png' stands in row 1, too" in result.stderr
    assert "Opening" not in result.stderr


def test_unknown_folders_are_an_error_that_lists_them(folders: Path) -> None:
    result = run("chest-xray", folders, folders / "m.csv")
    assert result.exit_code == 1
    assert "is called NORMAL. Found NORMAL (2 files), PNEUMONIA (1 files)" in result.stderr
    assert not (folders / "m.csv").exists()


def test_a_patient_in_two_split_folders_is_told(folders: Path) -> None:
    os.rename(folders / "test" / "NORMAL" / "p3_1.png", folders / "test" / "NORMAL" / "p1_9.png")
    result = run("chest-xray", folders, folders / "m.csv", *MAPS, "--patient", r"(p\d+)_")
    assert result.exit_code == 0
    assert "warning: 1 patients or duplicate groups stand in more than one split" in result.stderr


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_table_becomes_a_manifest(suffix: str, tmp_path: Path) -> None:
    picture(tmp_path / "images" / "a.png")
    picture(tmp_path / "images" / "b.png", 1)
    table = tmp_path / "table.csv"
    table.write_text("Image\tPat\tDx\na.png\tJane\tNormal\nb.png\tJane\tTB\n")
    output = tmp_path / f"m.{suffix}"
    columns = [part for text in ("path=Image", "patient_id=Pat", "label=Dx") for part in ("--column", text)]
    maps = ("--map", "Normal=pneumonia:0,tuberculosis:0", "--map", "TB=tuberculosis")
    result = run(
        *("chest-xray", table, output, *columns, *maps, "--images", tmp_path / "images"),
        *("--delimiter", "TAB", "--source", "clinic", "--pseudonymise"),
    )
    assert result.exit_code == 0, result.output
    first, second = read_manifest(output, CHEST).cases
    assert (first.path, first.source, dict(first.labels)) == (
        "images/a.png",
        "clinic",
        {"pneumonia": 0, "tuberculosis": 0},
    )
    assert dict(second.labels) == {"pneumonia": None, "tuberculosis": 1}
    assert first.patient_id == second.patient_id != "Jane"


def test_a_table_with_a_wrong_value_is_told_by_file_row_and_column(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("path,Age,label\na.png,old,glioma\n")
    result = run("brain-mri", table, tmp_path / "m.csv", "--column", "age=Age")
    assert result.exit_code == 1
    assert f"{table}, row 1, column 'Age': found 'old'" in result.stderr


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Two films of Jane Doe, one of another patient, and a text."""
    folder = tmp_path / "study"
    folder.mkdir()
    for name, patient in (("1", "HOSP-1"), ("2", "HOSP-1"), ("3", "HOSP-2")):
        elements = {"PatientName": "Doe^Jane", "PatientID": patient, "PatientAge": "045Y", "ViewPosition": "PA"}
        (folder / name).write_bytes(dicom(FILM, SeriesInstanceUID=f"1.2.{name}", **elements))
    (folder / "notes.txt").write_text("Jane Doe")
    return folder


def test_dicom_files_come_in_without_labels_and_without_names(study: Path) -> None:
    output = study / "m.csv"
    result = run("chest-xray", study, output, "--as", "dicom")
    assert result.exit_code == 1
    assert [row["path"] for row in rows(study / "m.left-out.csv")] == ["notes.txt"]
    first, second, third = rows(output)
    assert first["patient_id"] == second["patient_id"] != third["patient_id"]
    assert (first["age"], first["view"], first["label:pneumonia"]) == ("45", "PA", "")
    written = output.read_text() + (study / "m.left-out.csv").read_text() + result.output
    assert not [secret for secret in ("Jane", "Doe", "HOSP") if secret in written]


def test_patients_that_cannot_be_told_apart_are_warned_of(folders: Path, study: Path) -> None:
    assert "no image has a patient id" in run("chest-xray", folders, folders / "m.csv", *MAPS).stderr
    (study / "3").unlink()
    result = run("chest-xray", study, study / "m.csv", "--as", "dicom")
    assert "all images, in 2 series or groups, have one patient id" in result.stderr
    result = run("chest-xray", study, study / "m.csv", "--as", "dicom", "--patient", r"^(\d)$", "--force")
    assert "warning" not in result.stderr


def test_pseudonyms_agree_between_imports_only_under_a_stored_salt(study: Path, tmp_path: Path) -> None:
    def patients(name: str, *options: object) -> list[str]:
        run("chest-xray", study, tmp_path / name, "--as", "dicom", *options)
        return [row["patient_id"] for row in rows(tmp_path / name)]

    salt = ("--salt-file", tmp_path / "salt")
    assert patients("a.csv") != patients("b.csv")
    assert patients("c.csv", *salt) == patients("d.csv", *salt)


def test_a_film_for_another_task_is_left_out_unless_asked(study: Path) -> None:
    (study / "notes.txt").unlink()
    assert "None can be used" in run("brain-ct", study, study / "m.csv", "--as", "dicom").stderr
    assert not (study / "m.csv").exists()
    result = run("brain-ct", study, study / "m.csv", "--as", "dicom", "--any-modality", "--force")
    assert result.exit_code == 0, result.output
    assert len(rows(study / "m.csv")) == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--as", "csv"), "is a folder, which --as csv is not"),
        (("--column", "path=x"), "--column is for --as csv, and this is folders"),
        (("--as", "dicom", "--map", "a=pneumonia"), "--map is for --as folders and csv"),
        (("--delimiter", "ab"), "expected one character or TAB"),
        (("--as", "xlsx"), "Invalid value for '--as'"),
    ],
)
def test_options_that_do_not_fit_are_wrong_usage(options: tuple[str, ...], message: str, folders: Path) -> None:
    result = run("chest-xray", folders, folders / "m.csv", *options)
    assert result.exit_code == 2
    assert message in result.output


def test_nothing_is_written_over_without_force(folders: Path) -> None:
    for name in ("m.csv", "m.left-out.csv"):
        (folders / name).write_text("before")
        result = run("chest-xray", folders, folders / "m.csv", *MAPS)
        assert result.exit_code == 2
        assert f"{name} is there already" in result.output
        assert (folders / name).read_text() == "before"
        (folders / name).unlink()


def test_a_manifest_away_from_its_images_is_refused_before_they_are_opened(folders: Path, tmp_path: Path) -> None:
    result = run("chest-xray", folders, tmp_path / "elsewhere" / "m.csv", *MAPS)
    assert result.exit_code == 1
    assert "a manifest holds paths below its own folder" in result.stderr
    assert "Opening" not in result.stderr


def test_a_collection_of_another_task_is_told(tmp_path: Path) -> None:
    (tmp_path / "manifest.csv").write_text("path,label\n")
    result = run("chest-xray", tmp_path, tmp_path / "m.csv")
    assert result.exit_code == 1
    assert "columns missing: source, split" in result.stderr


@needs_shared_data
def test_a_known_collection_comes_in_with_its_committed_splits(tmp_path: Path) -> None:
    folder = tmp_path / "brain-mri"
    folder.mkdir()
    (folder / "images").symlink_to(SHARED / "brain-mri" / "images")
    header, *lines = (SHARED / "brain-mri" / "manifest.csv").read_text().splitlines()
    (folder / "manifest.csv").write_text("\n".join([header, *lines[::20]]) + "\n")
    output = tmp_path / "m.parquet"
    result = run("brain-mri", folder, output, "--no-decode")
    assert result.exit_code == 0, result.output
    cases = read_manifest(output, MRI).cases
    assert {case.split for case in cases if case.fold == 5} == {"test"}
    assert len(cases) == len(lines[::20])
    assert all(len(case.sha256) == 64 for case in cases)


@needs_shared_data
def test_a_real_ct_series_is_one_patient(tmp_path: Path) -> None:
    (tmp_path / "ct").symlink_to(SHARED / "dicom" / "ct-head-ge")
    result = run("brain-ct", tmp_path / "ct", tmp_path / "m.csv", "--as", "dicom")
    assert result.exit_code == 1  # for the text of the licence
    found = rows(tmp_path / "m.csv")
    assert len(found) == 28
    assert len({(row["patient_id"], row["duplicate_group"]) for row in found}) == 1
    assert [row["path"] for row in rows(tmp_path / "m.left-out.csv")] == ["LICENSE"]
