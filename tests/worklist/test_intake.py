"""What was sent is sorted into inputs and cases; what cannot be taken is said."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from typing import Any

import pytest

from radiolens.imaging.archive import Member
from radiolens.imaging.limits import Limits
from radiolens.quality import ProblemCode
from radiolens.worklist.intake import Sorted, sort_upload
from tests.phantoms import MR, dicom, head_slice


def mr(patient: str, series: str, number: int = 0) -> bytes:
    elements: dict[str, Any] = {"PatientID": patient, "PatientName": "Doe^Jane", "SeriesInstanceUID": series}
    return dicom(head_slice(16, 16, seed=number), SOPClassUID=MR, Modality="MR", InstanceNumber=number, **elements)


def zipped(**files: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name.replace("__", "/"), data)
    return stream.getvalue()


def sizes(found: Sorted) -> list[list[int]]:
    """Return the number of files of each input of each case."""
    return [[len(entry.files) for entry in case.inputs] for case in found.cases]


def test_files_of_a_series_are_one_input_and_series_of_a_patient_one_case() -> None:
    members = [
        Member("a", mr("1", "1.2.3", 0)),
        Member("film.png", b"a picture"),
        Member("b", mr("2", "1.2.4")),
        Member("c", mr("1", "1.2.3", 1)),
        Member("d", mr("1", "1.2.5")),
        Member("other.png", b"another picture"),
    ]
    contents = [member.data for member in members]
    found = sort_upload(members)
    assert members == []
    assert sizes(found) == [[2, 1], [1], [1], [1]]
    assert found.cases[0].inputs[0].files == (contents[0], contents[3])
    assert [case.inputs[0].name for case in found.cases] == ["a", "film.png", "b", "other.png"]
    groups = [case.patient_group for case in found.cases]
    assert groups[1] is groups[3] is None
    assert None not in (groups[0], groups[2])
    assert groups[0] != groups[2]
    assert "Doe" not in str(groups)


def test_the_group_of_a_patient_is_another_one_in_the_next_upload() -> None:
    def upload() -> str | None:
        return sort_upload([Member("a", mr("1", "1.2.3")), Member("b", mr("1", "1.2.4"))]).cases[0].patient_group

    assert upload() != upload()


def test_all_is_one_case_where_the_sender_says_so() -> None:
    found = sort_upload([Member("a.png", b"one"), Member("b.png", b"two"), Member("c", mr("1", "1.2"))], together=True)
    assert sizes(found) == [[1, 1, 1]]
    assert found.cases[0].patient_group is None
    assert sort_upload([], together=True) == Sorted((), ())


def test_archives_are_unpacked_and_what_only_comes_along_with_images_is_passed_over() -> None:
    junk = {".DS_Store": b"x", "a__Thumbs.db": b"x", "DICOMDIR": b"x", "._film": b"x"}
    junk |= {"README.TXT": b"Start the viewer.", "viewer__start.exe": b"MZ" + bytes(200), "AUTORUN.INF": b""}
    archive = zipped(**{"a__one": mr("1", "1.2.3"), "a__two": mr("1", "1.2.3", 1), "film.png": b"picture", **junk})
    found = sort_upload([Member("ward.zip", archive), Member("Desktop.ini", b"x"), Member("__MACOSX/film", b"x")])
    assert sizes(found) == [[2], [1]]
    assert [entry.name for entry in found.inputs] == ["ward.zip/a/one", "ward.zip/film.png"]
    assert found.left_out == ()


def test_what_only_comes_along_with_images_is_taken_where_nothing_else_is() -> None:
    assert [entry.name for entry in sort_upload([Member("notes.txt", b"a text")]).inputs] == ["notes.txt"]
    archive = zipped(**{"README.TXT": b"a text", "start.exe": b"MZ"})
    found = sort_upload([Member("film.png", b"picture"), Member("cd.zip", archive), Member("notes.txt", b"a text")])
    assert [entry.name for entry in found.inputs] == ["film.png", "cd.zip/README.TXT", "cd.zip/start.exe"]


def test_what_is_passed_over_counts_for_the_limits() -> None:
    archives = [Member(f"{number}.zip", zipped(**{"film": b"x", "a.txt": b"x"})) for number in range(2)]
    found = sort_upload(archives, limits=replace(Limits(), archive_members=2))
    assert [entry.name for entry in found.inputs] == ["0.zip/film"]
    assert [entry.code for entry in found.left_out] == [ProblemCode.TOO_LARGE]


def test_an_archive_in_an_archive_is_an_input_that_will_be_refused() -> None:
    inner = zipped(film=b"picture")
    (entry,) = sort_upload([Member("a.zip", zipped(inner=inner))]).inputs
    assert entry.files == (inner,)


def test_a_damaged_archive_and_an_empty_file_are_left_out_and_the_others_taken() -> None:
    found = sort_upload(
        [Member("bad.zip", zipped(film=b"x" * 999)[:-30]), Member("empty.png", b""), Member("good.png", b"picture")]
    )
    assert [entry.name for entry in found.inputs] == ["good.png"]
    assert [(entry.name, entry.code) for entry in found.left_out] == [
        ("bad.zip", ProblemCode.UNREADABLE),
        ("empty.png", ProblemCode.UNREADABLE),
    ]
    assert "Pack it again" in found.left_out[0].message
    assert "empty" in found.left_out[1].message


@pytest.mark.parametrize("limits", [{"inflated_bytes": 2500}, {"archive_members": 2}])
def test_all_archives_together_stay_within_the_limits_of_one(limits: dict[str, int]) -> None:
    archives = [Member(f"{number}.zip", zipped(a=bytes(900), b=b"b")) for number in range(3)]
    found = sort_upload(archives, limits=replace(Limits(), **limits))
    assert {entry.code for entry in found.left_out} == {ProblemCode.TOO_LARGE}
    assert 1 <= len(found.left_out) < 3
    assert len(found.inputs) == 2 * (3 - len(found.left_out))
