"""Resizing of grey images."""

from __future__ import annotations

import numpy as np
import PIL.Image
from numpy.typing import NDArray

__all__ = ["resize"]

_WHOLE_UP_TO = 512  # pixels of a side: the released networks were trained on smaller images, resized in one step
_GAP = 3  # times the wanted size is left for the second step; so the result is off by less than a grey level of 256


def resize(pixels: NDArray[np.float32], rows: int, columns: int) -> NDArray[np.float32]:
    """Return `pixels` (rows, columns) resized by area-aware (antialiased) bilinear interpolation.

    A side of more than 512 pixels is first averaged over whole pixels where it is many times too large, which takes a
    third of the time. An image that already has the size is returned as a copy, so values are unchanged.
    """
    if pixels.shape == (rows, columns):
        return pixels.copy()
    down, across = _factor(pixels.shape[0], rows), _factor(pixels.shape[1], columns)
    reduced = _averaged(_averaged(pixels, down).T, across).T
    picture = PIL.Image.fromarray(np.ascontiguousarray(reduced, dtype=np.float32))
    covered = 0, 0, pixels.shape[1] / across, pixels.shape[0] / down  # the last average may be of fewer pixels
    resized = picture.resize((columns, rows), PIL.Image.Resampling.BILINEAR, box=covered)
    return np.asarray(resized, dtype=np.float32)


def _factor(side: int, wanted: int) -> int:
    return max(1, side // (_GAP * wanted)) if side > _WHOLE_UP_TO else 1


def _averaged(pixels: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Return the averages of every `factor` rows; of those that are left at the end, too."""
    if factor == 1:
        return pixels
    whole = len(pixels) // factor * factor
    averages = np.empty((-(-len(pixels) // factor), pixels.shape[1]), np.float32, order="C" if _is_c(pixels) else "F")
    inner = averages[: whole // factor]
    np.add(pixels[0:whole:factor], pixels[1:whole:factor], out=inner)
    for row in range(2, factor):
        inner += pixels[row:whole:factor]
    inner /= np.float32(factor)
    averages[whole // factor :] = pixels[whole:].mean(axis=0) if whole < len(pixels) else 0
    return averages


def _is_c(pixels: NDArray[np.float32]) -> bool:
    return pixels.strides[0] >= pixels.strides[1]
