"""Which kind of file some bytes are, told by their content and never by a name."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from radiolens.errors import UnreadableImage

__all__ = ["Format", "recognise"]


class Format(StrEnum):
    """A kind of file that is read: images, and the two packings they come in."""

    JPEG = "jpeg"
    PNG = "png"
    TIFF = "tiff"
    BMP = "bmp"
    DICOM = "dicom"
    NIFTI = "nifti"
    ZIP = "zip"
    GZIP = "gzip"


_BEGINNINGS: Mapping[bytes, Format] = MappingProxyType(
    {
        b"\xff\xd8\xff": Format.JPEG,
        b"\x89PNG\r\n\x1a\n": Format.PNG,
        b"II*\x00": Format.TIFF,
        b"MM\x00*": Format.TIFF,
        b"II+\x00": Format.TIFF,  # BigTIFF
        b"MM\x00+": Format.TIFF,
        b"BM": Format.BMP,
        b"PK\x03\x04": Format.ZIP,
        b"PK\x05\x06": Format.ZIP,  # an empty archive
        b"\x1f\x8b": Format.GZIP,
    }
)
_DICOM_MAGIC, _DICOM_MAGIC_AT = b"DICM", 128  # PS3.10 7.1: behind a preamble of 128 bytes
_NIFTI_MAGICS = ((b"n+1\x00", 344), (b"n+2\x00\r\n\x1a\n", 4))
_NIFTI_PAIR = (b"ni1\x00", 344)

_EXECUTABLES: Mapping[bytes, str] = MappingProxyType(
    {
        b"MZ": "a Windows program",
        b"\x7fELF": "a Linux program",
        b"#!": "a script",
        b"PK": "a zip archive",
        b"%PDF": "a PDF document",
    }
)
"""What must not stand before a DICOM image: such a file would also run, or open as something else."""

_OTHERS: Mapping[bytes, str] = MappingProxyType(
    {
        **_EXECUTABLES,
        b"GIF8": "a GIF picture",
        b"RIFF": "a WebP picture or another RIFF file",
        b"\x00\x00\x00\x0cjP": "a JPEG 2000 picture outside of DICOM",
        b"\x89HDF": "an HDF5 file, as networks are stored in",
        b"NRRD": "an NRRD volume",
        b"<svg": "an SVG drawing",
        b"<": "a text with markup, such as a web page",
        b"{": "a text, such as JSON",
        b"Rar!": "a RAR archive",
        b"7z\xbc\xaf": "a 7-Zip archive",
    }
)


def recognise(data: bytes) -> Format:
    """Return the format of `data`.

    Raises UnreadableImage, naming what was found, if it is none that is read, or a DICOM image behind the beginning
    of another kind of file.
    """
    if not data:
        raise UnreadableImage("The file is empty. Export it again from its source.")
    if _has(data, _DICOM_MAGIC, _DICOM_MAGIC_AT):
        _refuse_disguise(data)
        return Format.DICOM
    if any(_has(data, magic, place) for magic, place in _NIFTI_MAGICS):
        return Format.NIFTI
    if _has(data, *_NIFTI_PAIR):
        raise UnreadableImage("This is the header of a two-file NIfTI image. Convert the pair to one .nii file.")
    for magic, found in _BEGINNINGS.items():
        if data.startswith(magic):
            return found
    if _is_bare_dicom(data):
        return Format.DICOM
    raise UnreadableImage(f"The file is {_kind(data)}. Send DICOM, NIfTI, PNG, JPEG or TIFF.")


def _has(data: bytes, magic: bytes, place: int) -> bool:
    return data[place : place + len(magic)] == magic


def _refuse_disguise(data: bytes) -> None:
    for magic, kind in _EXECUTABLES.items():
        if data.startswith(magic):
            raise UnreadableImage(
                f"The file begins as {kind} and is not read as DICOM. Export the image again from its source."
            )


def _is_bare_dicom(data: bytes) -> bool:
    """Say whether data begin with a DICOM element of group 2 or 8, as files without a preamble do."""
    group, vr, length = data[:2], data[4:6], int.from_bytes(data[4:8], "little")
    if len(data) < 8 or group not in (b"\x02\x00", b"\x08\x00", b"\x00\x08"):
        return False
    explicit = vr.isalpha() and vr.isupper()
    return explicit or (group != b"\x00\x08" and length <= len(data))  # big endian is always explicit


def _kind(data: bytes) -> str:
    beginning = data[:64].lstrip()
    return next((kind for magic, kind in _OTHERS.items() if beginning.startswith(magic)), "no known image")
