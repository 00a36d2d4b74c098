"""Reads a medical image of any supported format, recognised by its content and never by its name."""

from __future__ import annotations

from collections.abc import Sequence

from radiolens.errors import UnreadableImage
from radiolens.image import Image
from radiolens.imaging.dicom import read_dicom
from radiolens.imaging.formats import Format, recognise
from radiolens.imaging.inflation import inflate_gzip
from radiolens.imaging.limits import Limits
from radiolens.imaging.nifti import read_nifti
from radiolens.imaging.raster import read_raster
from radiolens.imaging.selection import MIDDLE, SliceSelection

__all__ = ["Format", "decode", "recognise"]


def decode(files: Sequence[bytes], selection: SliceSelection = MIDDLE, limits: Limits = Limits()) -> Image:
    """Decode one input in this process: for trusted files, or inside a child of the sandbox.

    Several byte strings are the files of one DICOM series; one may be gzipped. Of a volume only the selected slices are
    decoded. Raises UnreadableImage.
    """
    if len(files) > 1:
        return read_dicom(files, selection, limits)
    data, found = _unpacked(files[0], limits)
    if found is Format.DICOM:
        return read_dicom([data], selection, limits)
    if found is Format.NIFTI:
        return read_nifti(data, selection, limits)
    return read_raster(data, found.value, selection, limits)


def _unpacked(data: bytes, limits: Limits) -> tuple[bytes, Format]:
    """Return an image file and its format, out of its gzip packing if it has one."""
    found = recognise(data)
    if found is Format.GZIP:
        data = inflate_gzip(data, limits.inflated_bytes)
        found = recognise(data)
    if found in (Format.GZIP, Format.ZIP):
        raise UnreadableImage(f"The file is a {found} archive where an image was expected. Unpack it first.")
    return data, found
