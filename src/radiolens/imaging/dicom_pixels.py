"""From a DICOM file's pixel data to the stored values of one frame."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException
from pydicom.pixels.processing import apply_color_lut, convert_color_space
from pydicom.pixels.utils import as_pixel_options
from pydicom.uid import ExplicitVRBigEndian, RLELossless

from radiolens.errors import UnreadableImage
from radiolens.imaging.dicom_codecs import decoder_for
from radiolens.imaging.dicom_file import DicomFile
from radiolens.imaging.dicom_header import numbers, sop_class_name, text, whole
from radiolens.imaging.intensity import Floats, saturation
from radiolens.imaging.limits import Limits
from radiolens.quality import ProblemCode

__all__ = ["Colour", "check_pixels", "frame_count", "is_colour", "read_colour", "read_stored"]

_DAMAGE = (
    BytesLengthException,
    ValueError,
    TypeError,
    RuntimeError,
    AttributeError,
    LookupError,
    EOFError,
    OverflowError,
    struct.error,
)
"""What pydicom and its decoders raise on damaged pixel data and headers."""
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601
_THUMBNAIL_SIDE = 64  # pixels: enough to tell colour from grey
_SMALLEST_SIDE = 2  # pixels; less is no image


@dataclass(frozen=True, eq=False)
class Colour:
    """A colour frame turned grey: luma (rows, columns) from 0 to 1, and how colourful it was (0 to 1)."""

    grey: Floats
    saturation: float


def frame_count(file: DicomFile) -> int:
    """Return the number of frames a file declares; a file without the number has one."""
    return max(whole(file.header, "NumberOfFrames", 1), 1)  # a few writers state 0 for a single frame


def is_colour(file: DicomFile) -> bool:
    """Say whether the frames are coloured, by samples or by a palette."""
    return whole(file.header, "SamplesPerPixel", 1) > 1 or _photometric(file) == "PALETTE COLOR"


def check_pixels(file: DicomFile, limits: Limits) -> None:
    """Raise UnreadableImage if the file holds no image, declares more than is read, or less data than it declares."""
    if file.pixels_at is None:
        kind = sop_class_name(file.header) or "no kind that it states"
        if "Image Storage" in kind:  # as the standard names its SOP classes of images, and no other (PS3.6 A)
            raise UnreadableImage(
                f"The DICOM file holds no image ({kind}). The DICOM file is damaged or incomplete. "
                "Export it again from the PACS."
            )
        raise UnreadableImage(f"The DICOM file holds no image ({kind}). Send the image files, not reports or plans.")
    rows, columns, frames = whole(file.header, "Rows"), whole(file.header, "Columns"), frame_count(file)
    if min(rows, columns) < _SMALLEST_SIDE:
        raise UnreadableImage(f"The image has {columns} x {rows} pixels: too small to be one. Send the original.")
    if rows * columns * whole(file.header, "SamplesPerPixel", 1) > limits.pixels or frames > limits.frames:
        found = f"The file declares {frames} frames of {columns} x {rows} pixels"
        allowed = f"at most {limits.frames} frames of {limits.pixels / 1e6:.0f} million values are read"
        raise UnreadableImage(f"{found}; {allowed}. Send fewer or smaller images.", ProblemCode.TOO_LARGE)
    if not file.transfer_syntax.is_transfer_syntax or not file.transfer_syntax.is_encapsulated:
        _check_length(file, rows * columns * frames)


def read_stored(file: DicomFile, frame: int) -> NDArray[Any]:
    """Return the stored values of one frame, without bits that are not its own.

    (rows, columns), or (rows, columns, 3) of RGB or YBR. Raises UnreadableImage if they cannot be decoded.
    """
    return _decode(file, frame)[0]


def read_colour(file: DicomFile, frame: int) -> Colour:
    """Return one colour frame as grey; raise UnreadableImage if it cannot be decoded."""
    pixels, photometric = _decode(file, frame)
    bits = whole(file.header, "BitsStored")
    if photometric == "PALETTE COLOR":
        pixels, photometric, bits = _coloured(file, pixels), "RGB", _palette_bits(file.header)
    full_scale = float(max(2**bits - 1, pixels.max()))  # a few writers state fewer bits than they use
    luma = pixels[..., 0] if photometric.startswith("YBR") else pixels.astype(np.float32) @ _LUMA
    grey = np.clip(luma.astype(np.float32) / np.float32(full_scale), 0, 1)
    return Colour(grey, saturation(_thumbnail(pixels, photometric, full_scale)))


def _decode(file: DicomFile, frame: int) -> tuple[NDArray[Any], str]:
    """Return the samples of one frame and their photometric interpretation."""
    decoder = decoder_for(file.transfer_syntax)
    stream = io.BytesIO(file.content)  # shares the bytes
    stream.seek(file.pixels_at or 0)
    try:
        options = as_pixel_options(file.header, pixel_keyword="PixelData", pixel_vr=file.pixel_vr)
        options |= {"transfer_syntax_uid": file.transfer_syntax, "correct_unused_bits": not _is_shifted(file)}
        # Raw: pydicom's conversion to RGB takes four times the memory, and the luma of YBR is its Y.
        pixels, told = decoder.as_array(stream, index=frame, raw=True, **options)
    except _DAMAGE as error:
        raise UnreadableImage(
            f"The pixels cannot be decoded ({file.transfer_syntax.name}): they are damaged, or the header does not fit "
            "them. Export the image again from the PACS, uncompressed."
        ) from error
    return (_shifted(file, pixels) if _is_shifted(file) else pixels), str(told["photometric_interpretation"])


def _check_length(file: DicomFile, pixels: int) -> None:
    """Raise UnreadableImage if the file ends before its uncompressed pixels do."""
    bits = whole(file.header, "BitsAllocated") * whole(file.header, "SamplesPerPixel", 1)
    if _photometric(file) == "YBR_FULL_422":
        bits = bits * 2 // 3  # two pixels share their colour (PS3.3 C.7.6.3.1.2)
    expected, found = -(-pixels * bits // 8), len(file.content) - (file.pixels_at or 0)
    if found < expected:
        raise UnreadableImage(
            f"The file is incomplete and its image cannot be decoded: the header declares {expected} bytes of pixels, "
            f"{found} are there. Export it again from the PACS."
        )


def _photometric(file: DicomFile) -> str:
    return text(file.header, "PhotometricInterpretation") or ""


def _is_shifted(file: DicomFile) -> bool:
    """Say whether the values lie in other than the lowest bits, as the standard once allowed (HighBit)."""
    native = not file.transfer_syntax.is_compressed or file.transfer_syntax == RLELossless
    stored = whole(file.header, "BitsStored")
    return native and whole(file.header, "HighBit", stored - 1) != stored - 1


def _shifted(file: DicomFile, pixels: NDArray[Any]) -> NDArray[Any]:
    """Return values from BitsStored bits that end at HighBit, with their sign."""
    stored, high = whole(file.header, "BitsStored"), whole(file.header, "HighBit")
    width = pixels.dtype.itemsize * 8
    if not stored - 1 <= high < width:
        raise UnreadableImage(f"HighBit is {high}, with {stored} bits stored. Export the image again from the PACS.")
    moved: NDArray[Any] = (pixels << (width - 1 - high)) >> (width - stored)
    return moved


def _coloured(file: DicomFile, pixels: NDArray[Any]) -> NDArray[Any]:
    """Return RGB for indices into the file's palette (PS3.3 C.7.9)."""
    try:
        colours = np.asarray(apply_color_lut(pixels, file.header))[..., :3]
    except _DAMAGE as error:
        raise UnreadableImage("The colour palette is damaged. Export the image again from the PACS.") from error
    # pydicom takes the bytes of a plain (not segmented) palette as little endian in every file.
    plain_big = file.transfer_syntax == ExplicitVRBigEndian and "RedPaletteColorLookupTableData" in file.header
    return colours.byteswap() if plain_big else colours


def _palette_bits(header: Dataset) -> int:
    """Return the bits of a palette's entries, which may be fewer than those they take."""
    stated = numbers(header, "RedPaletteColorLookupTableDescriptor")[-1:]
    return 8 if stated == (8,) else 16  # there are no others (PS3.3 C.7.6.3.1.5)


def _thumbnail(pixels: NDArray[Any], photometric: str, full_scale: float) -> NDArray[np.uint8]:
    """Return every few pixels as 8-bit RGB."""
    step = max(1, min(pixels.shape[:2]) // _THUMBNAIL_SIDE)
    few = (pixels[::step, ::step] * (255 / full_scale)).astype(np.uint8)
    return convert_color_space(few, "YBR_FULL", "RGB") if photometric.startswith("YBR") else few
