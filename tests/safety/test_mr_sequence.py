"""Which MR sequence a header tells."""

from __future__ import annotations

from typing import Any

import pytest

from radiolens.image import Source
from radiolens.safety.mr_sequence import MRSequence, sequence_told


def told(description: str | None = None, *, contrast: bool | None = None) -> MRSequence | None:
    return sequence_told(Source("dicom", series_description=description, contrast_given=contrast))


@pytest.mark.parametrize(
    ("description", "expected"),
    [
        ("t1_mprage_sag_p2_iso", MRSequence.T1),
        ("AX T1 POST GD", MRSequence.T1),
        ("Ax T1 FLAIR +C", MRSequence.T1),
        ("3D BRAVO", MRSequence.T1),
        ("T1W_SE tra nativ", MRSequence.T1_PLAIN),
        ("AX T1 W/O", MRSequence.T1_PLAIN),
        ("AX T1 PRE AND POST", MRSequence.T1),
        ("AX T2 FLAIR FS", MRSequence.FLAIR),
        ("t2_tirm_tra_dark-fluid", MRSequence.FLAIR),
        ("T2W_TSE", MRSequence.T2),
        ("t2*_gre", MRSequence.SUSCEPTIBILITY),
        ("SWI_Images", MRSequence.SUSCEPTIBILITY),
        ("ep2d_diff_3scan_trace_ADC", MRSequence.DIFFUSION),
        ("Ax DWI b1000", MRSequence.DIFFUSION),
        ("TOF_3D_multi-slab", MRSequence.ANGIOGRAPHY),
        ("ep2d_perf", MRSequence.PERFUSION),
        ("svs_se_30", MRSequence.SPECTROSCOPY),
        ("PD+T2 TSE", MRSequence.T2),
        ("PDW TSE tra", MRSequence.PROTON_DENSITY),
        ("3-plane localizer", MRSequence.LOCALIZER),
        ("T1 localizer", MRSequence.LOCALIZER),
        ("survey", MRSequence.LOCALIZER),
        ("Head routine", None),
        ("dedicated location", None),
        ("", None),
        (None, None),
    ],
)
def test_the_words_of_a_description_tell_the_sequence(description: str | None, expected: MRSequence | None) -> None:
    assert told(description) is expected


def test_a_stated_agent_goes_before_the_word_pre_in_a_description() -> None:
    assert told("T1 pre op", contrast=True) is MRSequence.T1
    assert told("T1 pre op") is MRSequence.T1_PLAIN


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"acquisition_contrast": "T1"}, MRSequence.T1),
        ({"acquisition_contrast": "FLUID_ATTENUATED"}, MRSequence.FLAIR),
        ({"acquisition_contrast": "UNKNOWN"}, None),
        ({"image_type": "ORIGINAL\\PRIMARY\\LOCALIZER", "series_description": "T1"}, MRSequence.LOCALIZER),
        ({"scanning_sequence": "SE", "echo_time_ms": 100.0}, MRSequence.T2),
        ({"scanning_sequence": "SE\\IR", "echo_time_ms": 120.0, "inversion_time_ms": 2500.0}, MRSequence.FLAIR),
        ({"scanning_sequence": "GR", "echo_time_ms": 3.2, "inversion_time_ms": 900.0}, None),
        ({"scanning_sequence": "SE", "echo_time_ms": 12.0}, None),
        ({"scanning_sequence": "EP", "echo_time_ms": 90.0}, None),
    ],
)
def test_without_words_the_enhanced_header_and_then_the_timing_tell(
    facts: dict[str, Any], expected: MRSequence | None
) -> None:
    assert sequence_told(Source("dicom", **facts)) is expected


def test_what_is_told_with_an_agent_is_never_plain() -> None:
    assert sequence_told(Source("dicom", series_description="T1 without", contrast_given=True)) is MRSequence.T1
