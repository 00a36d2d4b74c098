"""Whether exposure or window leave anything to see: pure numbers of the pixels, without a network.

Preprocessing stretches the values of a picture, so that one which is merely dark loses nothing. Harmful is what cannot
be stretched back: few grey levels left of a dark picture, and a body that is clipped to white. The limits lie between
genuine pictures of all collections and generated exposures; `benchmarks/refusals.py` prints both.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from radiolens.image import Unit
from radiolens.quality import Problem, ProblemCode

__all__ = ["check_ct_window", "check_exposure"]

_SIDE = 256  # pixels of a side, or up to twice as many, are looked at: shares of a picture need no more

_DARK_BELOW = 0.22  # of full scale, for all but the brightest 0.5 %; genuine pictures reach 0.35
_FEW_LEVELS = 64  # of 256; a 12-bit film in the lowest sixteenth of 16 bits keeps thousands
_LEAST_CONTRAST = 0.05  # of full scale, between the darkest and the brightest 0.5 %

_AIR_UP_TO = 0.12  # of full scale: what is darker around a body is air
_WHITE_FROM = 0.98
_WHITE_BODY = 0.40  # of the body; 99.5 % of genuine films and MR slices have at most 0.29
_WHITE_BODY_CT = 0.75  # of the head: bone is white in a brain window, and near the vertex there is little else
_WHITE_PICTURE_CT = 0.14  # of the picture: slices near the vertex are all bone, but small


_BONE_FROM = 0.95
_LEAST_BONE = 0.004  # of the picture: no training or validation slice with so much of a head has less
_LEAST_HEAD = 0.2  # of the picture: above the vertex there is no bone left
_WINDOWED = "Send the DICOM files, or a picture in the brain window (centre 40, width 80 to 140)."


def check_ct_window(pixels: NDArray[np.float32], unit: Unit) -> Iterator[Problem]:
    """Yield `outside_intended_use` for a picture of a CT slice (rows, columns) without a brain window.

    In that bone is white. Where the whole range of values is shown, blood and brain are a few grey levels apart.
    """
    low, high = float(pixels.min()), float(pixels.max())
    if unit is not Unit.UNIT_INTERVAL or low == high:
        return
    bone, head = (float((pixels > low + share * (high - low)).mean()) for share in (_BONE_FROM, _AIR_UP_TO))
    if head >= _LEAST_HEAD and bone < _LEAST_BONE:
        found = f"Only {bone:.1%} of the picture are white as bone is in a brain window, so blood would hardly be seen."
        yield Problem.found(ProblemCode.OUTSIDE_INTENDED_USE, found, _WINDOWED)


def check_exposure(pixels: NDArray[np.float32], unit: Unit, *, white_bone: bool = False) -> Iterator[Problem]:
    """Yield `too_dark` or `too_bright` for a slice (rows, columns) of which too little can be seen.

    With `white_bone`, as in the brain window of a CT, a white skull is no clipping. Values in Hounsfield or arbitrary
    units have no full scale: of them only a slice of one single value is refused.
    """
    step = max(1, min(pixels.shape) // _SIDE)
    seen = np.ascontiguousarray(pixels[::step, ::step])  # looked at several times, and scattered over a large film
    if unit is not Unit.UNIT_INTERVAL:
        if seen.min() == seen.max():
            yield Problem.found(ProblemCode.TOO_DARK, "All pixels have the same value.")
        return
    low, high = (float(value) for value in np.quantile(seen, (0.005, 0.995)))
    if (high < _DARK_BELOW or high - low < _LEAST_CONTRAST) and _levels(seen, high) <= _FEW_LEVELS:
        code = ProblemCode.TOO_DARK if high < 0.5 else ProblemCode.TOO_BRIGHT
        yield Problem.found(code, f"The picture uses only {high - low:.0%} of the grey scale.")
        return
    clipped = _clipped(seen)
    if clipped >= (_WHITE_BODY_CT if white_bone else _WHITE_BODY):
        white = float((seen > _WHITE_FROM).mean())
        if not white_bone or white >= _WHITE_PICTURE_CT:
            yield Problem.found(ProblemCode.TOO_BRIGHT, f"{clipped:.0%} of the body are clipped to white.")


def _levels(seen: NDArray[np.float32], high: float) -> int:
    """Return how many different values there are below the brightest 0.5 %, which may be letters."""
    return len(np.unique(seen[seen <= high]))


def _clipped(seen: NDArray[np.float32]) -> float:
    """Return the share (0 to 1) of the body, or of the picture where there is no body, that is white."""
    body = seen > _AIR_UP_TO
    return float((seen > _WHITE_FROM).sum() / max(1, int(body.sum())))
