"""Every file of pydicom's test data: read as pydicom reads it, or refused for the right reason."""

from __future__ import annotations

import io
import random
import re
import warnings
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import data_store
import numpy as np
import pydicom
import pydicom.data
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels import apply_modality_lut, apply_voi_lut, pixel_array
from pydicom.pixels.processing import apply_color_lut

from radiolens.errors import UnreadableImage
from radiolens.image import Image, Unit
from radiolens.imaging.read import decode
from radiolens.imaging.selection import EVERY, SliceSelection
from tests.shared_data import SHARED, needs_shared_data

HOMES = tuple(Path(package.__file__).parent for package in (pydicom.data, data_store))
DAMAGED = {
    "MR_truncated.dcm": "8192 bytes of pixels, 8130 are there",
    "badVR.dcm": "NumberOfFrames in the DICOM file is not a usable number",  # "1A"
    "JPEG2000-embedded-sequence-delimiter.dcm": "header does not fit them",  # it declares 3,722,445,056 columns
    "meta_missing_tsyntax.dcm": "holds no image",  # 2 bytes of pixels, and neither size nor depth
    "nested_priv_SQ.dcm": "holds no image",  # as above
    "no_meta.dcm": "no known image",  # a stray byte before the first element
}
"""Files that pydicom's authors made odd, and what is said of them."""

FIRST_MIDDLE_LAST = SliceSelection(0.0, 1.0, 3)


def dicom_files() -> list[Path]:
    found = {path.name: path for home in HOMES for path in sorted(home.rglob("*.dcm"))}
    return [found[name] for name in sorted(found)]


@cache
def content_of(path: Path) -> bytes:
    return path.read_bytes()


def parsed(path: Path) -> Dataset:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom's, on files that were made odd
        return pydicom.dcmread(io.BytesIO(content_of(path)), force=True)


def independently(path: Path, indices: Sequence[int]) -> NDArray[np.float64] | None:
    """Return frames as pydicom decodes and shows them, None where it cannot, or has no function for it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = parsed(path)
        try:
            frames = np.stack([pixel_array(dataset, index=index) for index in indices])
        except (AttributeError, RuntimeError, ValueError, NotImplementedError):
            return None
        if "PerFrameFunctionalGroupsSequence" in dataset or "PixelPaddingValue" in dataset:
            return None
        if dataset.PhotometricInterpretation == "PALETTE COLOR" or dataset.SamplesPerPixel > 1:
            return coloured(dataset, frames)
        return apply_modality_lut(frames, dataset).astype(float)


def coloured(dataset: Dataset, frames: NDArray[np.generic]) -> NDArray[np.float64] | None:
    if dataset.PhotometricInterpretation == "PALETTE COLOR":
        if dataset.file_meta.TransferSyntaxUID == pydicom.uid.ExplicitVRBigEndian:
            return None  # pydicom reads its tables as little endian
        frames = apply_color_lut(frames, dataset)
    full_scale = float(np.iinfo(frames.dtype).max)
    return frames[..., :3].astype(float) @ [0.299, 0.587, 0.114] / full_scale


def shades(dataset: Dataset, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a film's values from 0 to 1 as pydicom windows them, up to the range that they span."""
    windowed = values
    if "VOILUTSequence" in dataset or "WindowCenter" in dataset:
        windowed = np.stack([apply_voi_lut(frame.astype(int), dataset).astype(float) for frame in values])
    return -windowed if dataset.PhotometricInterpretation == "MONOCHROME1" else windowed


def spread(values: NDArray[np.floating]) -> NDArray[np.float64]:
    low, high = values.min(axis=(1, 2), keepdims=True), values.max(axis=(1, 2), keepdims=True)
    return (values.astype(float) - low) / np.maximum(high - low, 1e-9)


def assert_as_pydicom(path: Path, image: Image) -> None:
    expected = independently(path, image.slice_indices)
    if expected is None:
        return
    dataset = parsed(path)
    if image.unit is not Unit.UNIT_INTERVAL:
        np.testing.assert_allclose(image.pixels, expected, rtol=1e-6, atol=1e-3)
    elif "YBR" in dataset.PhotometricInterpretation:
        # pydicom turns YBR to 8-bit RGB: it rounds, and clips the colours, at edges, that RGB does not have.
        difference = np.abs(image.pixels - expected)
        assert (difference.mean(), difference.max()) < (1 / 255, 1)
        assert np.mean(difference > 3 / 255) < 0.1
    elif dataset.SamplesPerPixel > 1 or dataset.PhotometricInterpretation == "PALETTE COLOR":
        np.testing.assert_allclose(image.pixels, expected, atol=1e-6)
    else:
        np.testing.assert_allclose(spread(image.pixels), spread(shades(dataset, expected)), atol=2e-6)


CUT_BEHIND_THE_LAST_FRAME = "emri_small_jpeg_2k_lossless_too_short.dcm"
"""pydicom leaves out its pixel data, since the end of their sequence is missing; all frames are there."""


def holds_pixels(path: Path) -> bool:
    return "PixelData" in parsed(path) or path.name == CUT_BEHIND_THE_LAST_FRAME


REFUSED = {path: "holds no image" for path in dicom_files() if not holds_pixels(path)}
REFUSED |= {path: DAMAGED[path.name] for path in dicom_files() if path.name in DAMAGED}
READ = [path for path in dicom_files() if path not in REFUSED]


@pytest.mark.parametrize("path", READ, ids=lambda path: path.name)
def test_a_file_is_read_as_pydicom_reads_it(path: Path) -> None:
    image = decode([content_of(path)], FIRST_MIDDLE_LAST)
    assert np.isfinite(image.pixels).all()
    assert_as_pydicom(path, image)


@pytest.mark.parametrize("path", REFUSED, ids=lambda path: path.name)
def test_a_file_that_is_damaged_or_holds_no_image_is_refused_for_that_reason(path: Path) -> None:
    with pytest.raises(UnreadableImage, match=re.escape(REFUSED[path])):
        decode([content_of(path)], FIRST_MIDDLE_LAST)


def test_a_file_of_which_only_the_end_behind_the_last_frame_is_missing_is_read() -> None:
    files = {path.name: path for path in READ}
    cut, whole = (content_of(files[name]) for name in (CUT_BEHIND_THE_LAST_FRAME, "emri_small.dcm"))
    np.testing.assert_array_equal(decode([cut], EVERY).pixels, decode([whole], EVERY).pixels)


def test_enough_files_are_compared_with_pydicom() -> None:
    assert sum(independently(path, (0,)) is not None for path in SMALL) > 40


@needs_shared_data
def test_every_file_of_the_shared_series_is_read() -> None:
    paths = sorted((SHARED / "dicom").rglob("*.dcm"))
    assert len(paths) > 40
    for path in paths:
        image = decode([path.read_bytes()])
        assert (image.source.format, image.source.warnings) == ("dicom", ())
        assert np.ptp(image.pixels) > 0


SMALL = [path for path in dicom_files() if path.stat().st_size < 50_000]


def mutated(data: bytes, rng: random.Random) -> bytes:
    """Return the file with a few bytes, mostly of its header, flipped, replaced, cut out, doubled or cut off."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5))):
        at = rng.randrange(min(len(changed), rng.choice((200, 2000, len(changed)))) or 1)
        size = rng.choice((1, 2, 4, 16))
        other = rng.randrange(len(changed) or 1)
        match rng.randrange(6):
            case 0:
                changed[at : at + 1] = bytes([rng.randrange(256)])
            case 1:
                changed[at : at + size] = rng.choice((b"\xff", b"\0", b"\x80")) * size  # lengths and counts
            case 2:
                del changed[at : at + size]
            case 3:
                changed[at:at] = changed[other : other + size]
            case 4:
                changed[at : at + size] = changed[other : other + size]
            case 5:
                del changed[at + rng.randrange(len(changed)) :]
    return bytes(changed)


def test_nothing_but_unreadable_image_comes_of_mutated_files() -> None:
    rng = random.Random(0)  # noqa: S311  repeatable, not secret
    read = refused = 0
    for _ in range(1000):
        content = mutated(content_of(rng.choice(SMALL)), rng)
        try:
            image = decode([content], FIRST_MIDDLE_LAST)
        except UnreadableImage as error:
            refused += str(error).endswith(".")
        else:
            read += 1
            assert np.isfinite(image.pixels).all()
    assert read + refused == 1000
    assert min(read, refused) > 100  # the mutations are neither all harmless nor all fatal
