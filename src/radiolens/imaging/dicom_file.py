"""Parses a DICOM file within bounds, before anything is decoded or inflated without limit."""

from __future__ import annotations

import io
import struct
import zlib

import pydicom
from pydicom.dataset import FileDataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.uid import DeflatedExplicitVRLittleEndian

from radiolens.errors import UnreadableImage
from radiolens.imaging.limits import Limits
from radiolens.quality import ProblemCode

__all__ = ["DAMAGE", "parse"]

_PREAMBLE = 128
_DISGUISES = {
    b"MZ": "a Windows program",
    b"\x7fELF": "a Linux program",
    b"#!": "a script",
    b"PK": "a zip archive",
    b"%PDF": "a PDF document",
}
DAMAGE = (
    InvalidDicomError,
    BytesLengthException,
    EOFError,
    OSError,
    ValueError,
    KeyError,
    AttributeError,
    TypeError,
    IndexError,
    NotImplementedError,
    OverflowError,
    struct.error,
    zlib.error,
)
"""What pydicom and its decoders raise on damaged files."""


def parse(data: bytes, limits: Limits, *, pixels: bool = True) -> FileDataset:
    """Return the data set; with `pixels` False it ends before the pixel data.

    Raises UnreadableImage if the preamble is that of another kind of file, sequences are nested too deeply, or a
    deflated file inflates beyond the limit. (pydicom would inflate it whole, even to stop before the pixels.)
    """
    _refuse_disguise(data)
    try:
        inflated = _inflate_if_deflated(data, limits)
        dataset = pydicom.dcmread(io.BytesIO(inflated), force=True, stop_before_pixels=not pixels)
        _check_nesting(dataset, limits.nesting)
    except RecursionError as error:
        raise UnreadableImage(_nested(limits)) from error
    except DAMAGE as error:
        raise UnreadableImage(
            f"The DICOM file is damaged or incomplete ({error}). Export it again from the PACS."
        ) from error
    if "SOPClassUID" not in dataset and "Rows" not in dataset:
        raise UnreadableImage("The file holds no DICOM image. Send the image files, not a report or DICOMDIR.")
    return dataset


def _refuse_disguise(data: bytes) -> None:
    """Refuse a preamble with which the file would also run or open as something else (PS3.10 7.1)."""
    for magic, kind in _DISGUISES.items():
        if data.startswith(magic):
            raise UnreadableImage(
                f"The file begins as {kind} and is not read as DICOM. Export the image again from its source."
            )


def _inflate_if_deflated(data: bytes, limits: Limits) -> bytes:
    """Return a deflated file as explicit little endian, inflated within the limit; any other file as it is."""
    if data[_PREAMBLE : _PREAMBLE + 4] != b"DICM":
        return data
    length_end = _PREAMBLE + 4 + 12  # (0002,0000), UL, its length and value: the size of the rest of the group
    body_start = length_end + struct.unpack("<I", data[length_end - 4 : length_end])[0]
    meta = pydicom.dcmread(io.BytesIO(data[:body_start]), stop_before_pixels=True).file_meta
    if meta.get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
        return data
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    body = inflater.decompress(data[body_start:], limits.inflated_bytes + 1)
    if len(body) > limits.inflated_bytes:
        raise UnreadableImage(
            f"The compressed file becomes larger than {limits.inflated_bytes / 1e6:.0f} MB. Export it uncompressed.",
            ProblemCode.TOO_LARGE,
        )
    # Explicit little endian instead; the UID is padded to the same length, so that the meta group keeps its size.
    deflated, explicit = b"1.2.840.10008.1.2.1.99", b"1.2.840.10008.1.2.1\0\0\0"
    return data[:body_start].replace(deflated, explicit, 1) + body


def _check_nesting(dataset: pydicom.Dataset, left: int) -> None:
    for element in dataset:
        if element.VR == "SQ":
            if left == 0:
                raise RecursionError
            for item in element.value:
                _check_nesting(item, left - 1)


def _nested(limits: Limits) -> str:
    return f"Sequences are nested more than {limits.nesting} deep. Export the image again from the PACS."
