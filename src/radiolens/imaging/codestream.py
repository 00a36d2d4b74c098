"""What a compressed frame says of itself in its first bytes, before anything is decoded."""

from __future__ import annotations

import struct
from dataclasses import dataclass

__all__ = ["Codestream", "describe", "is_complete"]

_START, _END = b"\xff\xd8", b"\xff\xd9"  # of JPEG and JPEG-LS; JPEG 2000 has the same end
_END_WITHIN = 64  # bytes: only padding follows the end
_J2K_START_AND_SIZE = b"\xff\x4f\xff\x51"
_J2K_HEADER_WITHIN = 1 << 16  # bytes: a few writers wrongly put the boxes of a .jp2 file, a colour profile too, before
_FRAME_MARKERS = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}  # SOF0-15 but for DHT, JPG, DAC; SOF55 is JPEG-LS


@dataclass(frozen=True)
class Codestream:
    """Size and depth as the encoder wrote them."""

    rows: int
    columns: int
    components: int
    precision: int


def describe(frame: bytes) -> Codestream:
    """Return what a JPEG, JPEG-LS, JPEG 2000 or HTJ2K frame declares (ITU-T T.81 B.2.2, T.87 C.2.2, T.800 A.5.1).

    Raises ValueError if it is none of them.
    """
    try:
        return _jpeg(frame) if frame.startswith(_START) else _jpeg_2000(frame)
    except (struct.error, IndexError) as error:
        raise ValueError("the codestream ends within its header") from error


def is_complete(frame: bytes) -> bool:
    """Say whether a codestream has its end; decoders fill what is missing of a cut one with grey and say nothing."""
    return _END in frame[-_END_WITHIN:]


def _jpeg(frame: bytes) -> Codestream:
    at = len(_START)
    while frame[at] == 0xFF:
        marker = frame[at + 1]
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        length = struct.unpack_from(">H", frame, at + 2)[0]
        if marker in _FRAME_MARKERS:
            precision, rows, columns, components = struct.unpack_from(">BHHB", frame, at + 4)
            return Codestream(rows, columns, components, precision)
        at += 2 + length
    raise ValueError("a JPEG codestream without a frame header")


def _jpeg_2000(frame: bytes) -> Codestream:
    at = frame.find(_J2K_START_AND_SIZE, 0, _J2K_HEADER_WITHIN)
    if at < 0:
        raise ValueError("no JPEG, JPEG-LS or JPEG 2000 codestream")
    right, bottom, left, top = struct.unpack_from(">IIII", frame, at + 8)
    components, depth = struct.unpack_from(">HB", frame, at + 40)
    return Codestream(bottom - top, right - left, components, (depth & 0x7F) + 1)
