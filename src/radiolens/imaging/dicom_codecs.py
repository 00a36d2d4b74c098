"""Decoders for the transfer syntaxes of DICOM: pydicom's own, and imagecodecs for the JPEG family.

imagecodecs (BSD-3-Clause) brings libjpeg-turbo, which alone among the free decoders reads 12-bit and lossless JPEG,
CharLS for JPEG-LS, and OpenJPEG for JPEG 2000 and HTJ2K.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom import uid
from pydicom.pixels.decoders.base import Decoder, DecodeRunner, get_decoder

from radiolens.errors import UnreadableImage
from radiolens.imaging.codestream import Codestream, describe, is_complete
from radiolens.quality import ProblemCode

__all__ = ["DECODER_DEPENDENCIES", "decode_frame", "decoder_for", "is_available"]

_JPEG_SYNTAXES = (uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit, uid.JPEGLossless, uid.JPEGLosslessSV1)
_JPEG_LS_SYNTAXES = (uid.JPEGLSLossless, uid.JPEGLSNearLossless)
_JPEG_2000_SYNTAXES = (uid.JPEG2000Lossless, uid.JPEG2000, uid.HTJ2KLossless, uid.HTJ2KLosslessRPCL, uid.HTJ2K)
_PYDICOM = (
    uid.ImplicitVRLittleEndian,
    uid.ExplicitVRLittleEndian,
    uid.ExplicitVRBigEndian,
    uid.DeflatedExplicitVRLittleEndian,
    uid.RLELossless,
)

DECODER_DEPENDENCIES: Mapping[uid.UID, tuple[str, ...]] = MappingProxyType(
    dict.fromkeys((*_JPEG_SYNTAXES, *_JPEG_LS_SYNTAXES, *_JPEG_2000_SYNTAXES), ("imagecodecs",))
)
"""What pydicom names when a decoder is missing; part of its interface for plugins, as the next two functions."""


def is_available(syntax: str) -> bool:
    """Say whether the installed imagecodecs has the codec of a transfer syntax (some builds lack one)."""
    if syntax in _JPEG_SYNTAXES:
        return bool(imagecodecs.JPEG8.available)
    return bool(imagecodecs.JPEGLS.available if syntax in _JPEG_LS_SYNTAXES else imagecodecs.JPEG2K.available)


def decode_frame(frame: bytes, runner: DecodeRunner) -> memoryview:
    """Return the decoded bytes of one frame and tell pydicom how they lie.

    Raises ValueError, before memory is taken for the pixels, if the frame is cut off or not of the declared size.
    """
    declared = describe(frame)
    _check(frame, declared, runner)
    pixels = _DECODERS[runner.transfer_syntax](frame, declared)
    runner.set_option("bits_allocated", pixels.itemsize * 8)
    if runner.samples_per_pixel > 1:
        runner.set_option("planar_configuration", 0)
    if runner.photometric_interpretation in ("YBR_ICT", "YBR_RCT"):
        runner.set_option("photometric_interpretation", "RGB")  # the codec turns its own transforms back
    return np.ascontiguousarray(pixels).data.cast("B")


def decoder_for(syntax: uid.UID) -> Decoder:
    """Return the decoder of a transfer syntax.

    Raises UnreadableImage, naming the syntax and what to do, if it is not read or its decoder is not installed.
    """
    if syntax in _PYDICOM:
        return get_decoder(syntax)
    if syntax not in DECODER_DEPENDENCIES:
        raise _unsupported(syntax, "It is not one that radiolens reads.")
    decoder = Decoder(syntax)  # one of our own, so that pydicom's registry stays as it is
    decoder.add_plugin("radiolens", (__name__, decode_frame.__name__))
    if not decoder.is_available:
        raise _unsupported(syntax, f"Install its decoder: pip install {' '.join(DECODER_DEPENDENCIES[syntax])}.")
    return decoder


def _check(frame: bytes, declared: Codestream, runner: DecodeRunner) -> None:
    expected = runner.rows, runner.columns, runner.samples_per_pixel
    if (declared.rows, declared.columns, declared.components) != expected:
        raise ValueError(f"the frame is {declared}, the header says {expected}")
    if not 1 <= declared.precision <= 16:
        raise ValueError(f"{declared.precision} bits per sample")
    if not is_complete(frame):
        raise ValueError("the frame is cut off")


def _jpeg(frame: bytes, declared: Codestream) -> NDArray[Any]:
    # The colours stay as they are stored; pydicom knows from header and codestream which ones they are.
    space = "YCBCR" if declared.components == 3 else "GRAYSCALE"
    return np.asarray(imagecodecs.jpeg8_decode(frame, colorspace=space, outcolorspace=space, out=_room_for(declared)))


def _jpeg_ls(frame: bytes, declared: Codestream) -> NDArray[Any]:
    return np.asarray(imagecodecs.jpegls_decode(frame, out=_room_for(declared)))


def _jpeg_2000(frame: bytes, declared: Codestream) -> NDArray[Any]:
    # Signed samples have a type of their own, which the codec chooses; the size was compared before.
    return np.asarray(imagecodecs.jpeg2k_decode(frame, planar=False, numthreads=1))


def _room_for(declared: Codestream) -> NDArray[Any]:
    samples = (declared.components,) if declared.components > 1 else ()
    return np.empty((declared.rows, declared.columns, *samples), np.uint8 if declared.precision <= 8 else np.uint16)


_DECODERS: Mapping[str, Callable[[bytes, Codestream], NDArray[Any]]] = MappingProxyType(
    {
        **dict.fromkeys(_JPEG_SYNTAXES, _jpeg),
        **dict.fromkeys(_JPEG_LS_SYNTAXES, _jpeg_ls),
        **dict.fromkeys(_JPEG_2000_SYNTAXES, _jpeg_2000),
    }
)


def _unsupported(syntax: uid.UID, why: str) -> UnreadableImage:
    named = f"{syntax.name} ({syntax})" if syntax.name != syntax else str(syntax)
    return UnreadableImage(
        f"The transfer syntax {named} cannot be decoded. {why} Export the image uncompressed or as JPEG 2000.",
        ProblemCode.UNSUPPORTED_TRANSFER_SYNTAX,
    )
