"""Large films and long series are read within the address space of one child, libraries included."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import imagecodecs
import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import uid

from radiolens.imaging.selection import EVERY
from radiolens.imaging.untrusted import read_untrusted
from tests.phantoms import CT, chest_film, dicom, head_slice

TWELVE = {"BitsStored": 12, "HighBit": 11}


@cache
def film() -> NDArray[np.uint16]:
    return np.tile(np.rint(chest_film(300, 300) * 4095).astype(np.uint16), (10, 10))


ENCODERS: dict[uid.UID, Callable[[NDArray[np.uint16]], bytes] | None] = {
    uid.ExplicitVRLittleEndian: None,
    uid.JPEGLosslessSV1: lambda pixels: imagecodecs.jpeg8_encode(pixels, lossless=True, predictor=1, bitspersample=12),
    uid.HTJ2KLossless: lambda pixels: imagecodecs.htj2k_encode(pixels, reversible=True),
}


@pytest.mark.parametrize("syntax", ENCODERS, ids=lambda syntax: syntax.name)
def test_a_film_of_nine_megapixels_is_read(syntax: uid.UID) -> None:
    encode = ENCODERS[syntax]
    frames = [encode(film())] if encode else []
    told: dict[str, Any] = {"WindowCenter": 2048, "WindowWidth": 4096, "PhotometricInterpretation": "MONOCHROME1"}
    image = read_untrusted([dicom(film(), syntax, frames, **TWELVE, **told)])
    expected = 1 - np.clip((film()[::47, ::47] - 2047.5) / 4095 + 0.5, 0, 1)
    np.testing.assert_allclose(image.pixels[0, ::47, ::47], expected, atol=1e-6)


def test_every_slice_of_a_ct_of_250_is_read() -> None:
    head = head_slice(512, 512)
    files = [
        dicom(
            head + number,
            Modality="CT",
            SOPClassUID=CT,
            RescaleSlope=1,
            RescaleIntercept=0,
            ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
            ImagePositionPatient=[0, 0, number],
        )
        for number in range(250)
    ]
    image = read_untrusted(files, EVERY)
    assert image.pixels.shape == (250, 512, 512)
    np.testing.assert_array_equal(image.pixels[249], head + np.float32(249))
