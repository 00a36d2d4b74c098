"""Inflates compressed data within a bound, whatever they declare of themselves."""

from __future__ import annotations

import io
import zlib

from radiolens.errors import UnreadableImage
from radiolens.quality import ProblemCode

__all__ = ["inflate_gzip", "inflate_raw"]

_STEP = 1 << 20  # bytes inflated at a time; large enough to be fast, small beside the bound
_GZIP = 16 + zlib.MAX_WBITS  # zlib's way to ask for gzip's head and tail
_RAW = -zlib.MAX_WBITS  # without head and tail, as DICOM's deflated transfer syntax (PS3.5 A.5)


def inflate_gzip(data: bytes, at_most: int) -> bytes:
    """Return gzipped data, of one or several members, inflated to at most `at_most` bytes.

    Raises UnreadableImage if they are damaged, incomplete or larger.
    """
    return _inflate(data, _GZIP, at_most)


def inflate_raw(data: bytes, at_most: int) -> bytes:
    """Return raw deflated data inflated to at most `at_most` bytes; what follows their end (padding) is ignored.

    Raises UnreadableImage if they are damaged, incomplete or larger.
    """
    return _inflate(data, _RAW, at_most)


def _inflate(data: bytes, window_bits: int, at_most: int) -> bytes:
    # BytesIO grows in place; the list of pieces that zlib and gzip join would stand in memory twice.
    inflated = io.BytesIO()
    inflater = zlib.decompressobj(window_bits)
    try:
        for start in range(0, len(data), _STEP):
            inflater = _feed(inflater, data[start : start + _STEP], window_bits, inflated, at_most)
        inflated.write(inflater.flush())
    except zlib.error as error:
        raise UnreadableImage("The compressed file is damaged. Export or compress it again.") from error
    if not inflater.eof:
        raise UnreadableImage("The compressed file is incomplete. Export or compress it again.")
    return inflated.getvalue()


def _feed(
    inflater: zlib._Decompress, piece: bytes, window_bits: int, inflated: io.BytesIO, at_most: int
) -> zlib._Decompress:
    """Inflate one piece and return the inflater for the next: a new one behind the end of a gzip member."""
    while piece:
        if inflater.eof:
            if window_bits != _GZIP or not piece.startswith(b"\x1f"):
                return inflater  # padding
            inflater = zlib.decompressobj(window_bits)
        inflated.write(inflater.decompress(piece, _STEP))
        if inflated.tell() > at_most:
            raise UnreadableImage(
                f"The compressed file becomes larger than {at_most / 1e6:.0f} MB. Send less, or uncompressed.",
                ProblemCode.TOO_LARGE,
            )
        piece = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
    return inflater
