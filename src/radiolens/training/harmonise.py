"""Ways to make pictures of different hospitals alike before a network sees them; none changes its argument.

Each takes grey levels (rows, columns) as uint8, 0 black and 255 white, and returns such a picture, of its own size
where something was cut away.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Harmonisation",
    "body_cropped",
    "clahe",
    "edges_cut",
    "equalised",
    "standardised",
    "without_dark_borders",
    "without_white_boxes",
]

_Grey = NDArray[np.uint8]

Harmonisation = Callable[[_Grey], _Grey]

_CLIP, _TILES = 2.0, (8, 8)
"""Of CLAHE, as in OpenCV's tutorial and most work on chest films."""

_SPREAD = 2.5
"""Standard deviations from the mean that become black and white: a normal distribution loses 1 of 100 levels."""

_DARK, _EVEN = 16, 4.0
"""Grey levels: a row or column this dark in the mean, and this even, is a frame and no anatomy."""

_LEAST_KEPT = 0.5
"""Of each side: whatever would cut more than half is no frame, and nothing is cut."""

_EDGE = 0.08
"""Of each side: twice the border that the control looks at."""

_WHITE, _FILLED, _LARGEST_BOX = 250, 0.85, 0.15
"""Grey level from which a pixel is burned in, share of its bounding box that a box or letter stroke fills, and share of
the picture up to which it is one: no bone is all white, and a larger white field is the exposure."""

_LEAST_BOX = 12
"""Pixels: smaller white spots are noise or calcium."""

_GROWN = 5
"""Pixels of the square by which a box is widened, since compression blurs its edge."""


def clahe(grey: _Grey) -> _Grey:
    """Return the picture with its contrast equalised in tiles, limited (Zuiderveld 1994, Graphics Gems IV)."""
    return np.asarray(cv2.createCLAHE(_CLIP, _TILES).apply(grey), np.uint8)


def equalised(grey: _Grey) -> _Grey:
    """Return the picture with an even histogram."""
    return np.asarray(cv2.equalizeHist(grey), np.uint8)


def standardised(grey: _Grey) -> _Grey:
    """Return the picture with mean 128 and 2.5 standard deviations to black and to white; a constant one is grey."""
    values = grey.astype(np.float32)
    deviation = max(float(values.std()), 1.0)
    levels = (values - values.mean()) / deviation * (127.0 / _SPREAD) + 128.0
    return np.asarray(np.clip(np.rint(levels), 0, 255), np.uint8)


def without_dark_borders(grey: _Grey) -> _Grey:
    """Return the picture without the even, nearly black rows and columns around it."""
    values = grey.astype(np.float32)
    rows = _inside(values.mean(axis=1), values.std(axis=1))
    columns = _inside(values.mean(axis=0), values.std(axis=0))
    return grey[rows, columns].copy()


def edges_cut(grey: _Grey) -> _Grey:
    """Return the picture without 8 % at each side, where borders, letters and collimation lie."""
    high, wide = (round(side * _EDGE) for side in grey.shape)
    return grey[high : grey.shape[0] - high, wide : grey.shape[1] - wide].copy()


def without_white_boxes(grey: _Grey) -> _Grey:
    """Return the picture with burned-in white boxes and letters painted over from their surroundings."""
    _, labels, boxes, _ = cv2.connectedComponentsWithStats((grey >= _WHITE).astype(np.uint8))
    area = boxes[:, cv2.CC_STAT_AREA]
    bounding = boxes[:, cv2.CC_STAT_WIDTH] * boxes[:, cv2.CC_STAT_HEIGHT]
    chosen = (area >= _LEAST_BOX) & (area >= _FILLED * bounding) & (area <= _LARGEST_BOX * grey.size)
    chosen[0] = False  # the background of the components
    mask = cv2.dilate(chosen[labels].astype(np.uint8), np.ones((_GROWN, _GROWN), np.uint8))
    return np.asarray(cv2.inpaint(grey, mask, 3, cv2.INPAINT_TELEA), np.uint8) if mask.any() else grey.copy()


def body_cropped(grey: _Grey) -> _Grey:
    """Return the bounding box of the body: of the largest part that Otsu's threshold calls bright after a blur."""
    blurred = cv2.GaussianBlur(grey, (0, 0), max(grey.shape) / 50)
    _, bright = cv2.threshold(blurred, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    count, _, boxes, _ = cv2.connectedComponentsWithStats(bright)
    if count < 2:
        return grey.copy()
    left, top, width, height, _ = boxes[1 + int(boxes[1:, cv2.CC_STAT_AREA].argmax())]
    if min(width / grey.shape[1], height / grey.shape[0]) < _LEAST_KEPT:
        return grey.copy()
    return grey[top : top + height, left : left + width].copy()


def _inside(means: NDArray[np.float32], deviations: NDArray[np.float32]) -> slice:
    """Return the lines between the first and the last that is no frame; all, if that would leave less than half."""
    anatomy = np.flatnonzero((means > _DARK) | (deviations > _EVEN))
    if not anatomy.size or anatomy[-1] + 1 - anatomy[0] < _LEAST_KEPT * means.size:
        return slice(None)
    return slice(int(anatomy[0]), int(anatomy[-1]) + 1)
