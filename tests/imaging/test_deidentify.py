"""What may be kept of an image when nothing shall tell whose it is."""

from __future__ import annotations

from dataclasses import asdict, fields, replace

import numpy as np
import pytest

from radiolens.image import Image, Source, Unit
from radiolens.imaging.deidentify import deidentified, says_burnt_in, says_recognizable

NAME = "FEATHERSTONEHAUGH MARJORIE"
PIXELS = np.zeros((1, 4, 4), np.float32)


def film(**source: object) -> Image:
    return Image(PIXELS, Unit.UNIT_INTERVAL, Source("dicom", (4, 4), **source))  # type: ignore[arg-type]  any field of Source


def test_no_text_of_the_header_gets_through_whichever_field_it_was_typed_into() -> None:
    texts = {field.name: NAME for field in fields(Source) if field.type == "str | None"}
    lists = {field.name: (NAME, NAME) for field in fields(Source) if field.type == "tuple[str, ...]"}
    assert len(texts) + len(lists) > 10
    hostile = replace(film(**texts, **lists), modality=NAME, view=f"PA {NAME}")
    kept = deidentified(hostile)
    assert "MARJORIE" not in repr(kept).upper()
    assert kept.view == "PA"
    assert {name for name, value in asdict(kept.source).items() if value} == {"format", "size"}


def test_what_the_gate_and_the_findings_go_by_stays() -> None:
    told = film(
        body_part_examined="Chest, PA",
        patient_age_years=45.7,
        patient_sex="F",
        presentation_intent_type="FOR PRESENTATION",
        image_type="ORIGINAL\\PRIMARY\\\\AXIAL",
        scanning_sequence="SE\\IR",
        acquisition_contrast="T2_STAR",
        echo_time_ms=12.5,
        contrast_given=True,
    )
    kept = deidentified(replace(told, modality="DX", spacing_mm=(0.1, 0.2)))
    assert (kept.modality, kept.spacing_mm, kept.source.patient_age_years) == ("DX", (0.1, 0.2), 45.0)
    assert kept.source.body_part_examined == "CHEST"
    assert kept.source.image_type == "ORIGINAL\\PRIMARY\\AXIAL"
    assert kept.source.scanning_sequence == "SE\\IR"
    assert (kept.source.acquisition_contrast, kept.source.echo_time_ms) == ("T2_STAR", 12.5)
    assert kept.source.contrast_given is True
    assert kept.pixels is not PIXELS
    assert np.shares_memory(kept.pixels, PIXELS)


@pytest.mark.parametrize(("told", "kept"), [(None, None), (0.4, 0.0), (89.9, 89.0), (90.0, 90.0), (107.0, 90.0)])
def test_an_age_is_in_whole_years_and_the_oldest_are_not_told_apart(told: float | None, kept: float | None) -> None:
    assert deidentified(film(patient_age_years=told)).source.patient_age_years == kept


@pytest.mark.parametrize(("told", "said"), [("YES", True), (" yes ", True), ("NO", False), (None, False)])
def test_a_file_may_say_that_text_is_burnt_in_or_a_face_seen(told: str | None, said: bool) -> None:
    assert says_burnt_in(Source("dicom", burned_in_annotation=told)) is said
    assert says_recognizable(Source("dicom", recognizable_visual_features=told)) is said
