"""Reports of made-up cases: every kind of image and answer."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from radiolens.explain.overlay import png
from radiolens.prediction import BundleIdentity, Finding, Presence, SliceFindings
from radiolens.report.content import (
    Diagnosis,
    FindingLine,
    Passage,
    Picture,
    ReaderAnswer,
    Reason,
    Report,
    ReportedImage,
)

CASE_ID = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
DISCLAIMER = "For education and research. Not a medical device. A second reader, never a replacement."
WRITTEN = datetime(2026, 11, 26, 9, 30, tzinfo=UTC)
TITLES = {"pneumonia": "Pneumonia", "tuberculosis": "Tuberculosis"}
MODEL = BundleIdentity("chest-xray", "0.3.0", "5f" * 32)
PNEUMONIA = Finding("pneumonia", 0.1234, 0.5, Presence.ABSENT)
TUBERCULOSIS = Finding("tuberculosis", 0.9312, 0.41, Presence.PRESENT)


def picture(rows: int = 300, columns: int = 400) -> bytes:
    """Return a PNG of a grey ramp."""
    return png(np.tile(np.linspace(0, 255, columns).astype(np.uint8), (rows, 1)))


def record(**changed: object) -> dict[str, Any]:
    """Return the contract's object of an answered film, without its path."""
    findings = [asdict(entry) | {"presence": entry.presence.value} for entry in (PNEUMONIA, TUBERCULOSIS)]
    return {
        "status": "answered",
        "task": "chest-xray",
        "problems": [],
        "findings": findings,
        "prediction_set": ["tuberculosis"],
        "slices": [],
        "bundle": {"name": MODEL.name, "version": MODEL.version, "sha256": MODEL.sha256},
        "seconds": 0.41,
    } | changed


def answered(**changed: Any) -> ReportedImage:  # noqa: ANN401  as dataclasses.replace
    """Return a film with two findings, a heat map, and all that explains them."""
    image = ReportedImage(
        position=1,
        outcome="answered",
        headline="Tuberculosis suspected",
        record=record(),
        findings=(
            FindingLine("Pneumonia", "12.3 %", "not found (threshold 50 %)", Presence.ABSENT, 0.1234, 0.5),
            FindingLine("Tuberculosis", "93.1 %", "suspected (threshold 41 %)", Presence.PRESENT, 0.9312, 0.41),
        ),
        prediction_set="may be present: tuberculosis",
        notes=("The thresholds were set by this site.",),
        limits=(Passage("Only pneumonia and tuberculosis are looked for; every other disease is missed."),),
        remarks=(Passage("The file has no pixel spacing."),),
        model=MODEL,
        trained_on=("guangzhou: 4,186 images", "nih: 2,011 images"),
        pictures=(
            Picture(picture(), "The image that was analysed", "The image"),
            Picture(picture(), "Heat map of tuberculosis, over the image", "Heat map: tuberculosis"),
        ),
        map_notes=("The heat map does not outline disease.",),
    )
    return replace(image, **changed)


def refused() -> ReportedImage:
    """Return a lateral film, which nobody answers."""
    reason = Reason("Not a frontal view", "ViewPosition is LL.", "Use a frontal view (PA or AP).", "wrong_view")
    told = record(status="refused", problems=[{"code": "wrong_view", "message": "ViewPosition is LL."}], findings=[])
    return ReportedImage(2, "refused", "Not analysed: not a frontal view", told, reasons=(reason,))


def volume(slices: int = 40) -> ReportedImage:
    """Return a scan, each slice of which has findings."""
    told = tuple(
        SliceFindings(index, (Finding("haemorrhage", index / slices, 0.5, Presence(("absent", "present")[index % 2])),))
        for index in range(slices)
    )
    return ReportedImage(3, "answered", "No haemorrhage found", slices=told, slice_note="Slice 12 of 40.")


def reader(**changed: Any) -> ReaderAnswer:  # noqa: ANN401  as dataclasses.replace
    """Return what a reader answered before the network's answer was shown."""
    presence = {"pneumonia": Presence.ABSENT, "tuberculosis": Presence.INDETERMINATE}
    return replace(ReaderAnswer("asha", True, WRITTEN, presence), **changed)


def report(*images: ReportedImage, **changed: Any) -> Report:  # noqa: ANN401  as dataclasses.replace
    """Return the report on a case with these images; one answered film unless given."""
    whole = Report(
        case_id=CASE_ID,
        study="Chest X-ray",
        received=datetime(2026, 11, 26, 8, 0, tzinfo=UTC),
        closed=True,
        images=images or (answered(),),
        disclaimer=DISCLAIMER,
        written=WRITTEN,
        written_by="asha",
        version="0.1.0",
        titles=TITLES,
        answers=(
            reader(),
            reader(before=False, agreed=False, reason="Old scar", comment="Film of 2021 looks the same."),
        ),
        diagnoses=(Diagnosis("Xpert", "asha", WRITTEN, {"tuberculosis": Presence.PRESENT}),),
    )
    return replace(whole, **changed)
