"""What the sandbox's children run: the readers, from bytes to what may leave the child.

Only the fork server imports it, so that the parent never loads a parser for untrusted bytes.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from radiolens.errors import UnreadableImage
from radiolens.image import Image
from radiolens.imaging.dicom_file import parse
from radiolens.imaging.dicom_header import text
from radiolens.imaging.limits import Limits
from radiolens.imaging.read import decode
from radiolens.imaging.selection import SliceSelection
from radiolens.imaging.wire import Payload

__all__ = ["decode_image", "read_identities", "read_series_uid"]

_IDENTIFIERS = (
    "SeriesInstanceUID",
    "StudyInstanceUID",
    "PatientID",
    "IssuerOfPatientID",
    "PatientName",
    "PatientBirthDate",
)
_NAMELESS = ("", "0", "ANON", "ANONYM", "ANONYMIZED", "ANONYMOUS", "NONE", "UNKNOWN")
"""Patient numbers that many patients share, since somebody took the true ones away."""


def decode_image(files: Sequence[bytes], arguments: Mapping[str, Any]) -> Payload:
    """Decode one input and return its pixels and the allow-list of its header."""
    image = decode(files, SliceSelection(**arguments["selection"]), Limits(**arguments["limits"]))
    if not all(np.isfinite(plane).all() for plane in image.pixels):  # plane by plane, to save the memory of a mask
        raise UnreadableImage("The image holds values that are no numbers. Export it again from its source.")
    return Payload(_facts(image), (image.pixels,))


def _facts(image: Image) -> Mapping[str, Any]:
    """Return all but the pixels; what is not JSON, or no number, fails in the child."""
    return {
        "unit": image.unit.value,
        "source": asdict(image.source),
        "spacing_mm": image.spacing_mm,
        "modality": image.modality,
        "view": image.view,
        "orientation": image.orientation,
        "patient_orientation": image.patient_orientation,
        "slice_indices": image.slice_indices,
        "slice_count": image.slice_count,
    }


def read_series_uid(files: Sequence[bytes], arguments: Mapping[str, Any]) -> Payload:
    """Return the SeriesInstanceUID of one DICOM file (None if it has none); `arguments` may bound it by "limits"."""
    header = parse(files[0], Limits(**arguments.get("limits", {}))).header
    return Payload({"series_instance_uid": text(header, "SeriesInstanceUID")})


def read_identities(files: Sequence[bytes], arguments: Mapping[str, Any]) -> Payload:
    """Return for each DICOM file what tells its series and its patient from others: keyed hashes, None for neither.

    `arguments` are the "limits" and the "salt" (hexadecimal digits). A patient is number, issuer, name and date of
    birth together; where there is no number of one's own, the examination.
    """
    limits, salt = Limits(**arguments["limits"]), bytes.fromhex(arguments["salt"])
    return Payload({"identities": [_identity(data, limits, salt) for data in files]})


def _identity(data: bytes, limits: Limits, salt: bytes) -> Mapping[str, str | None]:
    try:
        header = parse(data, limits).header
    except UnreadableImage:
        return {"series": None, "patient": None}
    series, study, *patient = (text(header, keyword) or "" for keyword in _IDENTIFIERS)
    if patient[0].upper() in _NAMELESS:
        patient = [study] if study else []
    return {"series": _keyed(salt, "series", *filter(None, [series])), "patient": _keyed(salt, "patient", *patient)}


def _keyed(salt: bytes, kind: str, *parts: str) -> str | None:
    """Return the keyed hash (HMAC-SHA256) of an identifier, None if it has no part."""
    told = "\0".join((kind, *parts)).encode("utf-8", "surrogatepass")
    return hmac.new(salt, told, hashlib.sha256).hexdigest() if parts else None
