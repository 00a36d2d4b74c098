"""Whether letters look burnt into an image: shapes of one height, side by side on one line, unlike their surroundings.

Found are shapes that stand out from what is around them by a morphological top-hat (bright letters) or its counterpart
(dark ones), as text is found in natural scenes (Epshtein, Ofek and Wexler 2010, "Detecting text in natural scenes with
stroke width transform", section 3.2, gives the rules for letters and lines). A mark of the side is no text: it takes
several letters. It is made to miss little, since its answer keeps images from being stored and nothing else.
docs/safety.md says how often it is right.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

__all__ = ["looks_burnt_in"]

_LONGEST_SIDE = 1024
"""Pixels to which a film is reduced: letters of 1 % of its height still have 10."""

_BACKGROUNDS = (5, 11, 21)
"""Pixels of the square in which a stroke stands out; it has to be wider than the stroke and not wider than the gap."""

_FILM = (4, (0.1, 0.2, 0.4))
_SLICE = (5, (0.25,))
"""Fewest letters of a line, and how far they stand out, in parts of the image's range. Text is on most slices of a
volume, all of which are looked at, so that it need not be found on each; small bones look like letters more often."""

_HEIGHT = (5, 80)
"""Pixels of a letter."""

_WIDEST, _NARROWEST = 1.6, 0.08
"""Widths of a letter in parts of its height: W in a wide font, and I."""

_FILLED = (0.2, 0.95)
"""The part of its bounding box that a letter fills; a narrow one may fill all of it."""

_NARROW = 0.4
_MOST_SHAPES, _MOST_LETTERS = 10_000, 4000
"""In a mask, and of these such that could be letters. More is noise, in which a line would be found everywhere; text
stands out at the next limit, where there are fewer."""

_LOOK_BACK = 500
"""Shapes to the left, in the order of their left sides, among which the letter before is looked for."""

_GAP, _OVERLAP, _BASE, _ALIKE = 1.2, 0.3, 0.2, 1.8
"""Of two letters side by side, in heights: the gap with a space in it, how far their boxes overlap, and the step of the
line on which they stand; and by how many times one is higher than the other, as `b` than `a`."""

_EIGHT_NEIGHBOURS = np.ones((3, 3))

_Plane = NDArray[np.float32]


def looks_burnt_in(pixels: NDArray[np.float32]) -> bool:
    """Say whether text looks burnt into an image of shape (slices, rows, columns), in any unit."""
    letters, limits = _FILM if len(pixels) == 1 else _SLICE
    return any(_shows_text(plane, letters, limits) for plane in pixels)


def _shows_text(plane: _Plane, letters: int, limits: tuple[float, ...]) -> bool:
    small = _reduced(plane)
    low, high = float(np.percentile(small, 1)), float(small.max())
    if high <= low:
        return False
    bright = np.clip((small - low) / (high - low), 0, 1)
    return any(
        _has_line(standing_out > limit, letters)
        for shades in (bright, 1 - bright)
        for side in _BACKGROUNDS
        for standing_out in [shades - ndimage.grey_opening(shades, (side, side))]
        for limit in limits
    )


def _reduced(plane: _Plane) -> _Plane:
    """Return the plane with its longest side at most _LONGEST_SIDE: each pixel the mean of a square."""
    step = -(-max(plane.shape) // _LONGEST_SIDE)
    rows, columns = (side // step * step for side in plane.shape)
    blocks = plane[:rows, :columns].reshape(rows // step, step, columns // step, step)
    return np.asarray(blocks.mean(axis=(1, 3)), np.float32)


def _has_line(mask: NDArray[np.bool_], letters: int) -> bool:
    """Say whether so many shapes of a mask follow each other as letters do."""
    boxes = _letters(mask)
    if not letters <= len(boxes) <= _MOST_LETTERS:
        return False
    top, base, left, right = boxes[np.argsort(boxes[:, 2])].T
    height = base - top
    longest = np.ones(len(boxes), int)
    for one in range(1, len(boxes)):
        before = slice(max(0, one - _LOOK_BACK), one)
        high = height[one]
        follows = (
            (right[before] > left[one] - _GAP * high)
            & (right[before] <= left[one] + _OVERLAP * high)
            & (np.abs(base[before] - base[one]) <= _BASE * high + 1)
            & (height[before] < _ALIKE * high)
            & (height[before] * _ALIKE > high)
        )
        if follows.any():
            longest[one] = 1 + longest[before][follows].max()
    return bool(longest.max() >= letters)


def _letters(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the boxes (top, base, left, right) of the shapes of a mask that could be letters."""
    labels, count = ndimage.label(mask, _EIGHT_NEIGHBOURS)
    if not 0 < count <= _MOST_SHAPES:
        return np.empty((0, 4), int)
    area = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    found = ndimage.find_objects(labels)
    boxes = np.array([(rows.start, rows.stop, columns.start, columns.stop) for rows, columns in found])
    height, width = boxes[:, 1] - boxes[:, 0], boxes[:, 3] - boxes[:, 2]
    filled = area / (height * width)
    sized = (height >= _HEIGHT[0]) & (height <= _HEIGHT[1]) & (width <= _WIDEST * height)
    written = (width >= _NARROWEST * height) & (filled > _FILLED[0]) & (filled < _FILLED[1])
    chosen: NDArray[np.int64] = boxes[sized & (written | (width <= _NARROW * height))]
    return chosen
