"""Damaged real files: whatever is changed in them, they are an image or an error of the tree, in time."""

from __future__ import annotations

import contextlib
import gzip
import io
import math
import time
import warnings
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

import imagecodecs
import nibabel
import numpy as np
import PIL.Image
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import uid
from pydicom.data import get_testdata_file

from radiolens.errors import InputError
from radiolens.imaging.limits import MIB, Limits
from radiolens.imaging.read import decode
from radiolens.imaging.untrusted import read_untrusted
from tests.hostile_files import compressed, dicom, picture
from tests.phantoms import chest_film
from tests.shared_data import SHARED

LIMITS = Limits(file_bytes=8 * MIB, pixels=2_000_000, frames=100, inflated_bytes=16 * MIB, cpu_seconds=10)
"""Small, so that a file that declares more than it was does not cost the time of the default's bounds."""
SECONDS = LIMITS.wall_seconds
"""For one file, in this process, on a busy machine: none may hang."""
LARGEST_SEED_BYTES = 700_000
BUNDLED = (
    "CT_small.dcm",
    "MR_small.dcm",
    "MR_small_RLE.dcm",
    "MR_small_bigendian.dcm",
    "MR_small_implicit.dcm",
    "MR_small_jp2klossless.dcm",
    "MR_small_jpeg_ls_lossless.dcm",
    "JPEG-lossy.dcm",
    "JPEG2000.dcm",
    "SC_rgb_jpeg_gdcm.dcm",
    "SC_rgb_rle.dcm",
    "color-pl.dcm",
    "emri_small_RLE.dcm",
    "examples_palette.dcm",
    "image_dfl.dcm",
    "liver_1frame.dcm",
    "nested_priv_SQ.dcm",
    "no_meta.dcm",
    "rtplan.dcm",
    "vlut_04.dcm",
)
"""Real DICOM files, of every kind of encoding, that pydicom or pydicom-data bring along."""


def bundled() -> dict[str, bytes]:
    """Return those of the real DICOM files that are installed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom tells of each file that is not installed
        found = {name: get_testdata_file(name, download=False) for name in BUNDLED}
    return {name: Path(str(place)).read_bytes() for name, place in found.items() if place}


def made() -> dict[str, bytes]:
    """Return small files of every other format, written by the libraries that everybody uses."""
    deep = np.rint(chest_film(80, 70) * 65535).astype(np.uint16)
    grey = (deep >> 8).astype(np.uint8)
    volume = nibabel.Nifti1Image(np.stack([grey] * 6, axis=2), np.eye(4)).to_bytes()
    pages = io.BytesIO()
    PIL.Image.fromarray(grey).save(pages, "TIFF", save_all=True, append_images=[PIL.Image.fromarray(grey)] * 3)
    colour = PIL.Image.fromarray(np.stack([grey] * 3, axis=2)).quantize(16)
    palette = io.BytesIO()
    colour.save(palette, "PNG", transparency=3)
    return {
        "grey.png": picture("PNG", grey),
        "deep.png": picture("PNG", deep),
        "palette.png": palette.getvalue(),
        "grey.jpg": picture("JPEG", grey),
        "progressive.jpg": picture("JPEG", grey, progressive=True),
        "deflated.tiff": picture("TIFF", deep, compression="tiff_adobe_deflate"),
        "lzw.tiff": picture("TIFF", grey, compression="tiff_lzw"),
        "pages.tiff": pages.getvalue(),
        "grey.bmp": picture("BMP", grey),
        "volume.nii": volume,
        "volume.nii.gz": gzip.compress(volume, mtime=0),
        "film.dcm": dicom(),
        "htj2k.dcm": compressed(uid.HTJ2KLossless, bytes(imagecodecs.htj2k_encode(grey)) + b"\0")
        if getattr(imagecodecs, "HTJ2K", None) and imagecodecs.HTJ2K.available
        else dicom(),
    }


def shared() -> dict[str, bytes]:
    """Return one real image of each data set that is present."""
    folders = sorted(path for path in SHARED.glob("*/images/*") if path.is_dir()) if SHARED.is_dir() else []
    files = [
        next((file for file in sorted(folder.rglob("*")) if file.suffix in (".png", ".jpg")), None)
        for folder in folders
    ]
    dicoms = sorted(SHARED.glob("dicom/**/*.dcm"))[::20] if SHARED.is_dir() else []
    return {str(file.relative_to(SHARED)): file.read_bytes() for file in (*files, *dicoms) if file}


@cache
def seeds() -> Mapping[str, bytes]:
    """Return the files that are damaged, by name."""
    found = {**bundled(), **made(), **shared()}
    return MappingProxyType({name: data for name, data in found.items() if len(data) <= LARGEST_SEED_BYTES})


WORDS = (
    b"\0\0",
    b"\xff\xff",
    b"\x7f\xff\xff\xff",
    b"\xff\xff\xff\xff",
    b"\x80\0\0\0",
    b"\0\0\0\0",
    b"NaN ",
    b"1e99",
    b"\xfe\xff\x00\xe0",
)
"""What makes parsers err: borders of integers, no numbers, an item of DICOM where none is."""


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Return a real file with some bytes changed, cut out, doubled or missing at its end; headers more often."""
    data = bytearray(seeds()[draw(st.sampled_from(sorted(seeds())))])
    for _ in range(draw(st.integers(1, 6))):
        share = draw(st.floats(0, 1, exclude_max=True))
        place = int((share**3 if draw(st.booleans()) else share) * len(data))
        kind = draw(st.sampled_from(["byte", "word", "cut", "double", "end"]))
        length = draw(st.integers(1, 64))
        if kind == "byte":
            data[place : place + 1] = bytes([draw(st.integers(0, 255))])
        elif kind == "word":
            word = draw(st.sampled_from(WORDS))
            data[place : place + len(word)] = word
        elif kind == "cut":
            del data[place : place + length]
        elif kind == "double":
            data[place:place] = data[place : place + length]
        elif draw(st.booleans()):
            del data[max(place, 1) :]
        if not data:
            break
    return bytes(data)


def check(data: bytes) -> None:
    """Decode in this process: an image of numbers within the limits, or an error of the tree, in time."""
    start = time.monotonic()
    try:
        image = decode([data], limits=LIMITS)
    except InputError as error:
        told = str(error)
        assert told.endswith("."), told
        assert "Traceback" not in told
    else:
        assert image.pixels.nbytes <= LIMITS.inflated_bytes
        assert math.isfinite(float(image.pixels.sum(dtype=np.float64)))
    assert time.monotonic() - start < SECONDS


@pytest.mark.parametrize("name", sorted(seeds()))
def test_a_seed_is_read_or_refused_as_it_is(name: str) -> None:
    check(seeds()[name])


def test_there_are_seeds_of_every_kind() -> None:
    names = " ".join(seeds())
    assert all(
        kind in names for kind in (".png", ".jpg", ".tiff", ".bmp", ".nii ", ".nii.gz", "RLE", "jp2k", "jpeg_ls")
    )


@settings(derandomize=True, deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(damaged())
def test_a_damaged_real_file_is_an_image_or_an_error_of_the_tree(data: bytes) -> None:
    check(data)


@pytest.mark.slow
@settings(derandomize=True, deadline=None, max_examples=3000, suppress_health_check=[HealthCheck.too_slow])
@given(damaged())
def test_thousands_of_damaged_real_files_are_images_or_errors_of_the_tree(data: bytes) -> None:
    check(data)


@settings(derandomize=True, deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(damaged())
def test_a_damaged_real_file_ends_well_in_the_sandbox(data: bytes) -> None:
    start = time.monotonic()
    with contextlib.suppress(InputError):
        assert math.isfinite(float(read_untrusted([data], limits=LIMITS).pixels.sum(dtype=np.float64)))
    assert time.monotonic() - start < 2 * SECONDS + 5


@settings(derandomize=True, deadline=None, max_examples=200)
@given(
    st.binary(max_size=600),
    st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"BM", b"\x1f\x8b\x08"]),
)
def test_any_bytes_behind_any_beginning_are_an_error_of_the_tree(noise: bytes, beginning: bytes) -> None:
    check(beginning + noise)


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.binary(max_size=400))
def test_any_elements_behind_a_dicom_beginning_are_an_error_of_the_tree(noise: bytes) -> None:
    check(bytes(128) + b"DICM" + noise)
