"""The header facts that are kept: an allow-list without anything that names a patient."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from pydicom.dataset import Dataset

from radiolens.image import Source

__all__ = ["age_years", "enclosing", "orientation", "source", "spacing_mm"]

_YEARS_PER_UNIT = {"D": 1 / 365.25, "W": 7 / 365.25, "M": 1 / 12, "Y": 1.0}
_GROUPS = (
    "PixelMeasuresSequence",
    "PlaneOrientationSequence",
    "PixelValueTransformationSequence",
    "FrameVOILUTSequence",
)


def enclosing(dataset: Dataset, keyword: str, frame: int) -> Any:  # noqa: ANN401  a DICOM value
    """Return a value of the data set, or of an enhanced file's functional groups for this frame, else None."""
    if keyword in dataset:
        return dataset[keyword].value
    frames = dataset.get("PerFrameFunctionalGroupsSequence") or []
    shared = dataset.get("SharedFunctionalGroupsSequence") or []
    for groups in (*frames[frame : frame + 1], *shared[:1]):
        for name in _GROUPS:
            for item in (groups.get(name) or [])[:1]:
                if keyword in item:
                    return item[keyword].value
    return None


def age_years(text: str | None) -> float | None:
    """Return an Age String (PS3.5 6.2: 018M, 045Y) in years, None if it is none."""
    match = re.fullmatch(r"(\d{3})([DWMY])", (text or "").strip())
    return int(match[1]) * _YEARS_PER_UNIT[match[2]] if match else None


def spacing_mm(dataset: Dataset) -> tuple[float, float] | None:
    """Return the distance (between rows, between columns) in mm: at the patient, for films at the detector."""
    value = enclosing(dataset, "PixelSpacing", 0) or dataset.get("ImagerPixelSpacing")
    return (float(value[0]), float(value[1])) if value and len(value) == 2 else None


def orientation(dataset: Dataset) -> tuple[float, ...] | None:
    """Return ImageOrientationPatient, six direction cosines."""
    value = enclosing(dataset, "ImageOrientationPatient", 0)
    return tuple(float(cosine) for cosine in value) if value and len(value) == 6 else None


def source(datasets: Sequence[Dataset], warnings: Sequence[str]) -> Source:
    """Return what is kept of the headers of a file or a series."""
    first = datasets[0]
    uids = tuple(str(dataset.SOPInstanceUID) for dataset in datasets if "SOPInstanceUID" in dataset)
    return Source(
        format="dicom",
        size=(int(first.Rows), int(first.Columns)),
        transfer_syntax_uid=_text(first.file_meta, "TransferSyntaxUID"),
        sop_class_uid=_text(first, "SOPClassUID"),
        sop_instance_uids=uids,
        series_instance_uid=_text(first, "SeriesInstanceUID"),
        study_instance_uid=_text(first, "StudyInstanceUID"),
        body_part_examined=_text(first, "BodyPartExamined"),
        patient_age_years=age_years(_text(first, "PatientAge")),
        patient_sex=_text(first, "PatientSex"),
        manufacturer=_text(first, "Manufacturer"),
        series_description=_text(first, "SeriesDescription"),
        presentation_intent_type=_text(first, "PresentationIntentType"),
        burned_in_annotation=_text(first, "BurnedInAnnotation"),
        warnings=tuple(warnings),
    )


def _text(dataset: Dataset, keyword: str) -> str | None:
    value = dataset.get(keyword)
    return str(value) if value not in (None, "") else None
