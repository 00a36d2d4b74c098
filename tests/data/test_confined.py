"""What the sandbox's child runs, called here in this process."""

from __future__ import annotations

import gzip
import json
from dataclasses import asdict

import numpy as np
import pytest

from radiolens.data.confined import read_facts
from radiolens.data.pseudonym import pseudonym
from radiolens.errors import UnreadableImage
from radiolens.imaging.limits import Limits
from tests.phantoms import chest_film, dicom

FILM = np.rint(chest_film(48, 40) * 255).astype(np.uint8)
SALT = bytes(range(32))
ARGUMENTS = {"limits": asdict(Limits()), "salt": SALT.hex()}
NAMED = {
    "PatientName": "Doe^Jane",
    "PatientID": "4711",
    "PatientBirthDate": "19700101",
    "InstitutionName": "St Elsewhere",
    "AccessionNumber": "A1",
    "StudyInstanceUID": "1.2.3",
    "SeriesInstanceUID": "1.2.3.4",
}


def test_the_facts_of_a_film_are_an_allow_list() -> None:
    payload = read_facts([dicom(FILM, PatientAge="018M", PatientSex="M", ViewPosition="AP", **NAMED)], ARGUMENTS)
    assert payload.arrays == ()
    assert payload.facts == {
        "format": "dicom",
        "blank": False,
        "modality": "CR",
        "view": "AP",
        "age": 1.5,
        "sex": "M",
        "patient": pseudonym(SALT, "patient", "\x004711"),
        "study": pseudonym(SALT, "study", "1.2.3"),
        "series": pseudonym(SALT, "series", "1.2.3.4"),
    }


def test_no_identifier_leaves_but_as_a_pseudonym() -> None:
    told = json.dumps(read_facts([dicom(FILM, **NAMED)], ARGUMENTS).facts)
    assert not [value for value in NAMED.values() if value in told]


def test_what_a_header_does_not_state_is_none() -> None:
    nothing = dict.fromkeys(("StudyInstanceUID", "SeriesInstanceUID"))
    facts = read_facts([dicom(FILM, **nothing)], ARGUMENTS).facts
    assert [facts[kind] for kind in ("patient", "study", "series", "age", "sex", "view")] == [None] * 6


def test_an_issuer_is_part_of_the_patient_and_blanks_are_not() -> None:
    def patient(**elements: str) -> object:
        return read_facts([dicom(FILM, **elements)], ARGUMENTS).facts["patient"]

    assert patient(PatientID="4711") == patient(PatientID=" 4711 ")
    assert patient(PatientID="4711") != patient(PatientID="4711", IssuerOfPatientID="A")
    assert patient(PatientID="   ") is None


def test_a_packed_film_gives_the_same_facts() -> None:
    plain = dicom(FILM, **NAMED)
    assert read_facts([gzip.compress(plain)], ARGUMENTS).facts == read_facts([plain], ARGUMENTS).facts


def test_a_film_that_cannot_be_decoded_is_unreadable_though_its_header_is_whole() -> None:
    with pytest.raises(UnreadableImage):
        read_facts([dicom(FILM, **NAMED)[:-500]], ARGUMENTS)
