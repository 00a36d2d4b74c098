"""Reads a medical image of any supported format, recognised by its content and never by its name."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from radiolens.errors import UnreadableImage
from radiolens.image import Image
from radiolens.imaging.dicom import read_dicom
from radiolens.imaging.limits import Limits
from radiolens.imaging.nifti import inflate_gzip, read_nifti
from radiolens.imaging.raster import read_raster
from radiolens.imaging.selection import MIDDLE, SliceSelection

__all__ = ["Format", "decode", "recognise"]


class Format(StrEnum):
    """A file format, by content."""

    JPEG = "jpeg"
    PNG = "png"
    TIFF = "tiff"
    BMP = "bmp"
    DICOM = "dicom"
    NIFTI = "nifti"


_MAGIC = {
    b"\xff\xd8\xff": Format.JPEG,
    b"\x89PNG\r\n\x1a\n": Format.PNG,
    b"II*\x00": Format.TIFF,
    b"MM\x00*": Format.TIFF,
    b"BM": Format.BMP,
}
_DICOM_MAGIC, _DICOM_MAGIC_AT = b"DICM", 128
_NIFTI_MAGIC, _NIFTI_MAGIC_AT = (b"n+1\x00", b"n+2\x00\r\n\x1a\n"), (344, 4)
_GROUP_8 = b"\x08\x00"  # how a DICOM file without preamble begins
_OTHERS = {
    b"%PDF": "a PDF document",
    b"PK": "a zip archive inside of which no images were found",
    b"MZ": "a Windows program",
    b"\x7fELF": "a Linux program",
    b"#!": "a script",
    b"GIF8": "a GIF picture",
    b"<svg": "an SVG drawing",
}


def recognise(data: bytes) -> Format:
    """Return the format of `data`; raise UnreadableImage, naming what was found, if it is none that is read."""
    if not data:
        raise UnreadableImage("The file is empty. Export it again from its source.")
    if data[_DICOM_MAGIC_AT : _DICOM_MAGIC_AT + 4] == _DICOM_MAGIC:
        return Format.DICOM
    for magic, found in _MAGIC.items():
        if data.startswith(magic):
            return found
    places = zip(_NIFTI_MAGIC, _NIFTI_MAGIC_AT, strict=True)
    if any(data[place : place + len(magic)] == magic for magic, place in places):
        return Format.NIFTI
    if data.startswith(_GROUP_8):
        return Format.DICOM
    kind = next((kind for magic, kind in _OTHERS.items() if data.lstrip()[:8].startswith(magic)), "no known image")
    raise UnreadableImage(f"The file is {kind}. Send DICOM, NIfTI, PNG, JPEG or TIFF.")


def decode(files: Sequence[bytes], selection: SliceSelection = MIDDLE, limits: Limits = Limits()) -> Image:
    """Decode one input in this process: for trusted files, or inside a child of the sandbox.

    Several byte strings are the files of one DICOM series. Raises UnreadableImage.
    """
    if len(files) > 1:
        return read_dicom(files, selection, limits)
    data = inflate_gzip(files[0], limits)
    found = recognise(data)
    if found is Format.DICOM:
        return read_dicom([data], selection, limits)
    if found is Format.NIFTI:
        return read_nifti(data, selection, limits)
    return read_raster(data, found.value, selection, limits)
