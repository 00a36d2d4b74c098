"""Resizing of grey images."""

from __future__ import annotations

import numpy as np
import PIL.Image
from numpy.typing import NDArray

__all__ = ["resize"]

_WHOLE_UP_TO = 512  # pixels of a side: the released networks were trained on smaller images, resized in one step
_GAP = 2  # times the wanted size is left for the second step: a noisy film changes by 0.3 of 256 levels, by 2 at most
_STRIP = 64  # averaged rows at a time: their sums stay in the processor's cache


def resize(pixels: NDArray[np.float32], rows: int, columns: int) -> NDArray[np.float32]:
    """Return `pixels` (rows, columns) resized by area-aware (antialiased) bilinear interpolation.

    A side of more than 512 pixels is first averaged over whole pixels where it is many times too large, which takes a
    fraction of the time. An image that already has the size is returned as a copy, so values are unchanged.
    """
    if pixels.shape == (rows, columns):
        return pixels.copy()
    down, across = _factor(pixels.shape[0], rows), _factor(pixels.shape[1], columns)
    picture = PIL.Image.fromarray(np.ascontiguousarray(_averaged(pixels, down, across), dtype=np.float32))
    covered = 0, 0, pixels.shape[1] / across, pixels.shape[0] / down  # the last average may be of fewer pixels
    resized = picture.resize((columns, rows), PIL.Image.Resampling.BILINEAR, box=covered)
    return np.asarray(resized, dtype=np.float32)


def _factor(side: int, wanted: int) -> int:
    return max(1, side // (_GAP * wanted)) if side > _WHOLE_UP_TO else 1


def _averaged(pixels: NDArray[np.float32], down: int, across: int) -> NDArray[np.float32]:
    """Return the averages of blocks of `down` rows and `across` columns, and of what is left at the ends."""
    if down == across == 1:
        return pixels
    counts = np.outer(_counts(pixels.shape[0], down), _counts(pixels.shape[1], across))
    averages = np.empty(counts.shape, np.float32)
    for top in range(0, len(averages), _STRIP):
        strip = pixels[top * down : (top + _STRIP) * down]
        averages[top : top + _STRIP] = _sums(_sums(strip, down).T, across).T
    averages /= counts
    return averages


def _counts(side: int, factor: int) -> NDArray[np.float32]:
    return np.diff(np.append(np.arange(0, side, factor), side)).astype(np.float32)


def _sums(pixels: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Return the sums of every `factor` rows; the last may be of fewer."""
    sums = np.array(pixels[::factor], order="K")
    for offset in range(1, factor):
        rows = pixels[offset::factor]
        sums[: len(rows)] += rows
    return sums
