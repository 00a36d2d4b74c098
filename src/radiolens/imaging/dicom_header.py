"""The values of a DICOM header, read one by one: what is damaged does not spread, and nothing names a patient."""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException
from pydicom.sequence import Sequence as Items
from pydicom.uid import UID

from radiolens.errors import UnreadableImage
from radiolens.image import Source, are_directions
from radiolens.imaging.dicom_file import DicomFile

__all__ = [
    "age_years",
    "contrast_given",
    "holder",
    "items",
    "number",
    "numbers",
    "orientation",
    "patient_age_years",
    "patient_orientation",
    "position",
    "sop_class_name",
    "source",
    "spacing_mm",
    "text",
    "uid",
    "view",
    "whole",
]

_DAMAGE = (
    BytesLengthException,
    ValueError,
    TypeError,
    OverflowError,
    AttributeError,
    LookupError,
    NotImplementedError,
    struct.error,
)
"""What pydicom raises when it converts a damaged value."""
_LARGEST = 1e28  # times any 32-bit value it is a finite float32; no header means more
_UID = re.compile(r"[0-9.]{1,64}")
_YEARS_PER_UNIT = {"D": 1 / 365.25, "W": 7 / 365.25, "M": 1 / 12, "Y": 1.0}
_DAYS_PER_YEAR = 365.25
_OLDEST = 130.0  # years; more is a date of another meaning
_EXAMINED = ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate")
_NO_CONTRAST = frozenset(
    (
        *("NO", "NONE", "N", "NON", "NOT", "NIL", "NULL", "ZERO", "0", "WITHOUT", "WO", "PLAIN", "UNENHANCED"),
        *("NONCONTRAST", "NONENHANCED", "NATIV", "NATIVE", "OHNE", "KEIN", "KEINE", "SANS", "AUCUN", "SIN", "SEM"),
        *("NINGUNO", "NENHUM", "NAO", "NÃO", "SENZA", "NESSUNO"),
    )
)
"""Words that are written into Contrast/Bolus Agent where none was given."""
_BESIDE_NO_CONTRAST = frozenset(
    (
        *("CONTRAST", "CONTRASTE", "CONTRASTO", "KONTRAST", "KONTRASTMITTEL", "KM", "PRODUIT", "DE", "MEDIO", "IV"),
        *("AGENT", "MEDIA", "MEDIUM", "DYE", "BOLUS", "INJECTION", "GIVEN", "USED", "ADMINISTERED", "ML", "CC", "MG"),
        *("ENHANCED", "GADOLINIUM", "GADO", "GD", "CT", "SCAN", "STUDY"),
    )
)
"""Words that may stand beside them; with any other (NON-IONIC, WITH AND WITHOUT) an agent is taken to be named."""
_UNTOLD_AGENTS = ("", "NA", "UNKNOWN", "UNSPECIFIED", "UNDEFINED", "NOT SPECIFIED")
_CODED = {
    **dict.fromkeys(("399067008", "R-102CD"), "LATERAL"),
    **dict.fromkeys(("399173006", "R-10236"), "LEFT LATERAL"),
    **dict.fromkeys(("399198007", "R-10232"), "RIGHT LATERAL"),
    **dict.fromkeys(("399348003", "R-10206"), "AP"),
    **dict.fromkeys(("272479007", "R-10214", "R-40888"), "PA"),
    **dict.fromkeys(("816094009", "51185008", "43799004", "T-D3000"), "CHEST"),
    **dict.fromkeys(("39607008", "T-28000"), "LUNG"),
    **dict.fromkeys(("69536005", "T-D1100"), "HEAD"),
    **dict.fromkeys(("89546000", "T-11100"), "SKULL"),
    **dict.fromkeys(("12738006", "T-A0100"), "BRAIN"),
}
"""Codes of views (PS3.16 CID 4010) and regions (CID 4009, 4030) in SNOMED CT and its predecessor; their meaning may be
written in any language."""
_FUNCTIONAL_GROUPS = (
    "PixelMeasuresSequence",
    "PlanePositionSequence",
    "PlaneOrientationSequence",
    "PixelValueTransformationSequence",
    "FrameVOILUTSequence",
)
_COSINE_TOLERANCE = 0.01  # of a length of 1: scanners round direction cosines to 2 to 6 digits


def numbers(dataset: Dataset, keyword: str) -> tuple[float, ...]:
    """Return the numbers of an element, none if it is absent or empty.

    Raises UnreadableImage if a value is no number, or none that can be calculated with: a window or a rescale guessed
    instead would show another image.
    """
    try:
        values = tuple(float(value) for value in _values(dataset, keyword))
    except _DAMAGE as error:
        raise UnreadableImage(_no_number(keyword)) from error
    if not all(abs(value) <= _LARGEST for value in values):  # nor is NaN
        raise UnreadableImage(_no_number(keyword))
    return values


def number(dataset: Dataset, keyword: str) -> float | None:
    """Return the first number of an element, None if it is absent or empty; raises as `numbers` does."""
    return next(iter(numbers(dataset, keyword)), None)


def whole(dataset: Dataset, keyword: str, default: int | None = None) -> int:
    """Return the first number of an element as an integer, `default` if it is absent or empty.

    Raises UnreadableImage if there is neither a value nor a default, or the value is no whole number.
    """
    found = number(dataset, keyword)
    if found is None and default is None:
        raise UnreadableImage(f"The DICOM file does not state {keyword}. Export the image again from the PACS.")
    if found is not None and not found.is_integer():
        raise UnreadableImage(_no_number(keyword))
    return int(found) if found is not None else int(default or 0)


def text(dataset: Dataset, keyword: str) -> str | None:
    """Return a text, several joined by a backslash as in the file, None if it is absent, empty or damaged."""
    try:
        return "\\".join(map(str, _values(dataset, keyword))).strip() or None
    except _DAMAGE:
        return None  # a missing remark, not a wrong one; no text decides how pixels are read without a default


def uid(dataset: Dataset, keyword: str) -> str | None:
    """Return a UID, None if it is absent or has other than digits and dots: a damaged value may hold anything."""
    found = text(dataset, keyword)
    return found if found and _UID.fullmatch(found) else None


def items(dataset: Dataset, keyword: str) -> Sequence[Dataset]:
    """Return the items of a sequence, none if it is absent or damaged."""
    try:
        value = dataset[keyword].value if keyword in dataset else None
    except _DAMAGE:
        return ()
    return value if isinstance(value, Items) else ()


def holder(dataset: Dataset, keyword: str, frame: int) -> Dataset:
    """Return what holds an element for a frame: its functional groups, the shared ones, or else the data set itself.

    Functional groups are those of enhanced multi-frame files (PS3.3 C.7.6.16).
    """
    per_frame = items(dataset, "PerFrameFunctionalGroupsSequence")
    shared = items(dataset, "SharedFunctionalGroupsSequence")
    for groups in (*per_frame[frame : frame + 1], *shared[:1]):
        for name in _FUNCTIONAL_GROUPS:
            for item in items(groups, name)[:1]:
                if keyword in item:
                    return item
    return dataset


def sop_class_name(dataset: Dataset) -> str:
    """Return the kind of object in words, its UID where that is unknown, nothing where it is not stated."""
    return UID(uid(dataset, "SOPClassUID") or "").name


def age_years(age: str | None) -> float | None:
    """Return an Age String (PS3.5 6.2: 018M, 045Y) in years, None if it is none.

    Fewer than the three digits asked for occur, small letters, and no unit at all. Such a number is years: infants,
    whose ages are told in weeks or months, need the unit; one that is taken for older is answered as without an age.
    """
    match = re.fullmatch(r"(\d{1,3}) ?([DWMY]?)", (age or "").strip().upper())
    return int(match[1]) * _YEARS_PER_UNIT[match[2] or "Y"] if match else None


def patient_age_years(dataset: Dataset) -> float | None:
    """Return the age at the examination in years: Patient's Age, else from the dates; None if it is not told.

    An age of 0 years, or a birth on the day of the examination, is what anonymising programs leave: the age of a
    newborn is told in days. The date of birth itself goes no further.
    """
    told = age_years(text(dataset, "PatientAge"))
    if told is None:
        born = _date(text(dataset, "PatientBirthDate"))
        examined = (_date(text(dataset, keyword)) for keyword in _EXAMINED)
        days = next(((found - born).days for found in examined if found and born), None)
        told = None if days is None else days / _DAYS_PER_YEAR
    return told if told is not None and 0 < told <= _OLDEST else None


def contrast_given(dataset: Dataset) -> bool | None:
    """Say whether a contrast agent is stated, None if nothing is said of it."""
    agent = text(dataset, "ContrastBolusAgent")
    if agent is None:
        return True if items(dataset, "ContrastBolusAgentSequence") else None
    joined = re.sub(r"\b([NW])/([AO])\b", r"\1\2", agent.upper())  # N/A, W/O
    words = re.findall(r"[^\W\d_]+|[1-9]\d*|0|\+", joined.replace(".", ""))
    if " ".join(words) in _UNTOLD_AGENTS and agent.strip(" -"):
        return None
    denied = bool(set(words) & _NO_CONTRAST) and set(words) <= _NO_CONTRAST | _BESIDE_NO_CONTRAST
    return bool(words) and not denied


def view(dataset: Dataset) -> str | None:
    """Return View Position, else the view that View Code Sequence tells, None if there is neither."""
    return text(dataset, "ViewPosition") or _coded(dataset, "ViewCodeSequence")


def spacing_mm(dataset: Dataset, frame: int = 0) -> tuple[float, float] | None:
    """Return the distance (between rows, between columns) in mm: at the patient, for films else at the detector."""
    for keyword in ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing"):
        found = _facts(dataset, keyword, frame, 2)
        if found and min(found) > 0:
            return found[0], found[1]
    return None


def position(dataset: Dataset, frame: int = 0) -> NDArray[np.float64] | None:
    """Return ImagePositionPatient in mm, of a frame where there are several; None if it is absent or damaged."""
    found = _facts(dataset, "ImagePositionPatient", frame, 3)
    return np.asarray(found) if found else None


def orientation(dataset: Dataset, frame: int = 0) -> tuple[float, ...] | None:
    """Return ImageOrientationPatient, the six direction cosines of rows and columns.

    None if it is absent or damaged: the two directions must have length 1 and a right angle between them.
    """
    found = _facts(dataset, "ImageOrientationPatient", frame, 6)
    if found is None:
        return None
    directions = np.asarray(found).reshape(2, 3)
    return found if np.allclose(directions @ directions.T, np.eye(2), atol=_COSINE_TOLERANCE) else None


def patient_orientation(dataset: Dataset) -> tuple[str, str] | None:
    """Return PatientOrientation: to which side of the patient the rows and the columns of a film lead.

    None if it is absent, damaged, or of an animal, whose letters mean other sides. A side is never guessed.
    """
    try:
        told = dataset["PatientOrientation"].value if "PatientOrientation" in dataset else ""
        if isinstance(told, str) or text(dataset, "AnatomicalOrientationType") == "QUADRUPED":
            return None  # one direction at most
        rows, columns = map(str.strip, told)
    except _DAMAGE:
        return None
    return (rows, columns) if are_directions(rows, columns) else None


def source(files: Sequence[DicomFile], remarks: Sequence[str], colour_fraction: float) -> Source:
    """Return what is kept of the headers of a file or a series: an allow-list; nothing in it names a patient."""
    first = files[0].header
    uids = (uid(file.header, "SOPInstanceUID") for file in files)
    return Source(
        format="dicom",
        size=(whole(first, "Rows"), whole(first, "Columns")),
        transfer_syntax_uid=str(files[0].transfer_syntax),
        sop_class_uid=uid(first, "SOPClassUID"),
        sop_instance_uids=tuple(entry for entry in uids if entry),
        series_instance_uid=uid(first, "SeriesInstanceUID"),
        study_instance_uid=uid(first, "StudyInstanceUID"),
        body_part_examined=text(first, "BodyPartExamined") or _coded(first, "AnatomicRegionSequence"),
        patient_age_years=patient_age_years(first),
        patient_sex=text(first, "PatientSex"),
        manufacturer=text(first, "Manufacturer"),
        series_description=text(first, "SeriesDescription"),
        presentation_intent_type=text(first, "PresentationIntentType"),
        burned_in_annotation=_one_says_yes(files, "BurnedInAnnotation"),
        recognizable_visual_features=_one_says_yes(files, "RecognizableVisualFeatures"),
        image_type=text(first, "ImageType"),
        scanning_sequence=text(first, "ScanningSequence"),
        acquisition_contrast=text(first, "AcquisitionContrast"),
        echo_time_ms=_fact(first, "EchoTime"),
        inversion_time_ms=_fact(first, "InversionTime"),
        contrast_given=contrast_given(first),
        colour_fraction=colour_fraction,
        warnings=tuple(remarks),
    )


def _coded(dataset: Dataset, keyword: str) -> str | None:
    """Return what the first code of a sequence means, None if there is none."""
    for item in items(dataset, keyword)[:1]:
        return _CODED.get(text(item, "CodeValue") or "") or text(item, "CodeMeaning")
    return None


def _one_says_yes(files: Sequence[DicomFile], keyword: str) -> str | None:
    """Return YES if one of the files says so, else what the first one says."""
    said = [text(file.header, keyword) for file in files]
    return "YES" if "YES" in said else said[0]


def _values(dataset: Dataset, keyword: str) -> Sequence[Any]:
    """Return the values of an element; none if it is absent or empty."""
    value = dataset[keyword].value if keyword in dataset else None
    if value is None or value == "" or value == b"":
        return ()
    several = not isinstance(value, str | bytes) and hasattr(value, "__iter__")
    return [entry for entry in value if entry not in (None, "")] if several else (value,)


def _facts(dataset: Dataset, keyword: str, frame: int, count: int) -> tuple[float, ...] | None:
    """Return `count` numbers that do not change the pixels, None if there are others or damaged ones."""
    try:
        found = numbers(holder(dataset, keyword, frame), keyword)
    except UnreadableImage:
        return None
    return found if len(found) == count else None


def _fact(dataset: Dataset, keyword: str) -> float | None:
    """Return a number that does not change the pixels, None if it is absent or damaged."""
    found = _facts(dataset, keyword, 0, 1)
    return found[0] if found else None


def _date(told: str | None) -> date | None:
    """Return a date (PS3.5 6.2: YYYYMMDD, of old YYYY.MM.DD; YYYY-MM-DD occurs), None if it is none."""
    match = re.fullmatch(r"(\d{4})([.-]?)(\d\d)\2(\d\d)", told or "")
    try:
        return date(int(match[1]), int(match[3]), int(match[4])) if match else None
    except ValueError:
        return None


def _no_number(keyword: str) -> str:
    return (
        f"{keyword} in the DICOM file is not a usable number, so it cannot be decoded. Export it again from the PACS."
    )
