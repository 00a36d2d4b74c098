"""Ways in which images get worse: pure functions on grey levels, each with its strengths in a plain unit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["CORRUPTIONS", "Corruption"]

_Grey = NDArray[np.uint8]
_Change = Callable[[_Grey, float, np.random.Generator], _Grey]
"""From a picture of grey levels (rows, columns), a strength and a source of randomness to a changed copy."""

_FULL = 255.0
_TEXT_SHARE = 0.06
"""Height of a line of text: 13 of 224 pixels, as names and sides are burnt into pictures of this size."""
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


@dataclass(frozen=True)
class Corruption:
    """One way in which images get worse.

    `change` at `unchanged` is not called: it leaves the picture as it is. `strengths` go from weak to strong, in
    `unit`. The same randomness gives the same noise, direction or text at every strength, so that curves are smooth.
    """

    name: str
    unit: str
    unchanged: float
    strengths: tuple[float, ...]
    change: _Change


def _noise(grey: _Grey, deviation: float, random: np.random.Generator) -> _Grey:
    return _levels(grey + deviation * random.standard_normal(grey.shape))


def _blur(grey: _Grey, percent: float, _: np.random.Generator) -> _Grey:
    rows, columns = (side * percent / 100 for side in grey.shape)
    blurred = cv2.GaussianBlur(grey, (0, 0), sigmaX=columns, sigmaY=rows, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(blurred, np.uint8)


def _gamma(grey: _Grey, gamma: float, _: np.random.Generator) -> _Grey:
    return _levels(_FULL * (grey / _FULL) ** gamma)


def _jpeg(grey: _Grey, quality: float, _: np.random.Generator) -> _Grey:
    encoded = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, int(quality)])[1]
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE), np.uint8)


def _smaller(grey: _Grey, percent: float, _: np.random.Generator) -> _Grey:
    rows, columns = grey.shape
    size = max(1, round(columns * percent / 100)), max(1, round(rows * percent / 100))
    small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (columns, rows), interpolation=cv2.INTER_LINEAR), np.uint8)


def _rotation(grey: _Grey, degrees: float, random: np.random.Generator) -> _Grey:
    rows, columns = grey.shape
    centre = (columns - 1) / 2, (rows - 1) / 2  # of the pixels' middles, as OpenCV counts
    matrix = cv2.getRotationMatrix2D(centre, degrees * random.choice([-1.0, 1.0]), 1.0)
    return np.asarray(cv2.warpAffine(grey, matrix, (columns, rows), flags=cv2.INTER_LINEAR), np.uint8)


def _text(grey: _Grey, lines: float, random: np.random.Generator) -> _Grey:
    """Write white lines of ten letters at random places: corners are only one of the habits of hospitals."""
    written = grey.copy()
    rows, columns = grey.shape
    scale = rows * _TEXT_SHARE / cv2.getTextSize("H", cv2.FONT_HERSHEY_SIMPLEX, 1.0, 1)[0][1]
    for _ in range(int(lines)):
        words = "".join(random.choice(list(_LETTERS), 10))
        place = int(random.uniform(0, 0.5) * columns), int(random.uniform(_TEXT_SHARE, 1.0) * rows)
        cv2.putText(written, words, place, cv2.FONT_HERSHEY_SIMPLEX, scale, int(_FULL), 1, cv2.LINE_AA)
    return written


def _levels(values: NDArray[np.floating]) -> _Grey:
    return np.asarray(np.rint(np.clip(values, 0.0, _FULL)), np.uint8)


CORRUPTIONS: tuple[Corruption, ...] = (
    Corruption("noise", "standard deviation in grey levels of 255", 0.0, (5.0, 10.0, 20.0, 40.0), _noise),
    Corruption("blur", "standard deviation in % of the side", 0.0, (0.5, 1.0, 1.5, 2.0), _blur),
    Corruption("brighter", "gamma", 1.0, (0.8, 0.65, 0.5, 0.4), _gamma),
    Corruption("darker", "gamma", 1.0, (1.25, 1.5, 2.0, 2.5), _gamma),
    Corruption("JPEG", "quality, 100 is not compressed", 100.0, (75.0, 50.0, 25.0, 10.0), _jpeg),
    Corruption("down-scaling", "% of the side", 100.0, (75.0, 50.0, 35.0, 25.0), _smaller),
    Corruption("rotation", "degrees to either side", 0.0, (5.0, 10.0, 20.0, 30.0), _rotation),
    Corruption("burnt-in text", "lines of ten letters", 0.0, (1.0, 2.0, 4.0, 8.0), _text),
)
"""From what a viewer hardly sees to what a reader would send back."""
