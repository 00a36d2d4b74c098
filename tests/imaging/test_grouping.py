"""The files of one DICOM series are put together, every other file stays by itself."""

from __future__ import annotations

import pytest

from radiolens.imaging.archive import Member
from radiolens.imaging.series import group, looks_like_dicom, series_uid
from tests.phantoms import CT, dicom, head_slice, picture, without_preamble


def ct(series: str, number: int) -> bytes:
    return dicom(head_slice(seed=number), Modality="CT", SOPClassUID=CT, SeriesInstanceUID=series)


def test_series_are_told_apart_in_the_order_of_their_first_files() -> None:
    files = [
        ct("1.2.8", 0),
        picture(),
        ct("1.2.9", 1),
        without_preamble(ct("1.2.8", 2)),
        ct("1.2.9", 3)[:-500],
        picture(),
    ]
    groups = group([Member(f"file {number}", data) for number, data in enumerate(files)])
    assert [(entry.name, entry.files) for entry in groups] == [
        ("file 0", (files[0], files[3])),
        ("file 1", (files[1],)),
        ("file 2", (files[2], files[4])),  # cut off behind its header: it belongs to the series that it breaks
        ("file 5", (files[5],)),
    ]


def test_a_file_whose_header_cannot_be_read_stays_by_itself() -> None:
    damaged = bytes(128) + b"DICM" + b"\x02\x00\x00\x00UL\x04\x00" + b"\xff" * 60
    groups = group([Member("one", damaged), Member("two", damaged)])
    assert [entry.name for entry in groups] == ["one", "two"]


def test_a_single_file_is_not_opened() -> None:
    assert group([Member("film", b"anything")])[0].files == (b"anything",)


def test_a_file_without_series_has_none() -> None:
    assert series_uid(dicom(head_slice(), SeriesInstanceUID=None)) is None


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (ct("1.2.8", 0)[:132], True),
        (without_preamble(ct("1.2.8", 0))[:132], True),
        (b"MZ" + ct("1.2.8", 0)[2:132], True),  # disguised; refused when it is read
        (picture()[:132], False),
        (b"", False),
    ],
)
def test_dicom_is_told_by_its_first_bytes(head: bytes, expected: bool) -> None:
    assert looks_like_dicom(head) is expected
