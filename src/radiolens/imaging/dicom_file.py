"""Parses a DICOM file within bounds, up to its pixels, which stay where they are."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass

from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.errors import BytesLengthException
from pydicom.filereader import read_dataset, read_preamble
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from radiolens.errors import UnreadableImage
from radiolens.imaging.formats import Format, recognise
from radiolens.imaging.inflation import inflate_raw
from radiolens.imaging.limits import Limits

__all__ = ["DicomFile", "parse"]

_PIXEL_DATA = 0x7FE00010
_ALL_PIXEL_TAGS = (_PIXEL_DATA, 0x7FE00008, 0x7FE00009)  # PixelData, FloatPixelData, DoubleFloatPixelData
_DAMAGE = (BytesLengthException, ValueError, EOFError, OSError, KeyError, TypeError, NotImplementedError, struct.error)
"""What pydicom's parser raises on damaged files."""


@dataclass(frozen=True, eq=False)
class DicomFile:
    """A parsed file: its header and where the value of its PixelData lies in `content`, if it has one.

    `content` is the file, inflated. `pixel_vr` is the value representation of PixelData.
    """

    header: Dataset
    content: bytes
    transfer_syntax: UID
    pixels_at: int | None = None
    pixel_vr: str = "OW"


def parse(data: bytes, limits: Limits) -> DicomFile:
    """Return the parsed file; nothing of its pixels is copied or decoded.

    Raises UnreadableImage if the file is not DICOM, or begins as another kind of file, is damaged, nests sequences too
    deeply, or inflates beyond the limit. (pydicom's own `dcmread` would inflate it whole.)
    """
    if recognise(data) is not Format.DICOM:
        raise UnreadableImage("One of the files is not DICOM, the others are. Send pictures one by one.")
    try:
        file = _parse(data, limits)
        _check_nesting(file.header, limits.nesting)
    except RecursionError as error:
        raise UnreadableImage(
            f"Sequences are nested more than {limits.nesting} deep. Export the image again from the PACS."
        ) from error
    except _DAMAGE as error:
        raise UnreadableImage("The DICOM file is damaged or incomplete. Export it again from the PACS.") from error
    return file


def _parse(data: bytes, limits: Limits) -> DicomFile:
    stream = io.BytesIO(data)
    read_preamble(stream, force=True)
    meta = FileMetaDataset(read_dataset(stream, False, True, stop_when=lambda tag, vr, length: tag >> 16 != 2))
    stated = meta.get("TransferSyntaxUID")
    start = stream.tell()
    syntax = UID(stated) if stated else _guessed_syntax(data[start : start + 6])
    if syntax == DeflatedExplicitVRLittleEndian:
        data = inflate_raw(data[start:], limits.inflated_bytes)
        stream = io.BytesIO(data)
    # Whatever else is stated is explicit little endian, as all compressed syntaxes are (PS3.5 A.4).
    implicit, little = syntax == ImplicitVRLittleEndian, syntax != ExplicitVRBigEndian
    header = read_dataset(stream, implicit, little, stop_when=lambda tag, vr, length: tag in _ALL_PIXEL_TAGS)
    place, vr = _pixel_place(data, stream.tell(), little=little)
    return DicomFile(header, data, syntax, place, vr)


def _guessed_syntax(beginning: bytes) -> UID:
    """Tell the encoding of a file that does not state it: explicit ones have two letters behind the first tag."""
    if not beginning[4:6].isalpha():
        return ImplicitVRLittleEndian
    return ExplicitVRBigEndian if beginning[0] == 0 else ExplicitVRLittleEndian


def _pixel_place(data: bytes, at: int, *, little: bool) -> tuple[int | None, str]:
    """Return where the value of the PixelData element at `at` begins (None if there is none), and its VR."""
    order = "<" if little else ">"
    if len(data) < at + 12 or struct.unpack(f"{order}HH", data[at : at + 4]) != (
        _PIXEL_DATA >> 16,
        _PIXEL_DATA & 0xFFFF,
    ):
        return None, ""
    vr = data[at + 4 : at + 6]
    if vr in (b"OB", b"OW", b"UN"):  # read as the length of an implicit element, each of them would be odd
        return at + 12, vr.decode()
    return at + 8, "OW"


def _check_nesting(dataset: Dataset, left: int) -> None:
    """Raise RecursionError if sequences are nested deeper; no element but sequences is converted.

    Converting any other could put a patient's name into a warning about its value.
    """
    for element in list(dataset.values()):
        if _is_sequence(element):
            if left == 0:
                raise RecursionError
            items = dataset[element.tag].value
            for item in items if isinstance(items, Sequence) else ():
                _check_nesting(item, left - 1)


def _is_sequence(element: DataElement | RawDataElement) -> bool:
    if element.VR in (None, "UN"):  # implicit, or a public element that was copied without knowing it
        return _dictionary_vr(element.tag) == "SQ"
    return element.VR == "SQ"


def _dictionary_vr(tag: BaseTag) -> str | None:
    try:
        return dictionary_VR(tag)
    except KeyError:  # private or unknown
        return None
