"""Files of one series and of one patient are told apart by keyed hashes that lead back to nobody."""

from __future__ import annotations

import re
from typing import Any

import pytest

from radiolens.imaging.identity import NOBODY, Identity, identities
from radiolens.imaging.limits import Limits
from tests.phantoms import CT, dicom, head_slice

SALT = b"s" * 32
HOSTILE = bytes(128) + b"DICM" + b"\xff" * 500


def ct(**elements: Any) -> bytes:  # noqa: ANN401  any value of any element
    told = {"PatientID": "4711", "PatientName": "Doe^Jane", "StudyInstanceUID": "1.2.7", "SeriesInstanceUID": "1.2.8"}
    return dicom(head_slice(16, 16), Modality="CT", SOPClassUID=CT, **{**told, **elements})


def patients(*files: bytes, salt: bytes = SALT) -> list[str | None]:
    return [identity.patient for identity in identities(files, salt)]


def test_series_and_patients_are_told_apart_without_being_told() -> None:
    one, same, other, picture = identities(
        [ct(), ct(), ct(SeriesInstanceUID="1.2.9", PatientID="4712"), b"\x89PNG\r\n\x1a\n"], SALT
    )
    assert one == same
    assert one.series != other.series
    assert one.patient != other.patient
    assert picture == NOBODY
    assert re.fullmatch(r"[0-9a-f]{64}", str(one.patient))
    assert not any(word in str(one) for word in ("4711", "Doe", "1.2.8"))


def test_another_salt_gives_other_hashes() -> None:
    (one,), (other,) = identities([ct()], SALT), identities([ct()], b"t" * 32)
    assert (one.series, one.patient) != (other.series, other.patient)
    assert one.patient != other.patient


@pytest.mark.parametrize(
    "change", [{"PatientName": "Doe^John"}, {"PatientBirthDate": "19800203"}, {"IssuerOfPatientID": "Elsewhere"}]
)
def test_a_number_that_two_patients_share_does_not_make_them_one(change: dict[str, str]) -> None:
    first, second = patients(ct(), ct(**change))
    assert first != second


def test_one_patient_in_two_examinations_is_one() -> None:
    first, second = patients(ct(), ct(StudyInstanceUID="1.2.6", SeriesInstanceUID="1.2.5"))
    assert first == second


@pytest.mark.parametrize("number", ["", "ANONYMOUS", "anon", "0"])
def test_without_a_number_of_ones_own_the_examination_tells(number: str) -> None:
    first, same, other = patients(
        ct(PatientID=number), ct(PatientID=number, PatientName="X"), ct(PatientID=number, StudyInstanceUID="1.2.6")
    )
    assert first == same
    assert first != other


def test_a_file_that_says_nothing_of_its_patient_is_nobodys() -> None:
    bare = dicom(head_slice(16, 16), Modality="CT", SOPClassUID=CT, PatientID="", StudyInstanceUID="")
    (identity,) = identities([bare], SALT)
    assert identity.patient is None


def test_a_hostile_file_is_nobodys_and_takes_no_other_down() -> None:
    first, hostile, last = identities([ct(), HOSTILE, ct()], SALT)
    assert hostile == NOBODY
    assert first == last == identities([ct()], SALT)[0]


def test_files_that_are_too_much_together_are_read_singly() -> None:
    files = [ct(), ct(PatientID="4712")]
    assert identities(files, SALT, Limits(file_bytes=len(files[1]))) == identities(files, SALT)
    assert identities(files, SALT, Limits(file_bytes=10)) == (NOBODY, NOBODY)


def test_many_files_are_read_in_batches_in_their_order() -> None:
    files = [ct(PatientID=str(number)) for number in range(150)]
    found = identities(files, SALT)
    assert len({identity.patient for identity in found}) == 150
    assert found[149] == identities([files[149]], SALT)[0]
    assert isinstance(found[0], Identity)
