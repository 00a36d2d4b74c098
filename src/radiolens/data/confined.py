"""What a child of the sandbox tells of an image file for a manifest: that it can be decoded, and a few header facts.

Only the sandbox imports it, so that the program itself never loads a parser for untrusted bytes. No identifier leaves
the child but as a pseudonym.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from radiolens.data.pseudonym import pseudonym
from radiolens.imaging.dicom_file import parse
from radiolens.imaging.dicom_header import text
from radiolens.imaging.inflation import inflate_gzip
from radiolens.imaging.limits import Limits
from radiolens.imaging.read import Format, decode, recognise
from radiolens.imaging.wire import Payload

__all__ = ["read_facts"]


def read_facts(files: Sequence[bytes], arguments: Mapping[str, Any]) -> Payload:
    """Decode one file and return its format, modality, view, age in years, sex and pseudonyms (None: not stated).

    And whether it is blank: all of its pixels have one value.

    `arguments` are the "limits" and the "salt" (hexadecimal) of the pseudonyms.
    """
    limits = Limits(**arguments["limits"])
    image = decode(files, limits=limits)
    facts = {
        "format": image.source.format,
        "blank": bool(image.pixels.min() == image.pixels.max()),
        "modality": image.modality,
        "view": image.view,
        "age": image.source.patient_age_years,
        "sex": image.source.patient_sex,
    }
    identifiers = ("PatientID", "IssuerOfPatientID", "StudyInstanceUID", "SeriesInstanceUID")
    packed = recognise(files[0]) is Format.GZIP
    data = inflate_gzip(files[0], limits.inflated_bytes) if packed else files[0]
    if recognise(data) is not Format.DICOM:
        return Payload({**facts, **dict.fromkeys(("patient", "study", "series"))})
    header = parse(data, limits).header
    patient, issuer, study, series = (text(header, keyword) for keyword in identifiers)
    salt = bytes.fromhex(arguments["salt"])
    named = {"patient": patient and f"{issuer or ''}\0{patient}", "study": study, "series": series}
    return Payload({**facts, **{kind: value and pseudonym(salt, kind, value) for kind, value in named.items()}})
