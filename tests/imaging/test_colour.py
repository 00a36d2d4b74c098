"""Coloured DICOM images become luma, and how colourful they were is told."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.pixels.processing import convert_color_space
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian

from radiolens.errors import UnreadableImage
from radiolens.image import Image, Unit
from radiolens.imaging.read import decode
from tests.phantoms import chest_film, dicom

GREY = np.rint(chest_film(60, 50) * 255).astype(np.uint8)
COLOUR = np.stack([GREY, GREY[::-1], GREY[:, ::-1]], axis=-1)
LUMA = COLOUR @ np.array([0.299, 0.587, 0.114]) / 255  # ITU-R BT.601


def shown(pixels: NDArray[Any], **elements: Any) -> Image:  # noqa: ANN401  any value of any element
    return decode([dicom(pixels, **elements)])


def test_rgb_becomes_luma_and_is_told() -> None:
    image = shown(COLOUR)
    assert image.unit is Unit.UNIT_INTERVAL
    np.testing.assert_allclose(image.pixels[0], LUMA, atol=1e-6)
    assert image.source.colour_fraction > 0.05


def test_rgb_of_equal_channels_is_told_to_be_grey() -> None:
    image = shown(np.stack([GREY] * 3, axis=-1))
    np.testing.assert_allclose(image.pixels[0], GREY / 255, atol=1e-6)
    assert image.source.colour_fraction == 0


def test_sixteen_bits_of_colour_are_read_in_full() -> None:
    deep = COLOUR.astype(np.uint16) * 257
    np.testing.assert_allclose(shown(deep).pixels[0], LUMA, atol=1e-5)


def test_colour_by_planes_is_the_same() -> None:
    planes = np.ascontiguousarray(COLOUR.transpose(2, 0, 1))
    by_planes = dicom(COLOUR, PlanarConfiguration=1).replace(COLOUR.tobytes(), planes.tobytes())
    np.testing.assert_array_equal(decode([by_planes]).pixels, shown(COLOUR).pixels)


def test_the_luma_of_ybr_is_its_first_channel() -> None:
    ybr = convert_color_space(COLOUR, "RGB", "YBR_FULL")
    image = shown(ybr, PhotometricInterpretation="YBR_FULL")
    np.testing.assert_allclose(image.pixels[0], LUMA, atol=1 / 255)  # rounded once
    assert image.source.colour_fraction == pytest.approx(shown(COLOUR).source.colour_fraction, abs=0.02)


def test_ybr_whose_pixels_share_their_colour_is_read() -> None:
    ybr = convert_color_space(COLOUR, "RGB", "YBR_FULL")
    pairs = np.stack([ybr[:, ::2, 0], ybr[:, 1::2, 0], ybr[:, ::2, 1], ybr[:, ::2, 2]], axis=-1)
    content = dicom(ybr, PhotometricInterpretation="YBR_FULL_422")
    content = content[: content.index(b"\xe0\x7f\x10\x00") + 12]
    content = content[:-4] + pairs.nbytes.to_bytes(4, "little") + pairs.tobytes()
    np.testing.assert_allclose(decode([content]).pixels[0], ybr[..., 0] / 255, atol=1e-6)


def palette(
    red: NDArray[Any], green: NDArray[Any], blue: NDArray[Any], first: int = 0, bits: int = 16
) -> dict[str, Any]:
    order = {8: "u1", 16: "<u2"}[bits]
    tables = {"Red": red, "Green": green, "Blue": blue}
    return {
        "PhotometricInterpretation": "PALETTE COLOR",
        **{f"{name}PaletteColorLookupTableDescriptor": [len(red), 0, bits] for name in tables},
        **{f"{name}PaletteColorLookupTableData": table.astype(order).tobytes() for name, table in tables.items()},
    }


RAMP = np.arange(256)


def test_a_palette_is_looked_up() -> None:
    image = shown(GREY, **palette(RAMP * 257, RAMP[::-1] * 257, RAMP * 0))
    expected = (0.299 * GREY + 0.587 * (255 - GREY)) / 255
    np.testing.assert_allclose(image.pixels[0], expected, atol=1e-5)
    assert image.source.colour_fraction > 0.05


def test_a_palette_of_eight_bits_has_its_own_full_scale() -> None:
    np.testing.assert_allclose(shown(GREY, **palette(RAMP, RAMP, RAMP, bits=8)).pixels[0], GREY / 255, atol=1e-6)
    told = palette(RAMP, RAMP, RAMP)  # of 8 bits in words of 16
    told |= {keyword: [256, 0, 8] for keyword in told if keyword.endswith("Descriptor")}
    np.testing.assert_allclose(shown(GREY, **told).pixels[0], GREY / 255, atol=1e-6)


def test_a_palette_in_big_endian_is_the_same() -> None:
    told = palette(RAMP * 257, RAMP[::-1] * 257, RAMP * 0)
    swapped = {
        keyword: np.frombuffer(value, "<u2").byteswap().tobytes() if isinstance(value, bytes) else value
        for keyword, value in told.items()
    }
    little, big = dicom(GREY, ExplicitVRLittleEndian, **told), dicom(GREY, ExplicitVRBigEndian, **swapped)
    np.testing.assert_array_equal(decode([big]).pixels, decode([little]).pixels)


def test_a_palette_that_is_missing_or_cut_off_is_unreadable() -> None:
    told = palette(RAMP, RAMP, RAMP)
    for damage in ({"RedPaletteColorLookupTableDescriptor": None}, {"BluePaletteColorLookupTableData": b"\0\0"}):
        with pytest.raises(UnreadableImage, match="colour palette is damaged"):
            shown(GREY, **{**told, **damage})
