"""Generated defects of genuine pictures: inverted, turned, cut off, too dark, too bright.

Pure functions of grey levels (rows, columns), uint8, and a random generator. Training and evaluation of the gate draw
from them. Tilts and trims beside them are no defects: films and slices come so, and the gate must let them pass.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = [
    "DEFECTS",
    "Grey",
    "cropped",
    "head_turned",
    "inverted",
    "rotated",
    "tilted",
    "too_bright",
    "too_dark",
    "trimmed",
    "turned",
]

Grey = NDArray[np.uint8]

_WHITE = 255
_LARGEST_TILT = 15.0  # degrees: a patient who lies askew is upright to a reader
_LEAST_TURN = 30.0  # degrees; between both the gate may say either
_QUARTER_SHARE = 0.6  # of the turned pictures: most are turned by a wrong export, by 90, 180 or 270 degrees
_FACE_DOWN = (125.0, 235.0)  # degrees counter-clockwise from a face that looks upwards
_BODY_FROM = 0.12  # of the brightest grey level: what is darker around a head is air


def inverted(grey: Grey, random: np.random.Generator) -> Grey:
    """Return the picture with black and white exchanged."""
    return np.asarray(_WHITE - grey, np.uint8)


def rotated(grey: Grey, random: np.random.Generator) -> Grey:
    """Return the picture turned by 90, 180 or 270 degrees, or by any angle of at least 30."""
    if random.random() < _QUARTER_SHARE:
        return np.ascontiguousarray(np.rot90(grey, int(random.integers(1, 4))))
    return turned(grey, random.uniform(_LEAST_TURN, 360 - _LEAST_TURN), whole=bool(random.random() < 0.5))


def head_turned(grey: Grey, random: np.random.Generator, face_degrees: float = 0.0) -> Grey:
    """Return a slice of a head with the face down, or nearly so.

    `face_degrees` is where the face looks now, counter-clockwise from upwards: 90 is to the left. Heads that lie on
    their side are no defect here, since every slice of one source does, nor those that lie askew, as patients do who
    cannot lie straight (docs/gate.md).
    """
    wanted = 180.0 if random.random() < _QUARTER_SHARE else random.uniform(*_FACE_DOWN)
    turn = wanted - face_degrees
    if turn % 90 == 0:
        return np.ascontiguousarray(np.rot90(grey, int(turn // 90)))
    return turned(grey, turn, whole=bool(random.random() < 0.5))


def tilted(grey: Grey, random: np.random.Generator) -> Grey:
    """Return the picture turned by at most 15 degrees, which is no defect."""
    return turned(grey, random.uniform(-_LARGEST_TILT, _LARGEST_TILT), whole=bool(random.random() < 0.3))


def turned(grey: Grey, degrees: float, *, whole: bool) -> Grey:
    """Return the picture turned counter-clockwise about its middle, with black corners.

    `whole` enlarges the canvas until nothing is cut off; otherwise it keeps its size.
    """
    rows, columns = grey.shape
    matrix = cv2.getRotationMatrix2D(((columns - 1) / 2, (rows - 1) / 2), degrees, 1.0)
    size = columns, rows
    if whole:
        cosine, sine = np.abs(matrix[0, :2])
        size = int(np.ceil(columns * cosine + rows * sine)), int(np.ceil(columns * sine + rows * cosine))
        matrix[0, 2] += (size[0] - columns) / 2
        matrix[1, 2] += (size[1] - rows) / 2
    return np.asarray(cv2.warpAffine(grey, matrix, size, flags=cv2.INTER_LINEAR), np.uint8)


def cropped(grey: Grey, random: np.random.Generator) -> Grey:
    """Return a part of the picture in which half of the organ is missing: one lung, half of the head, or more.

    A side of the body is cut away, or two neighbouring ones; sometimes the rest is then stretched to the old size.
    """
    top, bottom, left, right = _body(grey)
    height, width = bottom - top, right - left
    rows, columns = [0, grey.shape[0]], [0, grey.shape[1]]
    if random.random() < 0.5:
        if random.random() < 0.6:
            columns = _one_side(columns, left, width, random.uniform(0.4, 0.58), random)
        else:
            rows = _one_side(rows, top, height, random.uniform(0.4, 0.55), random)
    else:
        rows = _one_side(rows, top, height, random.uniform(0.4, 0.65), random)
        columns = _one_side(columns, left, width, random.uniform(0.4, 0.65), random)
    part = np.ascontiguousarray(grey[rows[0] : rows[1], columns[0] : columns[1]])
    if random.random() < 0.3:
        part = np.asarray(cv2.resize(part, grey.shape[::-1], interpolation=cv2.INTER_LINEAR), np.uint8)
    return part


def trimmed(grey: Grey, random: np.random.Generator) -> Grey:
    """Return the picture less up to a tenth of either side, which is no defect."""
    rows, columns = grey.shape
    kept_rows, kept_columns = (max(1, round(side * random.uniform(0.9, 1.0))) for side in (rows, columns))
    top, left = random.integers(0, rows - kept_rows + 1), random.integers(0, columns - kept_columns + 1)
    return np.ascontiguousarray(grey[top : top + kept_rows, left : left + kept_columns])


def too_dark(grey: Grey, random: np.random.Generator) -> Grey:
    """Return the picture as an underexposed or wrongly windowed one: nearly black, few grey levels left."""
    return _bent(grey, random.uniform(1.3, 2.5), random.uniform(0.04, 0.18))


def too_bright(grey: Grey, random: np.random.Generator) -> Grey:
    """Return the picture as an overexposed or wrongly windowed one: most of the body is clipped to white."""
    levels = grey.astype(np.float32) / _WHITE
    body = levels[levels > _BODY_FROM]
    dim = float(np.quantile(body, random.uniform(0.02, 0.2))) if body.size else 1.0
    return np.rint(np.clip(levels / max(dim, 0.02), 0, 1) * _WHITE).astype(np.uint8)


DEFECTS: Mapping[str, Callable[[Grey, np.random.Generator], Grey]] = MappingProxyType(
    {
        "inverted": inverted,
        "rotated": rotated,
        "cropped": cropped,
        "too_dark": too_dark,
        "too_bright": too_bright,
    }
)
"""The defects by the refusal code that is right for them (`radiolens.quality.ProblemCode`)."""


def _bent(grey: Grey, gamma: float, gain: float) -> Grey:
    levels = np.power(grey.astype(np.float32) / _WHITE, np.float32(gamma)) * np.float32(gain)
    return np.rint(np.clip(levels, 0, 1) * _WHITE).astype(np.uint8)


def _body(grey: Grey) -> tuple[int, int, int, int]:
    """Return (top, bottom, left, right) of what is not background."""
    smooth = cv2.blur(grey, (5, 5))
    bright = smooth > _BODY_FROM * max(1, int(smooth.max()))
    rows, columns = np.flatnonzero(bright.mean(axis=1) > 0.02), np.flatnonzero(bright.mean(axis=0) > 0.02)
    if not len(rows) or not len(columns):
        return 0, grey.shape[0], 0, grey.shape[1]
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def _one_side(whole: list[int], start: int, length: int, kept: float, random: np.random.Generator) -> list[int]:
    """Return the range of which the first or the last part of the body is cut away."""
    if random.random() < 0.5:
        return [whole[0], min(whole[1], start + max(8, round(length * kept)))]
    return [max(0, min(start + round(length * (1 - kept)), whole[1] - 8)), whole[1]]
