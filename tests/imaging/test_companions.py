"""What only comes along with images is passed over, and never an image for its name."""

from __future__ import annotations

import numpy as np
import pytest

from radiolens.imaging.archive import Member
from radiolens.imaging.companions import HEAD_BYTES, is_companion, is_companion_folder, without_companions
from tests.phantoms import dicom, head_slice, nifti, picture, without_preamble

SLICE = dicom(head_slice(), SeriesInstanceUID="1.2.3")


def kept(name: str, content: bytes) -> bool:
    return not is_companion(name, lambda: content[:HEAD_BYTES])


@pytest.mark.parametrize(
    "name",
    [
        "README.TXT",
        "autorun.inf",
        "viewer/start.exe",
        "viewer/lib/viewer.jar",
        "INDEX.HTM",
        "report.pdf",
        "sub-01_T1w.json",
        "OsiriX Lite.app/Contents/MacOS/OsiriX",
        "Foo.framework/Versions/A/Foo",
        "__MACOSX/DICOM/IM1",
        "windows\\Thumbs.db",
        "films/.DS_Store",
        ".Trashes/501/IM1",
    ],
)
def test_what_can_be_no_image_is_a_companion(name: str) -> None:
    assert not kept(name, b"PK\x03\x04" if name.endswith(".jar") else b"no image")


@pytest.mark.parametrize("name", ["DICOMDIR", "cd/dicomdir", "._IM1", "a/.hidden/IM1"])
def test_an_index_and_what_is_hidden_are_companions_even_if_they_begin_as_dicom(name: str) -> None:
    assert not kept(name, SLICE)


@pytest.mark.parametrize(
    "name", ["IM1", "film.dcm", "film.1", "film.IMA", "1.2.840.113619.2.55", "a.b/README", "film.", "../film", "x.gif"]
)
def test_a_file_without_an_ending_or_with_any_other_is_none_whatever_it_holds(name: str) -> None:
    assert kept(name, b"no image")


@pytest.mark.parametrize(
    "content",
    [SLICE, without_preamble(SLICE), picture(), nifti(np.zeros((2, 2, 2), np.int16), np.eye(4)), b"MZ" + SLICE[2:]],
    ids=["DICOM", "DICOM without preamble", "PNG", "NIfTI", "DICOM that is a program, too"],
)
def test_what_begins_as_an_image_is_never_passed_over_for_its_ending(content: bytes) -> None:
    assert kept("image.txt", content)


def test_dicom_in_a_program_is_kept_and_its_icons_are_not() -> None:
    assert kept("Viewer.app/Contents/Resources/IM1", SLICE)
    assert not kept("Viewer.app/Contents/Resources/logo.png", picture())


@pytest.mark.parametrize(
    ("name", "expected"),
    [("System Volume Information", True), (".Trashes", True), ("__MACOSX", True), ("..", False), ("DICOM", False)],
)
def test_folders_of_an_operating_system_need_not_be_opened(name: str, expected: bool) -> None:
    assert is_companion_folder(name) == expected


def test_the_content_is_asked_for_only_where_the_name_does_not_tell() -> None:
    def never() -> bytes:
        raise AssertionError

    assert not is_companion("IM1", never)
    assert is_companion("DICOMDIR", never)


def test_companions_go_if_others_are_there_and_stay_if_none_is() -> None:
    text, film, index = Member("README.TXT", b"text"), Member("IM1", SLICE), Member("DICOMDIR", SLICE)
    assert without_companions([text, film, index]) == [film]
    assert without_companions([text, index]) == [text, index]
    assert without_companions([]) == []
