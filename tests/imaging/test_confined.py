"""What the sandbox's children run, here in this process."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest

from radiolens.errors import UnreadableImage
from radiolens.imaging.confined import decode_image, read_series_uid
from radiolens.imaging.limits import Limits
from radiolens.imaging.read import decode
from radiolens.imaging.selection import EVERY, MIDDLE
from tests.hostile_files import dicom, element, film_png, header, nested_sequences, nifti, picture

ARGUMENTS: dict[str, Any] = {"selection": asdict(MIDDLE), "limits": asdict(Limits())}


@pytest.mark.parametrize("data", [film_png(), dicom(), nifti((6, 5, 40), bytes(range(240)) * 5)])
def test_an_image_becomes_pixels_and_facts_that_json_holds(data: bytes) -> None:
    payload, image = decode_image([data], ARGUMENTS), decode([data])
    (pixels,) = payload.arrays
    np.testing.assert_array_equal(pixels, image.pixels)
    told = json.loads(json.dumps(payload.facts, allow_nan=False))
    assert told["unit"] == image.unit.value
    assert told["slice_indices"] == list(image.slice_indices)
    assert set(told["source"]) == set(asdict(image.source))


def test_facts_are_an_allow_list_without_the_patient() -> None:
    facts = decode_image([dicom()], ARGUMENTS).facts
    assert "Doe" not in str(facts)
    assert "ID4711" not in str(facts)


def test_the_callers_selection_and_limits_hold() -> None:
    volume = nifti((6, 5, 40), bytes(range(240)) * 5)
    assert len(decode_image([volume], ARGUMENTS | {"selection": asdict(EVERY)}).arrays[0]) == 40
    with pytest.raises(UnreadableImage, match="million pixels"):
        decode_image([film_png()], ARGUMENTS | {"limits": asdict(Limits(pixels=100))})


def test_pixels_that_are_no_numbers_are_refused() -> None:
    values = np.full((20, 20), np.nan, np.float32)
    with pytest.raises(UnreadableImage, match="no numbers"):
        decode_image([picture("TIFF", values)], ARGUMENTS)


def test_the_series_of_a_file_is_told_without_its_pixels() -> None:
    series = element(0x20, 0x0E, b"UI", b"1.2.840.99")
    arguments = {"limits": asdict(Limits())}
    cut = dicom(header(early=series))[:-1000]
    assert read_series_uid([cut], arguments).facts == {"series_instance_uid": "1.2.840.99"}
    assert read_series_uid([dicom()], {}).facts == {"series_instance_uid": None}
    with pytest.raises(UnreadableImage, match="nested"):
        read_series_uid([nested_sequences(100, explicit=True, defined=True)], arguments)


def test_the_parent_loads_no_parser_of_images() -> None:
    parsers = "pydicom", "PIL", "nibabel", "imagecodecs"
    program = f"import sys, radiolens.imaging.untrusted; print([name for name in {parsers} if name in sys.modules])"
    told = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert told.stdout.strip() == "[]"
