"""Films: from stored values to shades from 0 to 1, white is dense (PS3.3 C.11.1, C.11.2, C.7.6.3.1.2)."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_modality_lut, apply_voi, apply_windowing
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian

from radiolens.errors import UnreadableImage
from radiolens.image import Image, Unit
from radiolens.imaging.read import decode
from tests.phantoms import chest_film, dicom

FILM = np.rint(chest_film(60, 50) * 4095).astype(np.uint16)
TWELVE = {"BitsStored": 12, "HighBit": 11}
STRETCHED = (FILM - FILM.min()) / np.float32(FILM.max() - FILM.min())


def film(pixels: NDArray[Any] = FILM, **elements: Any) -> Image:  # noqa: ANN401  any value of any element
    return decode([dicom(pixels, **{**TWELVE, **elements} if pixels is FILM else elements)])


def table(entries: NDArray[Any], first: int = 0, bits: int = 16, **elements: object) -> Sequence:
    item = Dataset()
    item.add_new("LUTDescriptor", "SS" if first < 0 else "US", [len(entries) % 65536, first, bits])
    item.add_new("LUTData", "OW", entries.astype("<u2").tobytes())
    for keyword, value in elements.items():
        setattr(item, keyword, value)
    return Sequence([item])


def reference(**elements: Any) -> Dataset:  # noqa: ANN401  any value of any element
    """Return the data set of the film, for pydicom's own functions."""
    return pydicom.dcmread(io.BytesIO(dicom(FILM, **TWELVE, **elements)))


def test_without_window_the_range_of_the_values_is_shown() -> None:
    image = film()
    assert image.unit is Unit.UNIT_INTERVAL
    np.testing.assert_allclose(image.pixels[0], STRETCHED, atol=1e-6)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("beside", [0, 4095])
def test_a_marker_or_a_dead_pixel_does_not_set_the_range(photometric: str, beside: int) -> None:
    film_alone = (FILM // 4 + 1500).astype(np.uint16)
    marked = film_alone.copy()
    marked[3, 4] = beside
    told = {"PhotometricInterpretation": photometric, **TWELVE}
    found, alone = (film(pixels, **told).pixels[0] for pixels in (marked, film_alone))
    black = (beside == 0) == (photometric == "MONOCHROME2")
    assert found[3, 4] == (0 if black else 1)
    np.testing.assert_allclose(np.delete(found, 3, 0), np.delete(alone, 3, 0), atol=0.1)


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize(("centre", "width"), [(2000, 1500), (900.5, 333), (4000, 9000)])
def test_a_window_shows_what_pydicom_shows(function: str, centre: float, width: float) -> None:
    told = {"WindowCenter": centre, "WindowWidth": width, "VOILUTFunction": function}
    expected = apply_windowing(FILM, reference(**told)) / 4095
    np.testing.assert_allclose(film(**told).pixels[0], expected, atol=1e-6)


def test_a_window_of_one_is_a_step() -> None:
    shown = film(WindowCenter=2000, WindowWidth=1).pixels[0]
    np.testing.assert_array_equal(shown, FILM > 1999.5)


def test_the_first_of_several_windows_is_used() -> None:
    several = film(WindowCenter=[2000, 40], WindowWidth=[1500, 80])
    np.testing.assert_array_equal(several.pixels, film(WindowCenter=2000, WindowWidth=1500).pixels)


def test_an_unknown_window_function_counts_as_linear_and_is_told() -> None:
    image = film(WindowCenter=2000, WindowWidth=1500, VOILUTFunction="CUBIC")
    np.testing.assert_array_equal(image.pixels, film(WindowCenter=2000, WindowWidth=1500).pixels)
    assert image.source.warnings == ("The window function is unknown; LINEAR was used.",)


def test_a_window_without_width_is_left_out_and_told() -> None:
    image = film(WindowCenter=2000, WindowWidth=0)
    np.testing.assert_allclose(image.pixels[0], STRETCHED, atol=1e-6)
    assert image.source.warnings == ("A window of width 0 was ignored.",)


@pytest.mark.parametrize("keyword", ["WindowCenter", "WindowWidth", "RescaleSlope", "RescaleIntercept"])
@pytest.mark.parametrize("value", [b"NaN ", b"inf ", b"x.yz"])
def test_a_number_that_is_none_is_named(keyword: str, value: bytes) -> None:
    told = {"WindowCenter": "10", "WindowWidth": "20", "RescaleSlope": "1", "RescaleIntercept": "0", keyword: "4321"}
    content = dicom(FILM, **TWELVE, **told)
    assert content.count(b"4321") == 1
    with pytest.raises(UnreadableImage, match=f"{keyword} in the DICOM file is not a usable number"):
        decode([content.replace(b"4321", value)])


def test_a_voi_table_shows_what_pydicom_shows() -> None:
    entries = np.rint(65535 * np.linspace(0, 1, 3000) ** 0.5).astype(np.uint16)
    told = {"VOILUTSequence": table(entries, first=500)}
    expected = apply_voi(FILM, reference(**told)) / 65535
    np.testing.assert_allclose(film(**told).pixels[0], expected, atol=1e-6)


def test_a_voi_table_goes_before_a_window() -> None:
    told = {"VOILUTSequence": table(np.arange(4096) * 16)}
    both = film(**told, WindowCenter=10, WindowWidth=5)
    np.testing.assert_array_equal(both.pixels, film(**told).pixels)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_a_voi_table_is_read_in_every_encoding(syntax: pydicom.uid.UID) -> None:
    entries = np.rint(np.linspace(0, 65535, 4096)).astype(np.uint16)
    told = {"VOILUTSequence": table(entries)}
    expected = film(**told)
    if syntax == ExplicitVRBigEndian:
        told["VOILUTSequence"][0].LUTData = entries.astype(">u2").tobytes()
    found = decode([dicom(FILM, syntax, **TWELVE, **told)])
    np.testing.assert_array_equal(found.pixels, expected.pixels)


def test_a_table_of_65536_entries_states_none() -> None:
    deep = FILM * 16
    told = {"VOILUTSequence": table(np.arange(65536)[::-1])}
    np.testing.assert_allclose(film(deep, **told).pixels[0], (65535 - deep) / 65535, atol=1e-6)


def test_entries_of_eight_bits_packed_in_words_are_read() -> None:
    entries = np.rint(255 * np.linspace(0, 1, 4096) ** 2).astype(np.uint8)
    told = {"VOILUTSequence": table(np.frombuffer(entries.tobytes(), "<u2"), bits=8)}
    told["VOILUTSequence"][0].LUTDescriptor = [4096, 0, 8]
    np.testing.assert_allclose(film(**told).pixels[0], entries[FILM] / 255, atol=1e-6)


def test_a_table_that_is_cut_off_is_unreadable() -> None:
    told = {"VOILUTSequence": table(np.arange(100))}
    told["VOILUTSequence"][0].LUTDescriptor = [4096, 0, 16]
    with pytest.raises(UnreadableImage, match="100 of 4096 entries"):
        film(**told)
    told["VOILUTSequence"][0].LUTDescriptor = [4096, 0]
    with pytest.raises(UnreadableImage, match="not described"):
        film(**told)


def test_a_modality_table_goes_before_the_window() -> None:
    entries = np.rint(4095 * np.linspace(0, 1, 4096) ** 2).astype(np.uint16)
    told = {"ModalityLUTSequence": table(entries, ModalityLUTType="US"), "WindowCenter": 2000, "WindowWidth": 3000}
    data_set = reference(**told)
    expected = apply_windowing(apply_modality_lut(FILM, data_set), data_set) / 65535
    np.testing.assert_allclose(film(**told).pixels[0], expected, atol=1e-6)


def test_a_rescale_goes_before_the_window() -> None:
    told = {"RescaleSlope": 0.5, "RescaleIntercept": -100, "WindowCenter": 900, "WindowWidth": 700}
    expected = np.clip((FILM * 0.5 - 100 - 899.5) / 699 + 0.5, 0, 1)
    np.testing.assert_allclose(film(**told).pixels[0], expected, atol=1e-6)


def test_a_slope_of_zero_is_unreadable() -> None:
    with pytest.raises(UnreadableImage, match="RescaleSlope is 0"):
        film(RescaleSlope=0, RescaleIntercept=5)


def test_a_signed_voi_table_begins_below_zero() -> None:
    signed = FILM.astype(np.int16) - 2000
    told = {"VOILUTSequence": table(np.arange(4096) * 16, first=-2000)}
    np.testing.assert_allclose(film(signed, **told).pixels[0], FILM * 16 / 65535, atol=1e-6)


WINDOW = {"WindowCenter": 2000, "WindowWidth": 1500}


@pytest.mark.parametrize("how", [{}, WINDOW, {"VOILUTSequence": table(np.arange(4096) * 16)}])
def test_monochrome1_is_the_complement_of_monochrome2(how: dict[str, Any]) -> None:
    upright, inverse = (film(PhotometricInterpretation=f"MONOCHROME{number}", **how) for number in (2, 1))
    np.testing.assert_allclose(inverse.pixels, 1 - upright.pixels, atol=1e-6)


@pytest.mark.parametrize("how", [{}, {"WindowCenter": 2048, "WindowWidth": 1500, "VOILUTFunction": "LINEAR_EXACT"}])
def test_monochrome1_and_its_inverse_give_the_same_image(how: dict[str, Any]) -> None:
    mirrored = {**how, **({"WindowCenter": 4095 - how["WindowCenter"]} if how else {})}
    negative = decode([dicom(4095 - FILM, **TWELVE, PhotometricInterpretation="MONOCHROME1", **mirrored)])
    np.testing.assert_allclose(negative.pixels, film(**how).pixels, atol=1e-6)


@pytest.mark.parametrize(
    ("photometric", "shape", "inverted"),
    [
        ("MONOCHROME2", None, False),
        ("MONOCHROME2", "IDENTITY", False),
        ("MONOCHROME2", "INVERSE", True),
        ("MONOCHROME1", None, True),
        ("MONOCHROME1", "INVERSE", True),
        ("MONOCHROME1", "IDENTITY", True),
    ],
)
def test_an_image_is_inverted_once_at_most(photometric: str, shape: str | None, inverted: bool) -> None:
    told = {"PresentationLUTShape": shape} if shape else {}
    shown = film(PhotometricInterpretation=photometric, **told, **WINDOW).pixels
    upright = film(**WINDOW).pixels
    np.testing.assert_allclose(shown, 1 - upright if inverted else upright, atol=1e-6)


def test_a_header_that_contradicts_itself_is_told() -> None:
    image = film(PhotometricInterpretation="MONOCHROME1", PresentationLUTShape="IDENTITY")
    assert "The header contradicts itself" in image.source.warnings[0]


def test_raw_data_of_the_detector_are_stretched_without_their_window_and_told() -> None:
    raw = film(PresentationIntentType="FOR PROCESSING", **WINDOW)
    np.testing.assert_allclose(raw.pixels[0], STRETCHED, atol=1e-6)
    assert raw.source.presentation_intent_type == "FOR PROCESSING"
    assert "Raw detector data (FOR PROCESSING)" in raw.source.warnings[0]


def test_a_processed_film_is_shown_by_its_window() -> None:
    processed = film(PresentationIntentType="FOR PRESENTATION", **WINDOW)
    np.testing.assert_array_equal(processed.pixels, film(**WINDOW).pixels)
    assert processed.source.warnings == ()


def test_raw_data_are_inverted_as_others_are() -> None:
    told = {"PresentationIntentType": "FOR PROCESSING", "PhotometricInterpretation": "MONOCHROME1"}
    np.testing.assert_allclose(film(**told).pixels[0], 1 - STRETCHED, atol=1e-6)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_is_black_and_does_not_set_the_range(photometric: str) -> None:
    padded = FILM.copy()
    padded[:10] = 4095
    image = film(padded, PixelPaddingValue=4095, PhotometricInterpretation=photometric, **TWELVE)
    assert image.pixels[0, :10].max() == 0
    rest = image.pixels[0, 10:]
    assert (rest.min(), rest.max()) == (0, 1)


def test_a_range_of_padding_is_black() -> None:
    padded = FILM.copy()
    padded[:10], padded[-5:] = 10, 30
    shown = film(padded, PixelPaddingValue=30, PixelPaddingRangeLimit=10, **TWELVE).pixels[0]
    assert max(shown[:10].max(), shown[-5:].max()) == 0


@pytest.mark.parametrize(
    ("sop_class", "told"),
    [
        (
            "1.2.840.10008.5.1.4.1.1.1",
            r"Radiography Image Storage\)\. The DICOM file is damaged or incomplete",
        ),
        ("1.2.840.10008.5.1.4.1.1.1.1", r"For Presentation\)\. The DICOM file is damaged or incomplete"),
        ("1.2.840.10008.5.1.4.1.1.88.11", r"Basic Text SR Storage\)\. Send the image files, not reports or plans"),
    ],
)
def test_a_film_that_is_cut_off_behind_its_kind_is_taken_for_no_report(sop_class: str, told: str) -> None:
    content = dicom(FILM, SOPClassUID=sop_class)
    with pytest.raises(UnreadableImage, match=r"holds no image \(.*" + told):
        decode([content[: content.rindex(b"\x08\x00\x18\x00UI")]])  # SOPInstanceUID, the next element


def test_a_film_of_one_value_is_black() -> None:
    assert film(np.full((9, 9), 700, np.uint16)).pixels.max() == 0


@pytest.mark.parametrize(
    ("pixels", "told"),
    [
        (FILM.astype(np.int16) - 2048, {}),  # signed
        ((FILM.astype(np.int16) - 2048) & 0xFFF, {"PixelRepresentation": 1, **TWELVE}),  # signed, of 12 bits
        (FILM << 4, {"BitsStored": 12, "HighBit": 15}),  # in the upper bits
        (FILM << 2, {"BitsStored": 12, "HighBit": 13}),  # between others
        (FILM | 0x8000, TWELVE),  # an overlay in a bit that is not used
        (FILM.astype(np.uint32), {"BitsStored": 32, "HighBit": 31}),
    ],
    ids=["signed", "signed 12", "high bit 15", "high bit 13", "overlay", "32"],
)
def test_the_same_film_is_read_from_other_bits(pixels: NDArray[Any], told: dict[str, Any]) -> None:
    np.testing.assert_allclose(film(pixels.astype(pixels.dtype), **told).pixels[0], STRETCHED, atol=1e-6)


def test_signed_values_in_the_upper_bits_keep_their_sign() -> None:
    signed = ((FILM.astype(np.int16) - 2048) << 4).astype(np.int16)
    found = film(signed, BitsStored=12, HighBit=15)
    np.testing.assert_allclose(found.pixels[0], STRETCHED, atol=1e-6)


def test_a_high_bit_outside_of_its_word_is_unreadable() -> None:
    with pytest.raises(UnreadableImage, match="HighBit is 17, with 12 bits stored"):
        film(FILM, HighBit=17)
