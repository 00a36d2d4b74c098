"""Reads a medical image of any supported format, recognised by its content and never by its name."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from radiolens.errors import UnreadableImage
from radiolens.image import Image
from radiolens.imaging.limits import Limits
from radiolens.imaging.raster import read_raster
from radiolens.imaging.selection import EVERY, MIDDLE, SliceSelection

__all__ = ["EVERY", "MIDDLE", "Format", "SliceSelection", "decode", "recognise"]


class Format(StrEnum):
    """A file format, by content."""

    JPEG = "jpeg"
    PNG = "png"
    TIFF = "tiff"
    BMP = "bmp"


_MAGIC = {
    b"\xff\xd8\xff": Format.JPEG,
    b"\x89PNG\r\n\x1a\n": Format.PNG,
    b"II*\x00": Format.TIFF,
    b"MM\x00*": Format.TIFF,
    b"BM": Format.BMP,
}


def recognise(data: bytes) -> Format:
    """Return the format of `data`; raise UnreadableImage if it is none that is read."""
    for magic, found in _MAGIC.items():
        if data.startswith(magic):
            return found
    raise UnreadableImage("The file is of no known image format. Send DICOM, NIfTI, PNG, JPEG or TIFF.")


def decode(files: Sequence[bytes], selection: SliceSelection = MIDDLE, limits: Limits = Limits()) -> Image:
    """Decode one image in this process."""
    return read_raster(files[0], recognise(files[0]).value, selection, limits)
