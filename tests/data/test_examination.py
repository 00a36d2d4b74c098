from __future__ import annotations

import gzip
import hashlib
import re
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from radiolens.data.case import Case, Manifest
from radiolens.data.examination import Examination, LeftOut, examine
from radiolens.data.pseudonym import pseudonym
from radiolens.imaging.limits import Limits
from radiolens.tasks import get_task
from tests.phantoms import chest_film, dicom

CHEST = get_task("chest-xray")
SALT = bytes(32)
FILM = np.rint(chest_film() * 255).astype(np.uint8)
HOW = Examination(SALT, modalities=CHEST.modalities)
JANE = {
    "PatientName": "Doe^Jane",
    "PatientID": "4711",
    "PatientAge": "045Y",
    "PatientSex": "F",
    "ViewPosition": "PA",
    "StudyInstanceUID": "1.2.3",
    "SeriesInstanceUID": "1.2.3.4",
}


def manifest(folder: Path, *cases: Case) -> Manifest:
    return Manifest(folder / "m.csv", CHEST, cases)


def film(folder: Path, name: str = "a.dcm", **elements: object) -> Case:
    (folder / name).write_bytes(dicom(FILM, **(JANE | elements)))
    return Case(name)


def picture(folder: Path, name: str, seed: int = 0) -> Case:
    pixels = np.random.default_rng(seed).integers(0, 256, (16, 16), np.uint8)
    PIL.Image.fromarray(pixels).save(folder / name)
    return Case(name)


def test_what_the_header_says_fills_what_the_case_does_not(tmp_path: Path) -> None:
    case = film(tmp_path)
    known = replace(film(tmp_path, "b.dcm"), patient_id="p", age=7.0, sex="M", view="AP", duplicate_group="g")
    found = examine(manifest(tmp_path, case, known), HOW)
    assert found.left_out == ()
    first, second = found.manifest.cases
    assert (first.age, first.sex, first.view) == (45.0, "F", "PA")
    assert first.patient_id == pseudonym(SALT, "patient", "\x004711")
    assert first.duplicate_group == pseudonym(SALT, "series", "1.2.3.4")
    assert replace(second, sha256="") == known


def test_nothing_that_is_filled_in_names_the_patient(tmp_path: Path) -> None:
    found = examine(manifest(tmp_path, film(tmp_path)), HOW)
    text = repr((found.manifest.cases, found.left_out))  # without the folder, whose name may hold any number
    assert found.manifest.cases
    assert not [secret for secret in ("Jane", "Doe", "4711", "1.2.3") if secret in text]


def test_patients_of_two_issuers_are_told_apart_and_an_unnamed_one_is_the_study(tmp_path: Path) -> None:
    cases = [
        film(tmp_path, "a.dcm", IssuerOfPatientID="A"),
        film(tmp_path, "b.dcm", IssuerOfPatientID="B"),
        film(tmp_path, "c.dcm", PatientID=""),
        film(tmp_path, "d.dcm", PatientID=None, SeriesInstanceUID="1.2.3.5"),
        film(tmp_path, "e.dcm", PatientID=None, StudyInstanceUID=None, SeriesInstanceUID=None),
    ]
    ids = [case.patient_id for case in examine(manifest(tmp_path, *cases), HOW).manifest.cases]
    assert len(set(ids[:3])) == 3
    assert ids[2] == ids[3] == pseudonym(SALT, "study", "1.2.3")
    assert ids[4] == ""


def test_every_file_gets_its_hash_and_equal_files_one_group(tmp_path: Path) -> None:
    cases = [picture(tmp_path, "a.png"), picture(tmp_path, "b.png"), picture(tmp_path, "c.png", 1)]
    found = examine(manifest(tmp_path, *cases), HOW).manifest.cases
    assert [case.sha256 for case in found] == [
        hashlib.sha256((tmp_path / case.path).read_bytes()).hexdigest() for case in cases
    ]
    assert found[0].duplicate_group == found[1].duplicate_group == f"sha256-{found[0].sha256[:16]}"
    assert found[2].duplicate_group == ""


def test_an_equal_file_joins_the_group_that_the_other_is_in(tmp_path: Path) -> None:
    cases = [picture(tmp_path, "a.png"), replace(picture(tmp_path, "b.png"), duplicate_group="g")]
    cases.append(replace(picture(tmp_path, "c.png"), source="elsewhere"))
    found = examine(manifest(tmp_path, *cases), HOW).manifest.cases
    assert [case.duplicate_group for case in found] == ["g", "g", ""]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("empty.png", b"", "The file is empty"),
        ("text.png", b"hello", "no known image"),
        ("cut.dcm", dicom(FILM)[:2000], "damaged|incomplete|holds"),
        ("blank.dcm", dicom(np.zeros((16, 16), np.uint16)), "All of its pixels have one value"),
        ("a\\b.png", b"", "The name cannot stand in a manifest, which takes a path with /"),
        ("line\nbreak.png", b"", "The name cannot stand in a manifest, which takes text without control characters"),
    ],
)
def test_what_cannot_be_used_is_left_out_with_its_reason(
    name: str, content: bytes, reason: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    good = picture(tmp_path, "good.png")
    found = examine(manifest(tmp_path, Case(name), good), HOW)
    assert [case.path for case in found.manifest.cases] == ["good.png"]
    (left_out,) = found.left_out
    assert left_out.path == name
    assert re.search(reason, left_out.reason)


def test_a_file_that_is_absent_too_large_or_changed_is_left_out(tmp_path: Path) -> None:
    cases = [Case("none.png"), picture(tmp_path, "large.png"), replace(picture(tmp_path, "a.png"), sha256="0" * 64)]
    (tmp_path / "large.png").write_bytes(bytes(3000))
    found = examine(manifest(tmp_path, *cases), replace(HOW, limits=Limits(file_bytes=2000)))
    assert [entry.reason.split(".")[0] for entry in found.left_out[:2]] == [
        "There is no such file",
        "The file has more than 0 MB, the most that is read",
    ]
    assert "expected 0000" in found.left_out[2].reason


def test_a_modality_that_the_task_is_not_for_is_left_out(tmp_path: Path) -> None:
    found = examine(manifest(tmp_path, film(tmp_path, Modality="OT")), HOW)
    assert found.left_out == (LeftOut("a.dcm", "Its modality is OT; the task is for DX, CR."),)
    assert examine(manifest(tmp_path, Case("a.dcm")), replace(HOW, modalities=())).left_out == ()


def test_pictures_among_dicom_files_are_left_out_if_asked(tmp_path: Path) -> None:
    cases = [film(tmp_path), picture(tmp_path, "a.png")]
    found = examine(manifest(tmp_path, *cases), replace(HOW, dicom_only=True))
    assert found.left_out == (LeftOut("a.png", "The file is not DICOM."),)


def test_files_that_are_only_hashed_are_not_opened(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no image")
    found = examine(manifest(tmp_path, Case("a.png")), replace(HOW, decode=False))
    assert found.manifest.cases == (Case("a.png", sha256=hashlib.sha256(b"no image").hexdigest()),)


def test_patient_ids_that_are_given_become_pseudonyms_if_asked(tmp_path: Path) -> None:
    case = replace(picture(tmp_path, "a.png"), patient_id="Jane")
    found = examine(manifest(tmp_path, case), replace(HOW, pseudonymise=True))
    assert found.manifest.cases[0].patient_id == pseudonym(SALT, "patient", "Jane")


def test_an_impossible_age_in_a_header_is_not_believed(tmp_path: Path) -> None:
    cases = [film(tmp_path, "a.dcm", PatientAge="999Y"), film(tmp_path, "b.dcm", PatientAge="003D")]
    assert [case.age for case in examine(manifest(tmp_path, *cases), HOW).manifest.cases] == [None, 0.008]


def test_the_header_of_a_gzipped_file_counts_as_well(tmp_path: Path) -> None:
    plain = film(tmp_path)
    (tmp_path / "a.dcm.gz").write_bytes(gzip.compress((tmp_path / "a.dcm").read_bytes()))
    first, second = examine(manifest(tmp_path, plain, Case("a.dcm.gz")), HOW).manifest.cases
    assert replace(first, path="", sha256="") == replace(second, path="", sha256="")


def test_progress_counts_to_the_end(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    examine(manifest(tmp_path, picture(tmp_path, "a.png"), Case("none")), HOW, lambda *step: told.append(step))
    assert told == [(1, 2), (2, 2)]


def test_an_interruption_does_not_wait_for_every_image(tmp_path: Path) -> None:
    opened: list[str] = []
    interrupted = threading.Event()

    class Watched(Manifest):
        def path(self, case: Case) -> Path:
            opened.append(case.path)
            if case is not cases[0]:
                interrupted.wait(60)
            return super().path(case)

    def interrupt(done: int, total: int) -> None:
        interrupted.set()
        raise KeyboardInterrupt

    cases = tuple(picture(tmp_path, f"{number}.png", number) for number in range(200))
    with pytest.raises(KeyboardInterrupt):
        examine(Watched(tmp_path / "m.csv", CHEST, cases), HOW, interrupt)
    assert 1 <= len(opened) < 100
